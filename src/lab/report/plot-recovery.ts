/** What a fault does, and how long: admitted units over time. */
import { linearAxis, logAxis } from './axis.ts';
import { BOTTOM, frameOf, label, TOP } from './frame.ts';
import { byWay, drawMark, nameOf } from './marks.ts';
import type { Report, ReportRow, SetupFault, WindowMeans } from './model.ts';
import { showCount, showSeconds } from './numbers.ts';
import type { Plot } from './plot.ts';
import { atUsualInterval, distinctWays, hostsText, hostsWithMost, keysOf, picture } from './plot.ts';
import { element, pathThrough, at as round } from './svg.ts';
import { colourOf, isBaseline } from './ways-shown.ts';

const TITLE = 'Convergence after a fault';
/** Every so many units of the picture a line carries its mark. */
const MARK_EVERY = 70;
/** Ratios beyond this are drawn on a logarithmic axis. */
const MOST_LINEAR = 6;

export function recoveryPlot(report: Report): Plot {
  const usable = atUsualInterval(report.rows, report.setup.intervalSeconds).filter(
    (row) => !isBaseline(row.sharing) && pointsOf(row).length > 1,
  );
  const hosts = hostsWithMost(usable, distinctWays);
  const rows = usable.filter((row) => row.hosts === hosts);
  const { faults } = report.setup;
  const when = faults.length === 0 ? 'The scenario has no fault.' : `Shaded: ${faults.map(faultText).join('; ')}.`;
  const caption = `Units admitted in each window by ${hostsText(hosts)} together, in times of what one all-knowing limiter admits: 1 is exact. ${when} Without who shares nothing.`;
  const id = 'recovery';
  const keys = keysOf(rows);
  if (rows.length === 0) return { id, title: TITLE, caption, picture: undefined, keys };
  const points = rows.flatMap(pointsOf);
  const ratios = [...points.map(({ ratio }) => ratio), 1];
  const wide = Math.max(...ratios) > MOST_LINEAR;
  const frame = frameOf(
    {
      axis: linearAxis(
        points.map(({ at }) => at),
        7,
      ),
      title: 'time since requests began',
      label: showSeconds,
    },
    {
      axis: wide ? logAxis(ratios, 6) : linearAxis(ratios, 6),
      title: 'admitted, in times of what is right',
      label: showCount,
    },
  );
  const lines = byWay(rows).map(({ way, live, rows: own }) =>
    own.map((row) => {
      const line = pointsOf(row).map(({ at, ratio }) => [frame.x(at), frame.y(ratio)] as const);
      const path = element('path', { class: 'line', d: pathThrough(line) });
      const marks = spaced(line).map(([x, y]) =>
        drawMark(way, { x, y, words: nameOf(way, live ? 'live' : 'simulated'), source: row.source }, 3.6),
      );
      return element('g', { class: `way ${colourOf(way)}`, 'data-way': way }, path + marks.join(''));
    }),
  );
  const drawing = [
    frame.drawing,
    ...faults.map((fault) => shade(fault, frame.x, frame.left)),
    element('path', { class: 'right', d: `M${round(frame.left)} ${round(frame.y(1))}H${round(frame.x(1e9))}` }),
    ...lines.flat(),
  ].join('');
  return { id, title: TITLE, caption, picture: picture(id, TITLE, caption, drawing), keys };
}

/** Windows in which something was to be admitted. */
function pointsOf(row: ReportRow): { at: number; ratio: number }[] {
  return row.windows
    .filter(({ at, oracle }: WindowMeans) => at >= 0 && oracle > 0)
    .map(({ at, admitted, oracle }) => ({ at, ratio: admitted / oracle }));
}

function spaced(line: readonly (readonly [number, number])[]): (readonly [number, number])[] {
  let last = Number.NEGATIVE_INFINITY;
  return line.filter(([x]) => {
    if (x - last < MARK_EVERY) return false;
    last = x;
    return true;
  });
}

function faultText({ kind, atSeconds, forSeconds }: SetupFault): string {
  return `${kind} from ${showSeconds(atSeconds)} on for ${showSeconds(forSeconds)}`;
}

function shade({ kind, atSeconds, forSeconds }: SetupFault, x: (at: number) => number, left: number): string {
  const from = x(atSeconds);
  const width = Math.max(2, x(atSeconds + forSeconds) - from);
  const rect = element('rect', { class: 'fault', x: from, y: TOP, width, height: BOTTOM - TOP });
  return rect + label(Math.max(left, from) + 4, BOTTOM - 7, 'start', kind);
}
