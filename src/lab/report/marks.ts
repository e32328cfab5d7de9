/** Marks and lines of one way of sharing. */
import type { ReportRow, Source } from './model.ts';
import { element, escapeText, markPath, pathThrough, at as round } from './svg.ts';
import { colourOf, isBaseline, shapeOf, wayOrder } from './ways-shown.ts';

export interface Mark {
  readonly x: number;
  readonly y: number;
  /** Ends of the confidence interval, in coordinates. */
  readonly from?: number | undefined;
  readonly to?: number | undefined;
  /** Said when pointed at. */
  readonly words: string;
  readonly source: Source;
}

const RADIUS = 4.6;

/** Rows of one way of sharing as one line through marks; what is only counted is hollow and dashed. */
export function lineOf(way: string, marks: readonly Mark[]): string {
  const segments = marks.flatMap((mark, i) => {
    const before = marks[i - 1];
    if (before === undefined) return [];
    const dashed = mark.source === 'counted' || before.source === 'counted' || isBaseline(way);
    const d = pathThrough([
      [before.x, before.y],
      [mark.x, mark.y],
    ]);
    return element('path', { class: dashed ? 'line dashed' : 'line', d });
  });
  const bars = marks.map((mark) => barOf(mark)).join('');
  const all = segments.join('') + bars + marks.map((mark) => drawMark(way, mark)).join('');
  return element('g', { class: `way ${colourOf(way)}`, 'data-way': way }, all);
}

/** @param radius in units of the picture */
export function drawMark(way: string, { x, y, words, source }: Mark, radius = RADIUS): string {
  const shape = element(
    'path',
    { class: `mark ${source}`, d: markPath(shapeOf(way), x, y, radius) },
    `<title>${escapeText(words)}</title>`,
  );
  // Real gateways carry a dot in the middle.
  return source === 'live' ? shape + element('circle', { class: 'dot', cx: x, cy: y, r: radius / 3 }) : shape;
}

function barOf({ x, from, to }: Mark): string {
  // A bar that the mark covers says nothing.
  if (from === undefined || to === undefined || Math.abs(from - to) < 2 * RADIUS) return '';
  const [a, b] = [round(from), round(to)];
  return element('path', { class: 'bar', d: `M${round(x)} ${a}V${b}M${round(x - 3)} ${a}h6M${round(x - 3)} ${b}h6` });
}

/** A mark on its own, for legends. */
export function legendMark(way: string, source: Source): string {
  const mark = drawMark(way, { x: 14, y: 7, words: nameOf(way, source), source });
  const dashed = source === 'counted' || isBaseline(way);
  const line = element('path', { class: dashed ? 'line dashed' : 'line', d: 'M1 7H27' });
  return element(
    'svg',
    { class: 'key', viewBox: '0 0 28 14', width: 28, height: 14, 'aria-hidden': 'true' },
    element('g', { class: `way ${colourOf(way)}` }, line + mark),
  );
}

export function nameOf(way: string, source: Source): string {
  return source === 'live' ? `${way}, live` : way;
}

/** Rows of one way of sharing, live ones apart from the others; in the order in which ways are shown. */
export function byWay(rows: readonly ReportRow[]): { way: string; live: boolean; rows: ReportRow[] }[] {
  const groups = new Map<string, { way: string; live: boolean; rows: ReportRow[] }>();
  for (const row of rows) {
    const live = row.source === 'live';
    const name = `${row.sharing}/${live}`;
    const group = groups.get(name) ?? { way: row.sharing, live, rows: [] };
    groups.set(name, group);
    group.rows.push(row);
  }
  return [...groups.values()].sort((a, b) => wayOrder(a.way) - wayOrder(b.way) || Number(a.live) - Number(b.live));
}
