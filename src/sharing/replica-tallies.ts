import type { Tally } from '../cluster/wire/counts.ts';
import type { ReplicaHost } from './replica-hosts.ts';

/** Places of hosts are searched for up to here, and looked up beyond. */
const SEARCHED = 12;
/** From so many hosts on they are looked up in a list by their numbers, when that is no more than so many times longer. */
const LISTED = 64;
const SPARSE = 16;
const STRIDE = 4;
const RETURNED = 1;
const ASKED = 2;
const MARK = 3;
const HEARD_AGAIN = 1 / 1_024;
/** Shared, and so never added to. */
const NOBODY: ReplicaHost[] = [];
const NOTHING: number[] = [];
const NO_PLACES = new Int32Array(0);

/**
 * What other hosts counted in one slot, and the sums. Flat arrays, since there may be one for each of a million keys: with one
 * host about 150 bytes, about 60 more for each further one.
 */
export class HostTallies implements Tally {
  /** Sums over all hosts. */
  taken = 0;
  returned = 0;
  asked = 0;
  hosts: readonly ReplicaHost[] = NOBODY;
  #values: number[] | Float64Array = NOTHING;
  #places: Map<ReplicaHost, number> | undefined;
  /** By number of the host: its place and one, or 0. */
  #listed: Int32Array = NO_PLACES;
  /** The hosts, once there are so many that the list grows in place. */
  #more: ReplicaHost[] = NOBODY;

  /** Where `host` stands; −1: it does not. */
  placeOf(host: ReplicaHost): number {
    if (this.#listed !== NO_PLACES) return (this.#listed[host.number] ?? 0) - 1;
    return this.#places === undefined ? this.hosts.indexOf(host) : (this.#places.get(host) ?? -1);
  }

  add(host: ReplicaHost, mark: number): number {
    const place = this.hosts.length;
    if (place < SEARCHED && Array.isArray(this.#values)) {
      // `concat` makes arrays without room to spare; pushing, or spreading, leaves more of it than is in use here.
      this.hosts = this.hosts.concat(host);
      this.#values = this.#values.concat([0, 0, 0, mark]);
    } else {
      if (place === SEARCHED) this.hosts = this.#more = [...this.hosts];
      this.#more.push(host);
      this.#note(host, place);
      if (this.#values.length <= place * STRIDE) this.#values = grown(this.#values, place * STRIDE);
      this.#values[place * STRIDE + MARK] = mark;
    }
    host.uses++;
    return place;
  }

  /** Where the host stands, for {@link placeOf}. */
  #note(host: ReplicaHost, place: number): void {
    if (this.#listed === NO_PLACES) {
      if (place < LISTED || host.number >= SPARSE * place) {
        this.#places ??= new Map(this.hosts.map((each, i) => [each, i]));
        this.#places.set(host, place);
        return;
      }
      this.#places = undefined;
      this.#listed = new Int32Array(host.number + 1);
      for (const [i, each] of this.hosts.entries()) this.#list(each, i);
    }
    this.#list(host, place);
  }

  #list({ number }: ReplicaHost, place: number): void {
    if (number >= this.#listed.length) {
      const longer = new Int32Array(Math.max(number + 1, Math.ceil(this.#listed.length * 1.5)));
      longer.set(this.#listed);
      this.#listed = longer;
    }
    this.#listed[number] = place + 1;
  }

  /** Takes in what a host is said to have counted, by maximum; false when all of that was known. */
  raise(place: number, { taken, returned, asked }: Tally): boolean {
    const values = this.#values;
    const at = place * STRIDE;
    let news = false;
    const takenBefore = values[at] ?? 0;
    if (taken > takenBefore) {
      values[at] = taken;
      this.taken += taken - takenBefore;
      news = true;
    }
    const returnedBefore = values[at + RETURNED] ?? 0;
    if (returned > returnedBefore) {
      values[at + RETURNED] = returned;
      this.returned += returned - returnedBefore;
      news = true;
    }
    const askedBefore = values[at + ASKED] ?? 0;
    if (asked > askedBefore) {
      values[at + ASKED] = asked;
      this.asked += asked - askedBefore;
      news = true;
    }
    return news;
  }

  /**
   * Somebody told what was known. The mark is a round, in which the host's counts changed; its fraction says how often they have been
   * heard again since. Once that was `enough`, the mark is `rest`.
   */
  hearAgain(place: number, { taken, returned, asked }: Tally, enough: number, rest: number): void {
    const values = this.#values;
    const at = place * STRIDE;
    // Whoever tells of less does not know of this change.
    if (taken !== values[at] || returned !== values[at + RETURNED] || asked !== values[at + ASKED]) return;
    const mark = (values[at + MARK] ?? 0) + HEARD_AGAIN;
    values[at + MARK] = (mark - Math.floor(mark)) / HEARD_AGAIN >= enough ? rest : mark;
  }

  takenAt(place: number): number {
    return this.#values[place * STRIDE] ?? 0;
  }

  returnedAt(place: number): number {
    return this.#values[place * STRIDE + RETURNED] ?? 0;
  }

  askedAt(place: number): number {
    return this.#values[place * STRIDE + ASKED] ?? 0;
  }

  /** A number that the way of sharing keeps about a host: when its counts last changed, or when it was last told. */
  markAt(place: number): number {
    return this.#values[place * STRIDE + MARK] ?? 0;
  }

  setMark(place: number, mark: number): void {
    this.#values[place * STRIDE + MARK] = mark;
  }
}

function grown(values: number[] | Float64Array, used: number): Float64Array {
  const longer = new Float64Array(2 * (used + STRIDE));
  longer.set(values);
  return longer;
}
