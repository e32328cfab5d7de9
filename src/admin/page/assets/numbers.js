/** The large numbers and their last two minutes. */
import { Series, Sparkline, StackedChart } from './chart.js';
import { byId, el, setText } from './dom.js';
import { amount, percent, seconds, secondsText } from './format.js';

/** @typedef {import('../snapshot-schema.ts').Snapshot} Snapshot */

/** One number with a name, a unit, a second line and a sparkline. */
class Tile {
  #number = el('span', { class: 'number' }, '–');
  #unit = el('span', { class: 'unit' });
  #name = el('h3');
  #note = el('p', { class: 'quiet' }, '\u00a0');
  #spark;

  /** @param {HTMLElement} parent @param {string} name @param {readonly string[]} lines */
  constructor(parent, name, lines) {
    setText(this.#name, name);
    this.#spark = new Sparkline(lines);
    const number = el('p', { class: 'big' }, this.#number, this.#unit);
    parent.append(el('div', { class: 'panel tile' }, this.#name, number, this.#spark.element, this.#note));
  }

  /** @param {string} name */
  rename(name) {
    setText(this.#name, name);
  }

  /** @param {string} number @param {string} unit @param {string} note @param {readonly Series[]} series @param {number} [least] */
  show(number, unit, note, series, least) {
    setText(this.#number, number);
    setText(this.#unit, unit);
    setText(this.#note, note);
    this.#spark.draw(series, least);
  }
}

/** Times of one kind: the median large, the 99th percentile beside it. */
class TimeTile extends Tile {
  #p50 = new Series();
  #p99 = new Series();

  /** @param {HTMLElement} parent @param {string} name */
  constructor(parent, name) {
    super(parent, name, ['second', 'first']);
  }

  /** @param {{ readonly p50: number, readonly p99: number } | undefined} latency @param {string} idle @param {string} [more] */
  add(latency, idle, more = '') {
    this.#p50.push(latency?.p50);
    this.#p99.push(latency?.p99);
    const [number, unit] = latency === undefined ? ['–', ''] : seconds(latency.p99);
    const note = latency === undefined ? idle : `99th percentile; median ${secondsText(latency.p50)}${more}`;
    this.show(number, unit, note, [this.#p99, this.#p50]);
  }
}

export class Numbers {
  #allowed = new Series();
  #refused = new Series();
  #share = new Series();
  #requests = new Series();
  #chart = new StackedChart(byId('decisions-chart'));
  #decisions = byId('decisions');
  #tiles = byId('tiles');
  #shareTile = new Tile(this.#tiles, 'Refused', ['refused']);
  #decisionTile = new TimeTile(this.#tiles, 'Time to decide');
  #requestsTile = new Tile(this.#tiles, 'Requests', ['first']);
  #storeTile = new TimeTile(this.#tiles, 'Redis round trip');

  /** @param {Snapshot} snapshot */
  add({ seconds: measured, decisions, requests, store }) {
    // The first snapshot has no rates yet.
    if (measured === 0) return;
    const { allowedPerSecond, deniedPerSecond, shadowDeniedPerSecond, fallbackPerSecond } = decisions;
    const all = allowedPerSecond + deniedPerSecond + shadowDeniedPerSecond;
    const share = all === 0 ? undefined : deniedPerSecond / all;
    this.#allowed.push(allowedPerSecond + shadowDeniedPerSecond);
    this.#refused.push(deniedPerSecond);
    this.#share.push(share);
    setText(this.#decisions, amount(all));
    this.#chart.draw(this.#allowed, this.#refused);

    const shadow = shadowDeniedPerSecond === 0 ? '' : `, ${amount(shadowDeniedPerSecond)} more in shadow mode`;
    const refused = all === 0 ? 'no decisions now' : `${amount(deniedPerSecond)} of ${amount(all)} a second${shadow}`;
    this.#shareTile.show(...numberAndUnit(share), refused, [this.#share], 0.01);
    const policies = fallbackPerSecond === 0 ? '' : `; ${amount(fallbackPerSecond)}/s by failure policies`;
    this.#decisionTile.add(decisions.latency, 'no decisions now', policies);

    const finished =
      requests.allowedPerSecond + requests.deniedPerSecond + requests.shadowDeniedPerSecond + requests.errorPerSecond;
    this.#requests.push(finished);
    const faults = requests.errorPerSecond === 0 ? 'no faults' : `${amount(requests.errorPerSecond)}/s faults`;
    const whole = requests.latency === undefined ? '' : `; median ${secondsText(requests.latency.p50)}`;
    this.#requestsTile.show(amount(finished), '/s', `${requests.inFlight} in flight, ${faults}${whole}`, [
      this.#requests,
    ]);
    if (store === undefined) this.#storeTile.add(undefined, 'no limit is counted in Redis');
    else this.#storeTile.add(store.latency, 'no calls now', `; ${amount(store.callsPerSecond)} calls/s`);
  }
}

/** @param {number | undefined} share @returns {[string, string]} */
function numberAndUnit(share) {
  if (share === undefined) return ['–', ''];
  const [number = '', unit = ''] = percent(share).split('\u202f');
  return [number, unit];
}
