import type { Peer } from '../cluster/peer.ts';
import type { CountSlot, CountsMessage, Tally, TotalRecord } from '../cluster/wire/counts.ts';
import { CounterMap } from './counter-map.ts';
import { ReplicaChanges } from './replica-changes.ts';
import type { ReplicaSlot } from './replica-counter.ts';
import { NEVER, ReplicaCounter } from './replica-counter.ts';
import type { ReplicaHost } from './replica-hosts.ts';
import { ReplicaHosts } from './replica-hosts.ts';
import { ReplicaSayings } from './replica-sayings.ts';
import { HostTallies } from './replica-tallies.ts';

export interface ReplicaOptions {
  /** Who counts here. Its counts are kept apart, as this host's own. */
  readonly self: Peer;
  /** Most counters kept. */
  readonly maxCounters: number;
  /** Left out: its own. */
  readonly hosts?: ReplicaHosts | undefined;
  /** Most counts of other hosts kept, over all counters; default 16 for each counter. */
  readonly maxTallies?: number;
  /**
   * What becomes of what is learnt of others. `only`: it counts. `and-sums`: it is listed as a change too, for a leader.
   * `and-relays`: moreover each host's counts are marked with the round of their last change, to be passed on.
   */
  readonly learns: 'only' | 'and-sums' | 'and-relays';
  /** A counter, or a count of another host, had to go before its time: what was counted there will be admitted again. */
  readonly onEvict: () => void;
  /** News of another host, so many milliseconds after it said them as far as can be known here. */
  readonly onNews: (ageMs: number) => void;
}

/** How far ahead another host's clock may be; what lies further in the future than this and one sub-window is dropped. */
const SKEW_MS = 10_000;
/** Most lives of hosts kept for one slot. */
const MAX_HOSTS = 20_000;

/**
 * The counts of all hosts, as far as this one knows them: for each counter, sub-window and life of a host, numbers that only grow and
 * are merged by maximum. So messages may come late, twice, or in any order, and hosts that have heard the same hold the
 * same (a state-based grow-only counter: M. Shapiro, N. Preguiça, C. Baquero, M. Zawirski, A comprehensive study of
 * Convergent and Commutative Replicated Data Types, INRIA 2011). A restarted host is a new life: what it counted before stays
 * until the sub-window is over. A reset raises the slots' epochs, and whatever is told of a lower one is void.
 *
 * Knows no clock: `now` is Unix milliseconds of this host's clock. Slots are numbered by Unix time, the same on every host.
 *
 * Memory is bounded: counters by `maxCounters`, counts of hosts by `maxTallies`, and slots by the time they matter.
 */
export class Replica {
  readonly self: Peer;
  readonly changes = new ReplicaChanges();
  /** What is to be passed on rests once it has been heard again so often. */
  heardEnough = Number.POSITIVE_INFINITY;
  readonly #options: ReplicaOptions;
  readonly #counters: CounterMap<ReplicaCounter>;
  readonly #hosts: ReplicaHosts;
  readonly #me: ReplicaHost;
  readonly #sayings = new ReplicaSayings();
  readonly #pruned: ReplicaSlot[] = [];
  /** Hosts of which nothing may be held any more. */
  readonly #idle: ReplicaHost[] = [];
  readonly #maxTallies: number;
  #tallies = 0;

