/** The plots that are lines through marks: messages, over-admission, time to agree. */
import type { Axis } from './axis.ts';
import { logAxis, valuesAxis } from './axis.ts';
import type { AxisShown } from './frame.ts';
import { frameOf, RIGHT } from './frame.ts';
import { byWay, lineOf, nameOf } from './marks.ts';
import type { Measured, Report, ReportRow } from './model.ts';
import { numberOf } from './model.ts';
import { showCount, showHosts, showPart, showSeconds } from './numbers.ts';
import type { Plot } from './plot.ts';
import { atUsualInterval, has, hostsText, hostsWithMost, keysOf, picture } from './plot.ts';
import { element, at as round } from './svg.ts';
import { colourOf, isBaseline } from './ways-shown.ts';

const MOST_TICKS = 6;
/** Parts of an axis between two labels. */
const APART = 0.09;

export function messagesPlot(report: Report): Plot {
  const rows = atUsualInterval(report.rows, report.setup.intervalSeconds).filter(
    (row) => (row.messagesPerSecond ?? 0) > 0,
  );
  const counted = rows.some((row) => row.analytic) ? ' Hollow and dashed: counted by a formula, not run.' : '';
  return linesPlot(rows, 'messagesPerSecond', {
    id: 'messages',
    title: 'Messages per second against hosts',
    caption: `All messages that all hosts send in a second; for redis calls and answers.${counted} Who shares nothing sends nothing.`,
    x: (row) => row.hosts,
    xAxis: { ...hostsAxis(rows), title: 'hosts' },
    y: { title: 'messages/s', label: showCount },
    dodge: 0,
    across: false,
  });
}

export function intervalPlot(report: Report): Plot {
  const rows = report.rows.filter((row) => has(row, 'overAdmission'));
  const hosts = hostsWithMost(
    rows,
    (each) => 1_000 * new Set(each.map((row) => row.intervalSeconds)).size + each.length,
  );
  const chosen = rows.filter((row) => row.hosts === hosts);
  const intervals = chosen.map((row) => row.intervalSeconds);
  return linesPlot(chosen, 'overAdmission', {
    id: 'interval',
    title: 'Over-admission against interval',
    caption: `The largest excess over the limit in any window, as a part of the limit, on ${hostsText(hosts)}; bars: 95 % confidence. The interval is the time between two reports of a host to others; a line all across does not depend on it.`,
    x: (row) => row.intervalSeconds,
    xAxis: { axis: valuesAxis(intervals, MOST_TICKS, 0.14), label: showSeconds, title: 'interval' },
    y: { title: 'over the limit', label: showPart },
    dodge: 3.2,
    across: true,
  });
}

export function agreementPlot(report: Report): Plot {
  const all = atUsualInterval(report.rows, report.setup.intervalSeconds);
  const rows = all.filter((row) => has(row, 'convergenceSeconds'));
  const never = all.filter((row) => !has(row, 'convergenceSeconds') && !row.analytic && !isBaseline(row.sharing));
  const missing =
    never.length === 0
      ? ''
      : ` Not in every run: ${never.map((row) => `${nameOf(row.sharing, row.source)} on ${hostsText(row.hosts)}`).join(', ')}.`;
  return linesPlot(rows, 'convergenceSeconds', {
    id: 'agreement',
    title: 'Time to agree against hosts',
    caption: `From the last request until all hosts hold the same count; bars: 95 % confidence.${missing}`,
    x: (row) => row.hosts,
    xAxis: { ...hostsAxis(rows), title: 'hosts' },
    y: { title: 'time to agree', label: showSeconds },
    dodge: 3.2,
    across: false,
  });
}

function hostsAxis(rows: readonly ReportRow[]): { axis: Axis; label: (value: number) => string } {
  return {
    axis: valuesAxis(
      rows.map((row) => row.hosts),
      8,
      APART,
    ),
    label: showHosts,
  };
}

interface LinesOptions {
  readonly id: string;
  readonly title: string;
  readonly caption: string;
  readonly x: (row: ReportRow) => number;
  readonly xAxis: AxisShown;
  readonly y: { readonly title: string; readonly label: (value: number) => string };
  /** How far ways of sharing stand apart where they would cover each other. */
  readonly dodge: number;
  /** A way of sharing with a single row holds all along the axis. */
  readonly across: boolean;
}

function linesPlot(rows: readonly ReportRow[], name: Measured, options: LinesOptions): Plot {
  const { id, title, caption } = options;
  const keys = keysOf(rows);
  if (rows.length === 0) return { id, title, caption, picture: undefined, keys };
  const values = rows.flatMap((row) => {
    const interval = row.intervals[name];
    const ends = interval === undefined ? [] : [interval.low, interval.high];
    // An interval that is cut at 0 needs no place for 0: its bar ends at the axis.
    return [numberOf(row, name) ?? 0, ...ends.filter((end) => end > 0)];
  });
  // Bars down to almost nothing would squeeze everything else.
  const least = Math.min(...rows.map((row) => numberOf(row, name) ?? 0).filter((value) => value > 0)) / 5;
  const shown = values.filter((value) => value <= 0 || value >= least);
  // Marks do not lie on the frame.
  const axis = logAxis([...shown, ...shown.flatMap((value) => [value / 1.3, value * 1.15])], MOST_TICKS);
  const frame = frameOf(options.xAxis, { axis, ...options.y });
  const groups = byWay(rows);
  const several = new Set(rows.map(options.x)).size;
  const lines = groups.map(({ way, live, rows: own }, i) => {
    const shift = (i - (groups.length - 1) / 2) * options.dodge;
    const marks = [...own]
      .sort((a, b) => options.x(a) - options.x(b))
      .map((row) => {
        const value = numberOf(row, name) ?? 0;
        const interval = row.intervals[name];
        return {
          x: frame.x(options.x(row)) + shift,
          y: frame.y(value),
          from: interval === undefined ? undefined : frame.y(interval.low),
          to: interval === undefined ? undefined : frame.y(interval.high),
          words: `${nameOf(way, live ? 'live' : 'simulated')}, ${options.xAxis.label(options.x(row))} ${options.xAxis.title}: ${options.y.label(value)} ${options.y.title}`,
          source: row.source,
        };
      });
    const only = own.length === 1 && options.across ? marks[0] : undefined;
    return (only === undefined || several === 1 ? '' : across(way, only.y, frame.left)) + lineOf(way, marks);
  });
  return { id, title, caption, picture: picture(id, title, caption, frame.drawing + lines.join('')), keys };
}

function across(way: string, y: number, left: number): string {
  const line = element('path', { class: 'line dashed', d: `M${round(left)} ${round(y)}H${RIGHT}` });
  return element('g', { class: `way ${colourOf(way)}` }, line);
}
