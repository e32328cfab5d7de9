/** How long decisions take: a strip for each way of sharing. */
import { logAxis } from './axis.ts';
import { CHARACTER, HEIGHT, label, RIGHT, tickLabels } from './frame.ts';
import { byWay, nameOf } from './marks.ts';
import type { Report, ReportRow } from './model.ts';
import { showPart, showSeconds } from './numbers.ts';
import type { Plot } from './plot.ts';
import { atUsualInterval, distinctWays, hostsText, hostsWithMost, keysOf, picture } from './plot.ts';
import { element, pathThrough, at as round } from './svg.ts';
import { colourOf } from './ways-shown.ts';

const TITLE = 'Decision latency';
const TOP = 12;
const BOTTOM_ROOM = 42;
const STRIP = 34;
/** Half the height of the fullest bucket. */
const HALF = 13;

export function latencyPlot(report: Report): Plot {
  const usable = atUsualInterval(report.rows, report.setup.intervalSeconds).filter((row) => row.latencies.length > 0);
  const hosts = hostsWithMost(usable, distinctWays);
  const rows = byWay(usable.filter((row) => row.hosts === hosts)).flatMap(({ rows: own }) => own);
  const caption = `From question to answer, all decisions on ${hostsText(hosts)}. The height of a strip is the part of decisions that took so long; the lines are the median (long) and the 99th percentile (short). 0: decided in memory.`;
  const id = 'latency';
  const keys = keysOf(rows);
  if (rows.length === 0) return { id, title: TITLE, caption, picture: undefined, keys };
  const axis = logAxis(
    rows.flatMap((row) => row.latencies.map(({ upTo }) => upTo)),
    4,
  );
  const names = rows.map((row) => nameOf(row.sharing, row.source));
  const left = 14 + CHARACTER * Math.max(...names.map((name) => name.length));
  const bottom = TOP + STRIP * rows.length + 6;
  const x = (seconds: number): number => left + axis.at(seconds) * (RIGHT - left);
  const zero =
    axis.zeroUntil === undefined
      ? ''
      : element('rect', {
          class: 'zero',
          x: left,
          y: TOP,
          width: axis.zeroUntil * (RIGHT - left),
          height: bottom - TOP,
        });
  const grid = axis.ticks.map(({ value }) => `M${round(x(value))} ${TOP}V${round(bottom)}`).join('');
  const ticks = tickLabels(axis, showSeconds, (part) => left + part * (RIGHT - left), bottom + 17);
  const strips = rows.map((row, i) => strip(row, TOP + STRIP * (i + 0.5) + 3, left, x, axis.zeroUntil ?? 0));
  const drawing = [
    zero,
    element('path', { class: 'grid', d: grid }),
    element('path', { class: 'axis', d: `M${round(left)} ${round(bottom)}H${RIGHT}` }),
    ticks,
    label((left + RIGHT) / 2, bottom + BOTTOM_ROOM - 6, 'middle', 'time until the answer', 'title'),
    ...strips,
  ].join('');
  const height = Math.max(HEIGHT - 60, bottom + BOTTOM_ROOM);
  return { id, title: TITLE, caption, picture: picture(id, TITLE, caption, drawing, height), keys: [] };
}

function strip(
  row: ReportRow,
  middle: number,
  left: number,
  x: (seconds: number) => number,
  zeroUntil: number,
): string {
  const all = row.latencies.reduce((sum, { count }) => sum + count, 0);
  const most = Math.max(...row.latencies.map(({ count }) => count));
  const half = (count: number): number => Math.max(0.6, HALF * (count / most));
  const positive = row.latencies.filter(({ upTo }) => upTo > 0);
  const atOnce = row.latencies.filter(({ upTo }) => upTo <= 0).reduce((sum, { count }) => sum + count, 0);
  const parts: string[] = [];
  if (atOnce > 0) {
    const width = zeroUntil * (RIGHT - left) - 8;
    const attributes = { class: 'shape', x: left + 4, y: middle - half(atOnce), width, height: 2 * half(atOnce) };
    parts.push(element('rect', attributes, `<title>${showPart(atOnce / all)} in memory</title>`));
  }
  for (const run of runsOf(positive)) {
    // A bucket reaches from its lower edge to its upper one.
    const outline = run.flatMap(({ from, upTo, count }) => [
      [x(from), half(count)] as const,
      [x(upTo), half(count)] as const,
    ]);
    const upper = outline.map(([at, h]) => [at, middle - h] as const);
    const lower = outline.map(([at, h]) => [at, middle + h] as const).reverse();
    parts.push(element('path', { class: 'shape', d: `${pathThrough([...upper, ...lower])}Z` }));
  }
  const { p50, p99 } = row.decisionLatencySeconds;
  for (const [value, reach] of [
    [p50, HALF + 3],
    [p99, HALF - 4],
  ] as const) {
    if (value === null || value <= 0) continue;
    parts.push(element('path', { class: 'quantile', d: `M${round(x(value))} ${round(middle - reach)}v${2 * reach}` }));
  }
  const words = label(left - 8, middle + 4, 'end', nameOf(row.sharing, row.source));
  const title = `<title>${nameOf(row.sharing, row.source)}: p50 ${shown(p50)}, p99 ${shown(p99)}</title>`;
  return (
    words + element('g', { class: `way ${colourOf(row.sharing)}`, 'data-way': row.sharing }, title + parts.join(''))
  );
}

function shown(seconds: number | null): string {
  return seconds === null ? 'unknown' : showSeconds(seconds);
}

interface Bucket {
  readonly from: number;
  readonly upTo: number;
  readonly count: number;
}

/** Buckets a tenth wide that touch, together; an empty one between parts them. */
function runsOf(buckets: readonly { readonly upTo: number; readonly count: number }[]): Bucket[][] {
  const ratios = buckets.flatMap(({ upTo }, i) => {
    const before = buckets[i - 1]?.upTo;
    return before === undefined ? [] : [upTo / before];
  });
  const width = Math.min(1.25, ...ratios);
  const runs: Bucket[][] = [];
  buckets.forEach(({ upTo, count }, i) => {
    const before = buckets[i - 1]?.upTo;
    const touches = before !== undefined && upTo / before <= width * 1.001;
    const bucket = { from: touches ? before : upTo / width, upTo, count };
    const last = runs.at(-1);
    if (touches && last !== undefined) last.push(bucket);
    else runs.push([bucket]);
  });
  return runs;
}