  constructor(options: ReplicaOptions) {
    this.#options = options;
    this.self = options.self;
    this.#hosts = options.hosts ?? new ReplicaHosts();
    this.#me = this.#hosts.of(options.self);
    this.#me.uses++;
    this.#maxTallies = options.maxTallies ?? 16 * options.maxCounters;
    this.#counters = new CounterMap(
      options.maxCounters,
      () => options.onEvict(),
      (counter) => {
        for (const slot of counter.slots) this.#release(slot);
      },
    );
  }

  /** Counters in memory. */
  get size(): number {
    return this.#counters.size;
  }

  /** Counts of other hosts in memory. */
  get tallies(): number {
    return this.#tallies;
  }

  find(counter: string): ReplicaCounter | undefined {
    return this.#counters.get(counter);
  }

  /** In no particular order. */
  counters(): IterableIterator<ReplicaCounter> {
    return this.#counters.values();
  }

  /** The counter for this host's own use. One of another geometry, as before a reload, gives way. */
  own(name: string, sliceMs: number, keep: number): ReplicaCounter {
    const found = this.#counters.get(name);
    if (found !== undefined && found.sliceMs === sliceMs && found.keep === keep) return found;
    return this.#create({ counter: name, sliceMs, keep });
  }

  /** Counts that this host was asked for `asked` units and admitted `taken` of them. */
  count(counter: ReplicaCounter, index: number, asked: number, taken: number, now: number): void {
    const slot = counter.find(index) ?? this.#add(counter, index, now);
    slot.asked += asked;
    slot.taken += taken;
    if (taken > 0) counter.ownIndex = index;
    this.changes.own(slot, now);
  }

  /** Counts units that were given back; those of a slot that is over, or was reset, are gone already. */
  giveBack(counter: ReplicaCounter, index: number, units: number, now: number): void {
    const slot = counter.find(index);
    if (slot === undefined) return;
    const back = Math.min(units, slot.taken - slot.returned);
    if (back <= 0) return;
    slot.returned += back;
    this.changes.own(slot, now);
  }

  /** Voids all that matters of the counter now, on all hosts as they hear of it. */
  reset(counter: ReplicaCounter, now: number): void {
    counter.ownIndex = -1;
    const newest = Math.floor(now / counter.sliceMs);
    for (let index = newest - counter.keep + 1; index <= newest; index++) {
      if (counter.find(index) === undefined) this.#add(counter, index, now);
    }
    for (const slot of counter.slots) {
      // By time rather than by one: then it voids also what was counted after a reset that is not known here yet.
      this.#restart(slot, Math.max(slot.epoch + 1, now));
      this.changes.own(slot, now);
    }
  }

  /**
   * Takes in what another host tells.
   * @param monotonic the same moment on the monotonic clock
   */
  merge({ origins, records }: CountsMessage, now: number, monotonic: number): void {
    const sayings = this.#sayings;
    sayings.begin(origins.length);
    for (const record of records) {
      const slot = this.#slotFor(record, now);
      if (slot === undefined) continue;
      for (const tally of record.tallies) {
        const origin = origins[tally.origin];
        if (origin === undefined || tally.returned > tally.taken) continue;
        const host = this.#hosts.ofOrigin(origin);
        if (record.epoch < slot.epoch) this.#voided(slot, host);
        else if (host === this.#me) slot.raiseOwn(tally);
        else if (this.#mergeTally(slot, host, tally, now)) sayings.news(tally.origin);
      }
      slot.owner.tellUse(now);
    }
    for (let i = 0; i < origins.length; i++) {
      const origin = origins[i];
      if (origin === undefined) continue;
      const host = this.#hosts.ofOrigin(origin);
      if (sayings.isNews(i)) {
        sayings.said(host, monotonic - origin.ageMs);
        this.#options.onNews(origin.ageMs);
      }
      if (host.uses === 0) this.#idle.push(host);
    }
    // Each turn makes room by one counter.
    while (this.#tallies > this.#maxTallies && this.#counters.evictOne());
    this.#forgetIdle();
  }

  /** Takes in what a leader says that all others have counted together. False when all of that was known. */
  mergeTotal(record: TotalRecord, now: number): boolean {
    if (record.returned > record.taken) return false;
    const slot = this.#slotFor(record, now);
    if (slot === undefined || record.epoch < slot.epoch) return false;
    const news = slot.raiseFloor(record, now);
    if (news) slot.owner.tellUse(now);
    return news;
  }

  /** When a host said the newest of its counts that are known here, on the monotonic clock. */
  saidAt(host: ReplicaHost): number {
    return this.#sayings.saidAt(host);
  }

  /** Drops what has expired, looking at so many counters. */
  dropExpired(now: number, steps: number): void {
    this.#counters.dropExpired(now, steps);
    this.#forgetIdle();
  }

  #slotFor(record: CountSlot, now: number): ReplicaSlot | undefined {
    const { sliceMs, index } = record;
    if ((index + record.keep) * sliceMs <= now || (index - 1) * sliceMs > now + SKEW_MS) return undefined;
    let counter = this.#counters.get(record.counter);
    if (counter === undefined) {
      counter = this.#create(record);
    } else if (counter.sliceMs !== sliceMs || counter.keep !== record.keep) {
      // Another configuration's. What this host uses itself it goes on counting in its own way.
      if (counter.ownIndex >= 0) return undefined;
      counter = this.#create(record);
    }
    const slot = counter.find(index) ?? this.#add(counter, index, now);
    if (record.epoch > slot.epoch) this.#restart(slot, record.epoch);
    return slot;
  }

  /**
   * Gives those who told counts of the slot before a place in this one, so that a leader tells them of it although they have not asked
   * in it yet. Once for each slot.
   */
  follow(slot: ReplicaSlot): void {
    if (slot.follows) return;
    slot.follows = true;
    const others = slot.owner.find(slot.index - 1)?.others;
    if (others === undefined) return;
    for (const [place, host] of others.hosts.entries()) if (others.askedAt(place) > 0) this.#place(slot, host);
  }

  /**
   * Gives all `hosts` a place in the slot, so that a leader tells them of it although they have counted nothing. Once for each slot,
   * and not where it would fill up the memory for counts.
   */
  include(slot: ReplicaSlot, hosts: ReadonlyMap<string, Peer>): void {
    if (slot.includesAll || this.#tallies + hosts.size > this.#maxTallies / 2) return;
    slot.includesAll = true;
    for (const peer of hosts.values()) this.#place(slot, this.#hosts.of(peer));
  }

  /** Counts under an epoch that is over. Whoever told them does not know of the reset, and has to be told. */
  #voided(slot: ReplicaSlot, host: ReplicaHost): void {
    if (this.#options.learns !== 'and-sums' || host === this.#me) return;
    this.#place(slot, host);
    slot.touched(host, this.changes.round);
    this.changes.list(slot);
  }

  /** Where the host's counts of the slot stand, from now on if not before; −1: there is no room. */
  #place(slot: ReplicaSlot, host: ReplicaHost): number {
    slot.others ??= new HostTallies();
    const found = slot.others.placeOf(host);
    if (found >= 0) return found;
    if (slot.others.hosts.length >= MAX_HOSTS) {
      this.#options.onEvict();
      return -1;
    }
    this.#tallies++;
    return slot.others.add(host, NEVER);
  }

  #mergeTally(slot: ReplicaSlot, host: ReplicaHost, tally: Tally, now: number): boolean {
    const before = slot.others?.hosts.length ?? 0;
    const place = this.#place(slot, host);
    const { others } = slot;
    if (place < 0 || others === undefined) return false;
    // The first that is heard of a host, or of an epoch, is news also when it counted nothing.
    const first = slot.changed === NEVER || others.hosts.length > before;
    const { learns } = this.#options;
    if (!others.raise(place, tally) && !first) {
      if (learns === 'and-relays') others.hearAgain(place, tally, this.heardEnough, NEVER);
      return false;
    }
    slot.sumUp(now);
    slot.touched(host, this.changes.round);
    if (learns !== 'only') this.changes.list(slot);
    if (learns === 'and-relays') others.setMark(place, this.changes.round);
    return true;
  }

  #create(of: Pick<CountSlot, 'counter' | 'sliceMs' | 'keep'>): ReplicaCounter {
    const counter = new ReplicaCounter(of);
    this.#counters.delete(of.counter);
    this.#counters.set(of.counter, counter);
    return counter;
  }

  #add(counter: ReplicaCounter, index: number, now: number): ReplicaSlot {
    counter.prune(now, this.#pruned);
    for (const slot of this.#pruned) this.#release(slot);
    this.#pruned.length = 0;
    return counter.add(index);
  }

  #restart(slot: ReplicaSlot, epoch: number): void {
    const hosts = slot.others?.hosts ?? [];
    this.#releaseHosts(slot);
    if (this.#options.learns === 'and-sums') for (const host of hosts) this.#place(slot, host);
    slot.epoch = epoch;
    slot.taken = slot.returned = slot.asked = 0;
    slot.floor = undefined;
    slot.othersNet = slot.othersAsked = 0;
    slot.changes++;
    slot.changed = slot.changedByElse = NEVER;
    slot.changedBy = undefined;
    slot.owner.use = undefined;
  }

  #release(slot: ReplicaSlot): void {
    slot.gone = true;
    this.#releaseHosts(slot);
  }

  #releaseHosts(slot: ReplicaSlot): void {
    if (slot.others === undefined) return;
    const { hosts } = slot.others;
    this.#tallies -= hosts.length;
    for (const host of hosts) if (--host.uses === 0) this.#idle.push(host);
    slot.others = undefined;
  }

  /** Only between messages: while one is taken in, a host without counts may be about to have some. */
  #forgetIdle(): void {
    for (const host of this.#idle) if (host.uses === 0 && this.#hosts.forget(host)) this.#sayings.forget(host);
    this.#idle.length = 0;
  }
}
