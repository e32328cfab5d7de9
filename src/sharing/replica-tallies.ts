import type { Peer } from '../cluster/peer.ts';
import type { Tally } from '../cluster/wire/counts.ts';

/** One life of a host, as a replica knows it. */
export interface ReplicaHost extends Peer {
  /** When it said the newest of its counts that are known here, on the monotonic clock. */
  saidAt: number;
  /** The message that last brought news of it. */
  newsIn: number;
  /** Slots that hold counts of it; with none left it is forgotten. */
  uses: number;
}

/** Places of hosts are searched for up to here, and looked up beyond. */
const SEARCHED = 12;
const STRIDE = 4;
const RETURNED = 1;
const ASKED = 2;
const MARK = 3;
/** Shared, and so never added to. */
const NOBODY: ReplicaHost[] = [];
const NOTHING: number[] = [];

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
  #values: number[] = NOTHING;
  #places: Map<ReplicaHost, number> | undefined;
  /** The hosts, once there are so many that the list grows in place. */
  #more: ReplicaHost[] = NOBODY;

  /** Where `host` stands; −1: it does not. */
  placeOf(host: ReplicaHost): number {
    return this.#places === undefined ? this.hosts.indexOf(host) : (this.#places.get(host) ?? -1);
  }

  add(host: ReplicaHost, mark: number): number {
    const place = this.hosts.length;
    if (place < SEARCHED) {
      // `concat` makes arrays without room to spare; pushing, or spreading, leaves more of it than is in use here.
      this.hosts = this.hosts.concat(host);
      this.#values = this.#values.concat([0, 0, 0, mark]);
    } else {
      if (this.#places === undefined) {
        this.#places = new Map(this.hosts.map((each, i) => [each, i]));
        this.hosts = this.#more = [...this.hosts];
      }
      this.#places.set(host, place);
      this.#more.push(host);
      this.#values.push(0, 0, 0, mark);
    }
    host.uses++;
    return place;
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
