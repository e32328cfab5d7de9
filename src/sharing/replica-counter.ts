import type { CountSlot, Tally } from '../cluster/wire/counts.ts';
import type { CounterEntry } from './counter-map.ts';
import type { ReplicaHost } from './replica-hosts.ts';
import type { HostTallies } from './replica-tallies.ts';
import type { NewsTimes, OwnUse } from './replicated-use.ts';

/** Long before any round. */
export const NEVER = -1_000_000;

const NO_SLOTS: readonly ReplicaSlot[] = [];
/** So much longer slots are kept, for clocks that are set back a little. */
const GRACE_MS = 1_000;

/** Visible hosts as they were when a sum over them was made. */
interface VisibleSum {
  readonly visibility: unknown;
  readonly changes: number;
  readonly net: number;
}

/** One sub-window's counts of one counter: own ones, those of others by host, and what leaders say the others' sum is. */
export class ReplicaSlot implements CountSlot, Tally {
  readonly owner: ReplicaCounter;
  readonly index: number;
  epoch = 0;
  /** Own counts. */
  taken = 0;
  returned = 0;
  asked = 0;
  others: HostTallies | undefined;
  /** Units that others hold, and asked for. Kept here, since decisions read nothing else of them. */
  othersNet = 0;
  othersAsked = 0;
  /** Least that all others together have counted, as leaders say. */
  floor: Tally | undefined;
  /** The round in which own counts last changed. */
  ownChanged = NEVER;
  /** How often others have told just these own counts since. */
  ownHeard = 0;
  /** The round of the last change, by whom (undefined: this host), and the round of the last change by anybody else. */
  changed = NEVER;
  changedBy: ReplicaHost | undefined;
  changedByElse = NEVER;
  /** Changes so far. */
  changes = 0;
  /** Listed by the replica as changed lately. */
  hot = false;
  gone = false;
  /** Hosts that told counts of the slot before have a place here. */
  follows = false;
  /** Every host has a place in it, also those that have counted nothing. */
  includesAll = false;
  visible: VisibleSum | undefined;

  constructor(owner: ReplicaCounter, index: number) {
    this.owner = owner;
    this.index = index;
  }

  get counter(): string {
    return this.owner.counter;
  }
  get sliceMs(): number {
    return this.owner.sliceMs;
  }
  get keep(): number {
    return this.owner.keep;
  }

  /**
   * Takes in that counts of others, or what leaders say of them, have changed. Units that others hold are the sum over the hosts
   * known, or what leaders say where that is more: totals are never added up.
   */
  sumUp(now: number): void {
    const { others, floor, owner } = this;
    const known = others === undefined ? 0 : others.taken - others.returned;
    const net = floor === undefined ? known : Math.max(known, floor.taken - floor.returned);
    const asks = others === undefined ? 0 : others.asked;
    const asked = floor === undefined ? asks : Math.max(asks, floor.asked);
    owner.heardNet += net - this.othersNet;
    owner.heardAsked += asked - this.othersAsked;
    owner.heardAt = now;
    this.othersNet = net;
    this.othersAsked = asked;
  }

  /** Takes in what others remember of this host's own counts: it may have had to drop the counter. */
  raiseOwn({ taken, returned, asked }: Tally): void {
    if (taken === this.taken && returned === this.returned && asked === this.asked) this.ownHeard++;
    const before = this.net;
    this.taken = Math.max(this.taken, taken);
    this.returned = Math.max(this.returned, returned);
    this.asked = Math.max(this.asked, asked);
    this.owner.heardNet += this.net - before;
  }

  /** Takes in what a leader says that all others have counted together. False when all of that was known. */
  raiseFloor({ taken, returned, asked: told }: Tally, now: number): boolean {
    const { floor } = this;
    // Taken and returned belong together: each of two leaders may know of hosts that the other has not heard of.
    const more = floor === undefined || taken > floor.taken || (taken === floor.taken && returned > floor.returned);
    const asked = Math.max(told, floor?.asked ?? 0);
    if (!more && asked === floor.asked) return false;
    this.floor = more ? { taken, returned, asked } : { taken: floor.taken, returned: floor.returned, asked };
    this.changes++;
    this.sumUp(now);
    return true;
  }

  get net(): number {
    return Math.max(0, this.taken - this.returned + this.othersNet);
  }

