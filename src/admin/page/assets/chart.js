/** Small charts in SVG. Their numbers stand beside them as text, so the lines themselves are hidden from screen readers. */

import { el, setAttribute, setText, svg } from './dom.js';
import { amount, span } from './format.js';

/** Snapshots that a chart reaches back. */
const REACH = 120;

/** The last numbers of one kind; undefined where nothing was measured. */
export class Series {
  /** @type {(number | undefined)[]} */
  values = [];

  /** @param {number | undefined} value */
  push(value) {
    this.values.push(value);
    if (this.values.length > REACH) this.values.shift();
  }

  get max() {
    return this.values.reduce((/** @type {number} */ most, value) => Math.max(most, value ?? 0), 0);
  }
}

/**
 * The path through a series, newest at the right edge; gaps where there is no number.
 * @param {readonly (number | undefined)[]} values @param {number} width @param {number} height @param {number} top value at the upper edge
 */
function linePath(values, width, height, top) {
  let path = '';
  let pen = false;
  for (const [i, value] of values.entries()) {
    if (value === undefined) {
      pen = false;
      continue;
    }
    path += `${pen ? 'L' : 'M'}${x(i, values.length, width)} ${y(value, height, top)}`;
    pen = true;
  }
  return path;
}

/**
 * The area between two series.
 * @param {readonly number[]} upper @param {readonly number[]} lower @param {number} width @param {number} height @param {number} top
 */
function areaPath(upper, lower, width, height, top) {
  if (upper.length === 0) return '';
  const there = upper.map((value, i) => `${x(i, upper.length, width)} ${y(value, height, top)}`);
  const back = lower.map((value, i) => `${x(i, lower.length, width)} ${y(value, height, top)}`).reverse();
  return `M${there.join('L')}L${back.join('L')}Z`;
}

/** @param {number} i @param {number} length @param {number} width */
function x(i, length, width) {
  return (width - ((length - 1 - i) * width) / (reach(length) - 1)).toFixed(1);
}

/** A young chart does not start out nearly empty. @param {number} length */
function reach(length) {
  return Math.min(REACH, Math.max(30, length));
}

/** @param {number} value @param {number} height @param {number} top */
function y(value, height, top) {
  return (height - 1 - (Math.min(value, top) / top) * (height - 3)).toFixed(1);
}

/** A line or two without axes. */
export class Sparkline {
  element = svg('svg', { class: 'spark', viewBox: '0 0 160 36', preserveAspectRatio: 'none', 'aria-hidden': 'true' });
  /** @type {SVGPathElement[]} */
  #paths;

  /** @param {readonly string[]} classes one for each line */
  constructor(classes) {
    this.#paths = classes.map((name) => svg('path', { class: `line ${name}`, 'vector-effect': 'non-scaling-stroke' }));
    this.element.append(...this.#paths);
  }

  /** @param {readonly Series[]} series @param {number} [least] smallest upper edge */
  draw(series, least = 0) {
    const top = Math.max(least, ...series.map((each) => each.max)) || 1;
    for (const [i, path] of this.#paths.entries())
      path.setAttribute('d', linePath(series[i]?.values ?? [], 160, 36, top));
  }
}

const WIDTH = 640;
const HEIGHT = 180;

/** Allowed and refused decisions on top of each other, with a scale. */
export class StackedChart {
  #allowed = svg('path', { class: 'area allowed' });
  #refused = svg('path', { class: 'area refused' });
  #line = svg('path', { class: 'line allowed', 'vector-effect': 'non-scaling-stroke' });
  #description = svg('desc');
  #times = ['', '', 'now'].map((text) => el('span', {}, text));
  #scale = [0.5, 1].map((part) => ({ part, label: document.createElement('span') }));
  #plot = svg(
    'svg',
    { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: 'none', role: 'img' },
    svg('title', {}, 'Decisions per second over the last two minutes'),
    this.#description,
    ...[0.5, 1].map((part) => {
      const at = y(part, HEIGHT, 1);
      return svg('line', { class: 'grid', x1: 0, x2: WIDTH, y1: at, y2: at, 'vector-effect': 'non-scaling-stroke' });
    }),
    this.#allowed,
    this.#refused,
    this.#line,
  );

  /** @param {HTMLElement} parent */
  constructor(parent) {
    for (const { part, label } of this.#scale) label.className = part === 1 ? 'scale full' : 'scale half';
    const times = document.createElement('p');
    times.className = 'times';
    times.ariaHidden = 'true';
    times.append(...this.#times);
    const box = document.createElement('div');
    box.className = 'plot';
    for (const { label } of this.#scale) label.ariaHidden = 'true';
    box.append(this.#plot, ...this.#scale.map(({ label }) => label));
    parent.append(box, times);
  }

  /** @param {Series} allowed @param {Series} refused */
  draw(allowed, refused) {
    const low = allowed.values.map((value) => value ?? 0);
    const high = low.map((value, i) => value + (refused.values[i] ?? 0));
    const top = niceAbove(Math.max(...high, 1));
    this.#allowed.setAttribute(
      'd',
      areaPath(
        low,
        low.map(() => 0),
        WIDTH,
        HEIGHT,
        top,
      ),
    );
    this.#refused.setAttribute('d', areaPath(high, low, WIDTH, HEIGHT, top));
    this.#line.setAttribute('d', linePath(low, WIDTH, HEIGHT, top));
    const seconds = reach(low.length);
    for (const [i, time] of this.#times.slice(0, 2).entries()) setText(time, `${times(seconds / (i + 1))} ago`);
    for (const { part, label } of this.#scale) setText(label, amount(top * part));
    const [most, now, no] = [Math.max(...high, 0), low.at(-1) ?? 0, refused.values.at(-1) ?? 0];
    setText(this.#description, `Now ${amount(now)} allowed and ${amount(no)} refused. Most: ${amount(most)} in all.`);
    setAttribute(this.#plot, 'data-points', String(low.length));
  }
}

/** @param {number} seconds */
function times(seconds) {
  return seconds % 60 === 0 ? span(seconds * 1000) : `${seconds.toFixed(0)}\u202fs`;
}

/** The next number whose half is as round as itself: 1, 2, 3, 4, 5, 6, 8, 10, 20, … @param {number} value */
function niceAbove(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 3, 4, 5, 6, 8, 10].map((step) => step * power).find((step) => step >= value) ?? value;
}
