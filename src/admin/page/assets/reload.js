/** The last reload, and what it changed: before and after. */
import { byId, el, rebuild, setText } from './dom.js';
import { ago } from './format.js';

/** @typedef {import('../snapshot-schema.ts').Snapshot} Snapshot */

const RESULTS = {
  success: 'taken into use',
  unchanged: 'read again, nothing was different',
  failure: 'refused; the old one stays in force',
};

export class Reload {
  #note = byId('reload-note');
  #box = byId('reload');

  /** @param {Snapshot} snapshot */
  show({ reload, at, startedAt }) {
    setText(this.#note, ago(reload?.at ?? startedAt, at));
    rebuild(this.#box, [reload?.at, reload?.result], () => {
      if (reload === undefined) return [el('p', {}, 'As it was at the start: no reload yet.')];
      const lines = [...reload.faults.map(fault), ...reload.changes.map(change)];
      return [
        el('p', {}, `Last reload: ${RESULTS[reload.result]}.`),
        ...(lines.length === 0 ? [] : [el('ul', { class: 'diff' }, ...lines)]),
      ];
    });
  }
}

/** @param {string} text */
function fault(text) {
  return el('li', { class: 'fault' }, text);
}

/**
 * `limit points: rate 100/1m → 200/1m (takes effect after a restart)`: the setting is one word, what it was may be a list.
 * @param {string} text
 */
function change(text) {
  const parts = /^((?:.*?: )?\S+ )(.+) → (.+?)( \([^)]*\))?$/.exec(text);
  if (parts === null) return el('li', {}, text);
  const [, what = '', before = '', after = '', note = ''] = parts;
  return el('li', {}, what, el('del', {}, before), ' → ', el('ins', {}, after), note);
}
