/** The ways of sharing as they are shown: order, mark, and whether they are there only to be compared with. */

/** A mark's outline: told apart without colours too. */
export type Shape = 'circle' | 'square' | 'triangle' | 'diamond' | 'down' | 'cross' | 'plus';

interface Shown {
  readonly shape: Shape;
  readonly baseline: boolean;
}

const SHOWN: ReadonlyMap<string, Shown> = new Map([
  ['redis', { shape: 'square', baseline: false }],
  ['mesh', { shape: 'circle', baseline: false }],
  ['gossip', { shape: 'triangle', baseline: false }],
  ['leader', { shape: 'diamond', baseline: false }],
  ['random-leaders', { shape: 'down', baseline: false }],
  ['none', { shape: 'cross', baseline: true }],
  ['split', { shape: 'plus', baseline: true }],
]);
const ORDER = [...SHOWN.keys()];

export function wayOrder(way: string): number {
  const at = ORDER.indexOf(way);
  return at === -1 ? ORDER.length : at;
}

export function shapeOf(way: string): Shape {
  return SHOWN.get(way)?.shape ?? 'circle';
}

/** Shares nothing. */
export function isBaseline(way: string): boolean {
  return SHOWN.get(way)?.baseline === true;
}

/** Names the colours of the page's style sheet. */
export function colourOf(way: string): string {
  return SHOWN.has(way) ? way : 'other';
}
