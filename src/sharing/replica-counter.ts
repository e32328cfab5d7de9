import type { CountSlot, Tally } from '../cluster/wire/counts.ts';
import type { CounterEntry } from './counter-map.ts';
import type { HostTallies, ReplicaHost } from './replica-tallies.ts';
import type { OwnUse } from './replicated-use.ts';

/** Long before any round. */
export const NEVER = -1_000_000;

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
  /** Least that all others together have counted, as leaders say. */
  floor: Tally | undefined;
  /** The round in which own counts last changed. */
  ownChanged = NEVER;
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

  /** Units that others hold: the sum over the hosts known, or what leaders say where that is more. Totals are never added up. */
  get othersNet(): number {
    const { others, floor } = this;
    const known = others === undefined ? 0 : others.taken - others.returned;
    return floor === undefined ? known : Math.max(known, floor.taken - floor.returned);
  }

  get othersAsked(): number {
    const known = this.others?.asked ?? 0;
    return this.floor === undefined ? known : Math.max(known, this.floor.asked);
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
  readonly slots: ReplicaSlot[] = [];
  /** The newest slot that this host has charged; −1: none. */
  ownIndex = -1;
  /** Units that others were ever heard to have asked for, and to hold more than before. For their differences. */
  heardAsked = 0;
  heardNet = 0;
  /** When something was heard last, Unix milliseconds. */
  heardAt = 0;
  /** Which elected leader adds it up; −1: not looked up yet. */
  leaderSlot = -1;
  /** What this host's own decisions need to remember. A reset ends it. */
  use: OwnUse | undefined;

  constructor(slot: Pick<CountSlot, 'counter' | 'sliceMs' | 'keep'>) {
    this.counter = slot.counter;
    this.sliceMs = slot.sliceMs;
    this.keep = slot.keep;
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
    this.slots.splice(place, 0, slot);
    this.expiresAt = Math.max(this.expiresAt, (index + this.keep) * this.sliceMs);
    return slot;
  }

  /** Adds the slots that have expired, taken out of the counter, to `gone`. */
  prune(now: number, gone: ReplicaSlot[]): void {
    const { slots } = this;
    for (let last = slots.at(-1); last !== undefined; last = slots.at(-1)) {
      if ((last.index + this.keep) * this.sliceMs + GRACE_MS > now) return;
      slots.pop();
      gone.push(last);
    }
  }
}
