/** What all plots have: a frame with axes, grid and labels. */
import type { Axis } from './axis.ts';
import { element, escapeText, at as round } from './svg.ts';

/** In units of the picture, which is shown at about one to a CSS pixel: on a narrow screen a little less, on paper too. */
export const WIDTH = 380;
export const HEIGHT = 275;
export const TOP = 26;
export const BOTTOM = HEIGHT - 42;
export const RIGHT = WIDTH - 14;
/** Of one character of a label, at most. */
export const CHARACTER = 7.5;

export interface AxisShown {
  readonly axis: Axis;
  readonly title: string;
  readonly label: (value: number) => string;
}

export interface Frame {
  readonly left: number;
  /** From a value to a coordinate. */
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  /** Behind everything else. */
  readonly drawing: string;
}

export function frameOf(x: AxisShown, y: AxisShown): Frame {
  const left = 14 + CHARACTER * Math.max(3, ...y.axis.ticks.map(({ value }) => y.label(value).length));
  const toX = (part: number): number => left + part * (RIGHT - left);
  const toY = (part: number): number => BOTTOM - part * (BOTTOM - TOP);
  return {
    left,
    x: (value) => toX(x.axis.at(value)),
    y: (value) => toY(y.axis.at(value)),
    drawing: [
      zeroRoom(x.axis, y.axis, left, toX, toY),
      grid(y.axis.ticks.map(({ at }) => `M${round(left)} ${round(toY(at))}H${round(RIGHT)}`)),
      element('path', { class: 'axis', d: `M${round(left)} ${round(BOTTOM)}H${round(RIGHT)}` }),
      ...y.axis.ticks.map(({ value, at }) => label(left - 7, toY(at) + 4, 'end', y.label(value))),
      ...xTicks(x, toX),
      label(4, 13, 'start', y.title, 'title'),
      label((left + RIGHT) / 2, HEIGHT - 5, 'middle', x.title, 'title'),
    ].join(''),
  };
}

function grid(lines: readonly string[]): string {
  return element('path', { class: 'grid', d: lines.join('') });
}

function xTicks({ axis, label: text }: AxisShown, toX: (part: number) => number): string[] {
  const dashes = axis.ticks.map(({ at }) => `M${round(toX(at))} ${round(BOTTOM)}v4`).join('');
  return [element('path', { class: 'axis', d: dashes }), tickLabels(axis, text, toX, BOTTOM + 17)];
}

/** Labels under an axis; one that would touch the one before is left out. */
export function tickLabels(
  axis: Axis,
  text: (value: number) => string,
  toX: (part: number) => number,
  y: number,
): string {
  let free = Number.NEGATIVE_INFINITY;
  return axis.ticks
    .map(({ value, at }) => {
      const words = text(value);
      const half = (words.length * CHARACTER) / 2;
      // The last label must not stick out.
      const middle = Math.min(toX(at), WIDTH - half - 1);
      if (middle - half < free) return '';
      free = middle + half + 4;
      return label(middle, y, 'middle', words);
    })
    .join('');
}

/** Zero has no place on a logarithmic axis: it gets one, set apart. */
function zeroRoom(
  x: Axis,
  y: Axis,
  left: number,
  toX: (part: number) => number,
  toY: (part: number) => number,
): string {
  const rooms: string[] = [];
  if (x.zeroUntil !== undefined) {
    const width = toX(x.zeroUntil) - left;
    rooms.push(element('rect', { class: 'zero', x: left, y: TOP, width, height: BOTTOM - TOP }));
  }
  if (y.zeroUntil !== undefined) {
    const top = toY(y.zeroUntil);
    rooms.push(element('rect', { class: 'zero', x: left, y: top, width: RIGHT - left, height: BOTTOM - top }));
  }
  return rooms.join('');
}

export function label(x: number, y: number, anchor: 'start' | 'middle' | 'end', text: string, kind = 'label'): string {
  return element(
    'text',
    { class: kind, x, y, 'text-anchor': anchor === 'start' ? undefined : anchor },
    escapeText(text),
  );
}