  /** Notes that the counts of `by` have grown. */
  touched(by: ReplicaHost | undefined, round: number): void {
    this.changes++;
    if (by !== this.changedBy) {
      this.changedByElse = this.changed;
      this.changedBy = by;
    }
    this.changed = round;
  }

  /** The round of the last change by anybody but `host`. */
  changedWithout(host: ReplicaHost | undefined): number {
    return this.changedBy === host ? this.changedByElse : this.changed;
  }
}

/** All that a replica knows of one counter. */
export class ReplicaCounter implements CounterEntry {
  readonly counter: string;
  readonly sliceMs: number;
  readonly keep: number;
  expiresAt = 0;
  used = true;
  pinned = false;
  /** Newest first. */
  slots: readonly ReplicaSlot[] = NO_SLOTS;
  /** The newest slot that this host has charged; −1: none. */
  ownIndex = -1;
  /** Units that others were ever heard to have asked for, and to hold more than before. For their differences. */
  heardAsked = 0;
  heardNet = 0;
  /** When something was heard last, Unix milliseconds. */
  heardAt = 0;
  /** Which elected leader adds it up; −1: not looked up yet. */
  leaderSlot = -1;
  /** What it was last asked for with here, so that its geometry is not computed each time. */
  policy: unknown;
  /** What this host's own decisions need to remember. A reset ends it. */
  use: OwnUse | undefined;

  constructor(slot: Pick<CountSlot, 'counter' | 'sliceMs' | 'keep'>) {
    this.counter = slot.counter;
    this.sliceMs = slot.sliceMs;
    this.keep = slot.keep;
  }

  /**
   * What `use` makes of all that was heard; see {@link OwnUse.hear}.
   * @param index the sub-window that is now; a fixed window, kept alone, owes nothing to the one before
   */
  hear(use: OwnUse, index: number, now: number, times: NewsTimes): number {
    let net = this.heardNet;
    if (this.keep === 1) {
      use.startWindow(index);
      net = this.find(index)?.othersNet ?? 0;
    }
    return use.hear(this.heardAsked, net, this.heardAt, now, times);
  }

  /**
   * News have come: what this host's decisions make of them is made now, so that the next one need not. A bucket hears of them
   * when it is asked, since they lower its level then.
   */
  tellUse(now: number): void {
    const { use } = this;
    if (use === undefined || use.bucket !== undefined || use.times === undefined) return;
    this.hear(use, Math.floor(now / this.sliceMs), now, use.times);
  }

  find(index: number): ReplicaSlot | undefined {
    for (const slot of this.slots) {
      if (slot.index === index) return slot;
      if (slot.index < index) return undefined;
    }
    return undefined;
  }

  /** Adds the slot, which must not be there. */
  add(index: number): ReplicaSlot {
    const slot = new ReplicaSlot(this, index);
    let place = 0;
    while ((this.slots[place]?.index ?? -1) > index) place++;
    this.slots =
      place === 0 ? [slot].concat(this.slots) : this.slots.slice(0, place).concat(slot, this.slots.slice(place));
    this.expiresAt = Math.max(this.expiresAt, (index + this.keep) * this.sliceMs);
    return slot;
  }

  /** Adds the slots that have expired, taken out of the counter, to `gone`. */
  prune(now: number, gone: ReplicaSlot[]): void {
    let kept = this.slots.length;
    for (; kept > 0; kept--) {
      const last = this.slots[kept - 1];
      if (last === undefined || (last.index + this.keep) * this.sliceMs + GRACE_MS > now) break;
      gone.push(last);
    }
    if (kept < this.slots.length) this.slots = this.slots.slice(0, kept);
  }

  /** What `net` says of the sub-window with number `index` and of those before it, newest first. */
  sumsAt(index: number, buckets: number, net: (slot: ReplicaSlot) => number): number[] {
    // Without holes and pre-set lengths: arrays of the kind that the algorithms make themselves are the ones that they read fast.
    const counts: number[] = [];
    for (const slot of this.slots) {
      if (slot.index > index) continue;
      const place = index - slot.index;
      if (place >= buckets) break;
      while (counts.length < place) counts.push(0);
      counts.push(net(slot));
    }
    while (counts.length < buckets) counts.push(0);
    return counts;
  }
}
