import type { CountRecord, CountsMessage, HostTally, OriginNews } from '../cluster/wire/counts.ts';
import type { Replica } from './replica.ts';
import type { ReplicaSlot } from './replica-counter.ts';
import type { ReplicaHost } from './replica-hosts.ts';

/** Bytes that a record takes beside its counter's name, and a tally: estimates from above, as a rule. */
const RECORD_BYTES = 16;
const TALLY_BYTES = 12;
/** No round is as long ago. */
const EVERYTHING = Number.NEGATIVE_INFINITY;

/** Puts together a message of counts. One is used once. */
export class ReplicaNews {
  /** About how many bytes it will have. */
  bytes = 0;
  readonly #replica: Replica;
  readonly #ownAgeMs: number;
  readonly #monotonic: number;
  readonly #origins: OriginNews[] = [];
  readonly #places = new Map<ReplicaHost, number>();
  readonly #records: CountRecord[] = [];
  #ownPlace = -1;

  constructor(replica: Replica, now: number, monotonic: number) {
    this.#replica = replica;
    this.#ownAgeMs = replica.changes.ownAge(now);
    this.#monotonic = monotonic;
  }

  get empty(): boolean {
    return this.#records.length === 0;
  }

  /** Adds what this host itself counted. */
  addOwn(slot: ReplicaSlot): void {
    this.#add(slot, [this.#own(slot)]);
  }

  /** Adds what is known to have been counted by any host; with `since`, what changed after that round and is not known to most. */
  addKnown(slot: ReplicaSlot, since = EVERYTHING): void {
    const tallies: HostTally[] = [];
    const quiet = since === EVERYTHING ? Number.POSITIVE_INFINITY : this.#replica.heardEnough;
    if (slot.asked > 0 || slot.epoch > 0)
      if (slot.ownChanged > since && slot.ownHeard < quiet) tallies.push(this.#own(slot));
    const { others } = slot;
    if (others !== undefined) {
      for (let place = 0; place < others.hosts.length; place++) {
        const host = others.hosts[place];
        if (host === undefined || Math.floor(others.markAt(place)) <= since) continue;
        tallies.push({
          origin: this.#origin(host),
          taken: others.takenAt(place),
          returned: others.returnedAt(place),
          asked: others.askedAt(place),
        });
      }
    }
    if (tallies.length > 0) this.#add(slot, tallies);
  }

  message(): CountsMessage {
    return { kind: 'counts', origins: this.#origins, records: this.#records };
  }

  #add({ counter, sliceMs, keep, epoch, index }: ReplicaSlot, tallies: readonly HostTally[]): void {
    this.#records.push({ counter, sliceMs, keep, epoch, index, tallies });
    this.bytes += counter.length + RECORD_BYTES + tallies.length * TALLY_BYTES;
  }

  #own({ taken, returned, asked }: ReplicaSlot): HostTally {
    if (this.#ownPlace < 0) {
      const { address, incarnation } = this.#replica.self;
      this.#ownPlace = this.#origins.push({ address, incarnation, ageMs: this.#ownAgeMs }) - 1;
      this.bytes += address.length + RECORD_BYTES;
    }
    return { origin: this.#ownPlace, taken, returned, asked };
  }

  #origin(host: ReplicaHost): number {
    const known = this.#places.get(host);
    if (known !== undefined) return known;
    const { address, incarnation } = host;
    const ageMs = Math.max(0, this.#monotonic - this.#replica.saidAt(host));
    const place = this.#origins.push({ address, incarnation, ageMs }) - 1;
    this.#places.set(host, place);
    this.bytes += address.length + RECORD_BYTES;
    return place;
  }
}
