/** First of all: is everything well? Each part says so by a sign and a word, not by colour alone. */
import { byId, el, setAttribute, setText } from './dom.js';
import { ago, plural, secondsText, span } from './format.js';

/** @typedef {import('../snapshot-schema.ts').Snapshot} Snapshot */
/** @typedef {{ readonly level: 'good' | 'warn' | 'bad' | 'none', readonly word: string, readonly more: string }} Standing */

const SIGNS = { good: '✓', warn: '!', bad: '✕', none: '–' };
const PARTS = /** @type {const} */ (['Gateway', 'Redis', 'Hosts', 'Configuration']);

/** Shows how things stand, and announces what has changed. */
export class Status {
  #parts = PARTS.map((name) => {
    const [sign, word, more] = [
      el('span', { class: 'sign', 'aria-hidden': 'true' }),
      el('b'),
      el('span', { class: 'quiet' }),
    ];
    const item = el('li', {}, sign, el('span', { class: 'what' }, name), word, more);
    return { name, item, sign, word, more };
  });
  #announcer = byId('announcer');
  /** @type {string | undefined} */
  #said;

  constructor() {
    byId('status').append(...this.#parts.map(({ item }) => item));
  }

  /** @param {Snapshot} snapshot */
  show(snapshot) {
    const standings = standingsOf(snapshot);
    for (const { name, item, sign, word, more } of this.#parts) {
      const standing = standings[name];
      setAttribute(item, 'data-level', standing.level);
      setText(sign, SIGNS[standing.level]);
      setText(word, standing.word);
      setText(more, standing.more);
    }
    // Numbers change all the time and are not announced; how things stand is, when it changes.
    const said = PARTS.map((name) => `${name}: ${standings[name].word}`).join('. ');
    if (this.#said !== undefined && this.#said !== said) setText(this.#announcer, said);
    this.#said = said;
  }
}

/** @param {Snapshot} snapshot @returns {Record<(typeof PARTS)[number], Standing>} */
function standingsOf(snapshot) {
  return {
    Gateway: gatewayOf(snapshot),
    Redis: storeOf(snapshot),
    Hosts: hostsOf(snapshot),
    Configuration: configurationOf(snapshot),
  };
}

/** @param {Snapshot} snapshot @returns {Standing} */
function gatewayOf({ ready, reasons, at, startedAt, version }) {
  const up = `${version}, up ${span(Date.parse(at) - Date.parse(startedAt))}`;
  if (ready) return { level: 'good', word: 'ready', more: up };
  return { level: 'bad', word: reasons.join('; ') || 'not ready', more: up };
}

/** @param {Snapshot} snapshot @returns {Standing} */
function storeOf({ store }) {
  if (store === undefined) return { level: 'none', word: 'not used', more: 'no limit is counted there' };
  if (store.circuit === 'open') return { level: 'bad', word: 'not asked', more: 'failure policies decide' };
  if (store.circuit === 'half_open') return { level: 'warn', word: 'being tried', more: 'failure policies decide' };
  if (store.errorsPerSecond > 0)
    return { level: 'warn', word: 'some calls fail', more: 'failure policies decide those' };
  const { latency } = store;
  return {
    level: 'good',
    word: 'answers',
    more: latency === undefined ? 'nothing to ask' : `in ${secondsText(latency.p50)}`,
  };
}

/** @param {Snapshot} snapshot @returns {Standing} */
function hostsOf({ peers, peersLeftOut, store }) {
  if (peers.self === undefined) {
    const instances = store?.instances ?? 1;
    if (instances === 1) return { level: 'none', word: 'alone', more: 'no other instance is known' };
    return { level: 'good', word: plural(instances, 'instance'), more: 'share Redis' };
  }
  // Those that have ended are nobody's loss.
  const all = peers.peers.filter(({ state }) => state !== 'gone').length + peersLeftOut + 1;
  const lost = peers.peers.filter(({ state }) => state === 'dead').length;
  const unsure = peers.peers.filter(({ state }) => state === 'suspect').length;
  if (peers.visibleShare < 1 || lost > 0)
    return { level: 'bad', word: `${lost} of ${all} lost`, more: 'failure policies apply' };
  if (unsure > 0) return { level: 'warn', word: `${unsure} of ${all} silent`, more: 'others are being asked' };
  return { level: 'good', word: plural(all, 'host'), more: 'all of them visible' };
}

/** @param {Snapshot} snapshot @returns {Standing} */
function configurationOf({ reload, at, startedAt }) {
  if (reload === undefined) return { level: 'good', word: 'as started', more: ago(startedAt, at) };
  if (reload.result === 'failure')
    return { level: 'bad', word: 'new one refused', more: `${ago(reload.at, at)}; the old one stays` };
  return { level: 'good', word: reload.result === 'success' ? 'reloaded' : 'unchanged', more: ago(reload.at, at) };
}
