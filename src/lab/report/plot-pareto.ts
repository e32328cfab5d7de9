/** Accuracy, bytes and latency together: what has a price in one is cheap in another. */
import { logAxis } from './axis.ts';
import { BOTTOM, CHARACTER, frameOf, label, RIGHT, TOP } from './frame.ts';
import { drawMark, nameOf } from './marks.ts';
import type { Report, ReportRow } from './model.ts';
import { showBytes, showPart, showSeconds } from './numbers.ts';
import type { Plot } from './plot.ts';
import { atUsualInterval, distinctWays, has, hostsText, hostsWithMost, picture } from './plot.ts';
import { element, pathThrough } from './svg.ts';
import { colourOf } from './ways-shown.ts';

const TITLE = 'Accuracy, bytes and latency';

interface Placed {
  readonly row: ReportRow;
  /** The larger of over-admission and false denials. */
  readonly wrong: number;
  readonly bytes: number;
  readonly latency: number;
}

export function paretoPlot(report: Report): Plot {
  const usable = atUsualInterval(report.rows, report.setup.intervalSeconds).filter((row) =>
    (['overAdmission', 'falseDenials', 'bytesPerSecond', 'decisionLatencySeconds.p99'] as const).every((name) =>
      has(row, name),
    ),
  );
  const hosts = hostsWithMost(usable, distinctWays);
  const all = usable.filter((row) => row.hosts === hosts).map(place);
  const caption = `On ${hostsText(hosts)}: bytes sent per host and second against how wrong decisions are, which is the larger of over-admission (as a part of the limit) and false denials (as a part of the requests). The larger a mark, the longer the 99th percentile of decisions takes. Filled: nothing else is as good in all three. Best is bottom left, and small.`;
  const id = 'pareto';
  if (all.length === 0) return { id, title: TITLE, caption, picture: undefined, keys: [] };
  const frame = frameOf(
    {
      axis: logAxis(aired(all.map(({ bytes }) => bytes)), 5),
      title: 'bytes/s per host',
      label: showBytes,
    },
    {
      axis: logAxis(aired(all.map(({ wrong }) => wrong)), 6),
      title: 'wrong by',
      label: showPart,
    },
  );
  const boxes: Box[] = all.map((each) => boxAround(frame.x(each.bytes), frame.y(each.wrong), radiusOf(each.latency)));
  const drawing = all.map((each) => {
    const [x, y, radius] = [frame.x(each.bytes), frame.y(each.wrong), radiusOf(each.latency)];
    const { sharing, source } = each.row;
    const best = !all.some((other) => dominates(other, each));
    const name = nameOf(sharing, source);
    const words = `${name}: wrong by ${showPart(each.wrong)}, ${showBytes(each.bytes)}/s per host, p99 ${showSeconds(each.latency)}${best ? '; nothing else is as good in all three' : ''}`;
    const mark = drawMark(sharing, { x, y, words, source: best ? 'simulated' : 'counted' }, radius);
    const place = placeLabel(name, x, y, radius, boxes, frame.left);
    const lead = Math.abs(place.y - 4 - y) > 12 ? element('path', { class: 'lead', d: leadTo(x, y, place) }) : '';
    return (
      lead +
      element('g', { class: `way ${colourOf(sharing)}`, 'data-way': sharing }, mark) +
      label(place.x, place.y, place.anchor, name)
    );
  });
  return {
    id,
    title: TITLE,
    caption,
    picture: picture(id, TITLE, caption, frame.drawing + drawing.join('')),
    keys: [],
  };
}

function place(row: ReportRow): Placed {
  return {
    row,
    wrong: Math.max(row.overAdmission ?? 0, row.falseDenials ?? 0),
    bytes: (row.bytesPerSecond ?? 0) / row.hosts,
    latency: row.decisionLatencySeconds.p99 ?? 0,
  };
}

/** As good in all three, and better in one. */
function dominates(a: Placed, b: Placed): boolean {
  const [no, yes] = [a.wrong > b.wrong || a.bytes > b.bytes || a.latency > b.latency, a !== b];
  return yes && !no && (a.wrong < b.wrong || a.bytes < b.bytes || a.latency < b.latency);
}

/** From decided in memory to a tenth of a second and more. */
function radiusOf(latency: number): number {
  if (latency <= 0) return 4;
  const decades = Math.log10(latency / 1e-5);
  return 4 + 1.7 * Math.min(4.5, Math.max(0, decades));
}

/** Marks do not lie on the frame. */
function aired(values: readonly number[]): number[] {
  return values.flatMap((value) => [value / 1.6, value * 1.6]);
}

/** From a mark to a label that does not stand beside it. */
function leadTo(
  x: number,
  y: number,
  place: { readonly x: number; readonly y: number; readonly anchor: string },
): string {
  const end = place.anchor === 'start' ? place.x - 2 : place.anchor === 'end' ? place.x + 2 : place.x;
  return pathThrough([
    [x, y],
    [end, place.y - 4],
  ]);
}

interface Box {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

function boxAround(x: number, y: number, radius: number): Box {
  return { left: x - radius, right: x + radius, top: y - radius, bottom: y + radius };
}

/** Beside its mark, where it covers no mark and no other label; adds its box to `boxes`. */
function placeLabel(text: string, x: number, y: number, radius: number, boxes: Box[], left: number) {
  const width = text.length * CHARACTER;
  const gap = radius + 5;
  const choices = [
    ...[0, -14, 14, -28, 28, -42, 42].flatMap((dy) => [
      { x: x + gap, y: y + 4 + dy, anchor: 'start' as const, from: x + gap },
      { x: x - gap, y: y + 4 + dy, anchor: 'end' as const, from: x - gap - width },
    ]),
    { x, y: y - gap, anchor: 'middle' as const, from: x - width / 2 },
    { x, y: y + gap + 8, anchor: 'middle' as const, from: x - width / 2 },
  ];
  const boxed = choices.map((choice) => ({
    choice,
    box: { left: choice.from, right: choice.from + width, top: choice.y - 11, bottom: choice.y + 3 },
  }));
  const fits = boxed.find(
    ({ box }) =>
      box.left >= left &&
      box.right <= RIGHT + 10 &&
      box.top >= TOP - 8 &&
      box.bottom <= BOTTOM &&
      !boxes.some((other) => overlap(box, other)),
  );
  const chosen = fits ?? boxed[0];
  if (chosen === undefined) return { x, y, anchor: 'start' as const };
  boxes.push(chosen.box);
  return chosen.choice;
}

function overlap(a: Box, b: Box): boolean {
  return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
}
