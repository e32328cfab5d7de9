/** The busiest keys over all instances, asked for while somebody wants to see them. */
import { ask } from './ask.js';
import { byId, setText } from './dom.js';
import { plural } from './format.js';

/** @typedef {import('../snapshot-schema.ts').Snapshot} Snapshot */
/** @typedef {NonNullable<Snapshot['limits'][number]['top']>} Top */
/** @typedef {Top & { readonly fleet: { readonly instances: readonly object[], readonly missing: readonly string[] } }} FleetTop */

const KEYS = 6;

export class Fleet {
  #choice = byId('fleet-choice');
  #box = /** @type {HTMLInputElement} */ (byId('fleet'));
  #note = byId('fleet-note');
  /** @type {ReadonlyMap<string, FleetTop>} */
  #tops = new Map();
  #asking = false;

  /**
   * The snapshot, with what all instances have counted where that was asked for and is known. Never waits.
   * @param {Snapshot} snapshot @returns {Snapshot}
   */
  applied(snapshot) {
    this.#choice.hidden = !snapshot.fleetTop;
    if (!snapshot.fleetTop || !this.#box.checked) {
      this.#tops = new Map();
      setText(this.#note, '');
      return snapshot;
    }
    if (!this.#asking) void this.#ask(snapshot.limits.filter(({ top }) => top !== undefined).map(({ name }) => name));
    const limits = snapshot.limits.map((limit) => {
      const top = this.#tops.get(limit.name);
      return top === undefined ? limit : { ...limit, top };
    });
    return { ...snapshot, limits };
  }

  /** @param {readonly string[]} names */
  async #ask(names) {
    this.#asking = true;
    try {
      const query = `&count=${KEYS}&fleet=true`;
      const found = await Promise.all(names.map((name) => ask(`/v1/top?limit=${encodeURIComponent(name)}${query}`)));
      const tops = /** @type {FleetTop[]} */ (found);
      this.#tops = new Map(tops.map((top, i) => [names[i] ?? '', top]));
      setText(this.#note, noteOf(tops[0]?.fleet));
    } catch (reason) {
      setText(this.#note, reason instanceof Error ? reason.message : String(reason));
    } finally {
      this.#asking = false;
    }
  }
}

/** @param {FleetTop['fleet'] | undefined} fleet */
function noteOf(fleet) {
  if (fleet === undefined) return '';
  const { instances, missing } = fleet;
  const all = `(${plural(instances.length, 'instance')}`;
  return missing.length === 0 ? `${all})` : `${all}; no answer from ${missing.join(', ')})`;
}
