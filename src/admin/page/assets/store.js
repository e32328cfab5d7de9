/** How Redis is, from here. */
import { byId, el, rebuild, setText } from './dom.js';
import { amount, count, plural, secondsText } from './format.js';

/** @typedef {import('../snapshot-schema.ts').Snapshot} Snapshot */

const KINDS = { single: 'one server', cluster: 'a cluster', sentinel: 'watched by sentinels' };
const CIRCUITS = {
  closed: 'closed: it is asked',
  open: 'open: it is left alone for a moment',
  half_open: 'half open: one probe finds out',
};

/** @type {readonly (readonly [string, string])[]} */
const NOTHING = [['Used', 'no: every limit is counted by other means']];

export class Store {
  #note = byId('store-note');
  #facts = byId('store');

  /** @param {Snapshot} snapshot */
  show({ store }) {
    setText(this.#note, store === undefined ? '' : KINDS[store.kind]);
    const facts = store === undefined ? NOTHING : factsOf(store);
    rebuild(this.#facts, facts, () =>
      facts.map(([name, text]) => el('div', {}, el('dt', {}, name), el('dd', {}, text))),
    );
  }
}

/** @param {NonNullable<Snapshot['store']>} store @returns {readonly (readonly [string, string])[]} */
function factsOf({ circuit, instances, callsPerSecond, errorsPerSecond, errors, latency }) {
  const kinds = Object.entries(errors).filter(([, n]) => n > 0);
  const failed = kinds.map(([kind, n]) => `${count(n)} ${kind.replaceAll('_', ' ')}`).join(', ');
  const times =
    latency === undefined
      ? 'no calls now'
      : `median ${secondsText(latency.p50)}, 99th percentile ${secondsText(latency.p99)}`;
  return [
    ['Circuit', CIRCUITS[circuit]],
    ['Round trip', times],
    ['Calls', `${amount(callsPerSecond)} per second`],
    ['Errors', `${amount(errorsPerSecond)} per second; since the start ${failed === '' ? 'none' : failed}`],
    ['Shared by', plural(instances, 'instance')],
  ];
}
