/** Pictures as text. Coordinates have two decimals at most, so that the same numbers give the same bytes on every machine. */
import type { Shape } from './ways-shown.ts';

const UNSAFE = /[&<>"']/g;
const ESCAPES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text as it may stand between tags and in attributes. */
export function escapeText(text: string): string {
  return text.replace(UNSAFE, (character) => ESCAPES[character] ?? '');
}

type Attributes = Readonly<Record<string, string | number | undefined>>;

/** One element; `content` is markup already. Attributes that are undefined are left out. */
export function element(name: string, attributes: Attributes, content = ''): string {
  const text = Object.entries(attributes)
    .map(([key, value]) =>
      value === undefined ? '' : ` ${key}="${typeof value === 'number' ? at(value) : escapeText(value)}"`,
    )
    .join('');
  return content === '' ? `<${name}${text}/>` : `<${name}${text}>${content}</${name}>`;
}

/** A coordinate. */
export function at(value: number): string {
  return String(Math.round(value * 100) / 100 + 0);
}

/** A polygon's or line's path through points. */
export function pathThrough(points: readonly (readonly [x: number, y: number])[]): string {
  return points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${at(x)} ${at(y)}`).join('');
}

/** Outline of a mark around a point; all shapes look equally large. */
export function markPath(shape: Shape, x: number, y: number, radius: number): string {
  const corners = (points: readonly (readonly [number, number])[], scale: number): string =>
    `${pathThrough(points.map(([dx, dy]) => [x + dx * radius * scale, y + dy * radius * scale]))}Z`;
  switch (shape) {
    case 'circle': {
      const r = at(radius);
      return `M${at(x - radius)} ${at(y)}a${r} ${r} 0 1 0 ${at(2 * radius)} 0a${r} ${r} 0 1 0 ${at(-2 * radius)} 0Z`;
    }
    case 'square':
      return corners(
        [
          [-1, -1],
          [1, -1],
          [1, 1],
          [-1, 1],
        ],
        0.88,
      );
    case 'triangle':
      return corners(
        [
          [0, -1.1],
          [1, 0.75],
          [-1, 0.75],
        ],
        1.12,
      );
    case 'down':
      return corners(
        [
          [0, 1.1],
          [1, -0.75],
          [-1, -0.75],
        ],
        1.12,
      );
    case 'diamond':
      return corners(
        [
          [0, -1],
          [1, 0],
          [0, 1],
          [-1, 0],
        ],
        1.2,
      );
    case 'cross':
      return corners(
        CROSS.map(([dx, dy]) => [(dx - dy) * Math.SQRT1_2, (dx + dy) * Math.SQRT1_2]),
        1.15,
      );
    case 'plus':
      return corners(CROSS, 1.15);
  }
}

/** A plus sign, going round. */
const CROSS: readonly (readonly [number, number])[] = [
  [-0.35, -1],
  [0.35, -1],
  [0.35, -0.35],
  [1, -0.35],
  [1, 0.35],
  [0.35, 0.35],
  [0.35, 1],
  [-0.35, 1],
  [-0.35, 0.35],
  [-1, 0.35],
  [-1, -0.35],
  [-0.35, -0.35],
];
