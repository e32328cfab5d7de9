import type { Clock } from '../core/clock.ts';
import type { Telemetry } from '../core/telemetry.ts';
import { CounterMap } from './counter-map.ts';
import type { Lease, Purchase } from './lease.ts';
import { endOf, forUnits, isLeasable } from './lease.ts';
import { LeaseHoldings } from './lease-holdings.ts';
import type { LeaseKey } from './lease-key.ts';
import {
  hasTime,
  holds,
  IDLE_MS,
  livePace,
  newLeaseKey,
  noteTook,
  setRefill,
  slowDown,
  unitsFor,
  usedUp,
} from './lease-key.ts';
import type { Pace } from './lease-pace.ts';
import { paceAfterDelay, paceAfterPurchase } from './lease-pace.ts';
import { giveBack } from './lease-return.ts';
import type { Check, GroupVerdict, Strategy, Verdict } from './strategy.ts';

export interface LeaseKeysOptions {
  readonly clock: Clock;
  readonly inner: Strategy;
  readonly telemetry: Telemetry;
  readonly liveInstances: () => number;
  readonly timeoutMs: number;
  readonly maxKeys: number;
}

/** After a purchase that failed. */
const PAUSE_MS = 1_000;
/** After purchases that came too late, in times of their duration. */
const LATE_PAUSE = 4;
const LATE_TO_PAUSE = 8;
const SWEEP_STEPS = 1_000;

type Order = Omit<Purchase, 'at' | 'verdict'>;

/** The keys in demand, their leases, and the buying and giving back. Bounded in memory. */
export class LeaseKeys {
  readonly #options: LeaseKeysOptions;
  readonly #clock: Clock;
  readonly #keys: CounterMap<LeaseKey>;
  readonly #holding: LeaseHoldings;
  /** Keys with a purchase under way. */
  readonly #buying = new Set<LeaseKey>();
  #forgottenAt = Number.NEGATIVE_INFINITY;
  #closed = false;

  constructor(options: LeaseKeysOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#keys = new CounterMap(options.maxKeys, () => {});
    this.#holding = new LeaseHoldings(options);
  }

  /** What is known of the counter, if anything. */
  find(counter: string): LeaseKey | undefined {
    return this.#keys.get(counter);
  }

  /** The counter's lease, if its units may be used now. */
  usable(counter: string, now: number, wall: number): Lease | undefined {
    const key = this.#keys.get(counter);
    if (key?.lease === undefined || key.lease.usable(now, wall)) return key?.lease;
    this.#end(key, now);
    return undefined;
  }

  /** A check was decided from its lease. */
  used(check: Check, now: number): void {
    const key = this.#keys.get(check.counter);
    if (key === undefined) return;
    key.check = check;
    key.demand.add(now, check.cost);
    this.#refill(key, now);
  }

  /** The store admitted a check that was sent at `sentAt`. */
  admitted(check: Check, verdict: Verdict, at: number, sentAt: number): void {
    const { policy } = check;
    if (!isLeasable(policy)) return;
    const now = this.#clock.monotonic();
    const key = this.#keyOf(check, now);
    key.check = check;
    key.remaining = verdict.remaining;
    key.expiresAt = now + IDLE_MS;
    key.subWindowEnd = endOf({ policy, sentAt, at });
    key.demand.add(now, check.cost);
    this.#refill(key, now);
    if (key.purchase === undefined) usedUp(key, verdict, sentAt, now, this.#options.liveInstances());
  }

  /** The store refused a group and told what is left of one of its counters. */
  left(counter: string, remaining: number): void {
    const key = this.#keys.get(counter);
    if (key !== undefined) key.remaining = remaining;
  }

  /** The store refused a check that was sent at `sentAt`. A hot key is then no longer asked for at each request. */
  refused(check: Check, verdict: Verdict, sentAt: number): void {
    if (!isLeasable(check.policy)) return;
    const now = this.#clock.monotonic();
    const key = this.#keyOf(check, now);
    key.check = check;
    key.remaining = verdict.remaining;
    key.demand.addRefused(now);
    if (key.purchase === undefined && this.paceOf(key, now) === undefined) {
      slowDown(key, { bought: undefined, verdict, sentAt, liveInstances: this.#options.liveInstances() }, now);
    }
  }

  /**
   * Makes the purchases that pay for the group, or joins those under way. Undefined: the store must decide.
   * @param leftMs what the request may still wait: enough for a purchase, and to be checked by itself after all
   */
  purchases(
    group: readonly Check[],
    now: number,
    wall: number,
    leftMs: number,
  ): readonly Promise<unknown>[] | undefined {
    const { timeoutMs } = this.#options;
    const lacking: { key: LeaseKey; check: Check; order: Order | undefined }[] = [];
    for (const check of group) {
      const key = this.#keys.get(check.counter);
      if (key === undefined) return undefined;
      if (holds(key, check.cost, now, wall)) continue;
      const order = this.#orderFor(key, check, now);
      if (order === undefined && key.purchase === undefined) return undefined;
      const isPaid = order !== undefined || key.promised + check.cost <= key.ordered;
      // At the limit one purchase answers all who wait: with units, or with a refusal.
      const isAnswered = isPaid || (key.pace !== undefined && leftMs >= timeoutMs);
      if (!isAnswered && !hasTime(key, leftMs, timeoutMs)) return undefined;
      lacking.push({ key, check, order });
    }
    const purchases: Promise<unknown>[] = [];
    for (const { key, check, order } of lacking) {
      key.check = check;
      if (order !== undefined && key.purchase === undefined) this.#buy(key, order);
      key.promised += check.cost;
      if (key.purchase !== undefined) purchases.push(key.purchase);
    }
    return purchases;
  }

  /** A decision from the lease was undone. Beyond what it was bought for nothing is kept, for that is what bounds it. */
  putBack(check: Check, lease: Lease): void {
    if (lease.state === 'void') return;
    const buying = this.#keys.get(check.counter)?.purchase !== undefined;
    if (lease.state === 'open' && !buying && lease.unspent + check.cost <= lease.most) lease.unspent += check.cost;
    else giveBack(this.#options, lease, check, check.cost, this.#clock.monotonic());
  }

  /** Ends what may no longer be used, and forgets keys that nobody asks for. */
  sweep(): void {
    const now = this.#clock.monotonic();
    const wall = this.#clock.now();
    for (const key of this.#holding) {
      if (key.lease?.usable(now, wall) !== true) this.#end(key, now);
    }
    this.#keys.dropExpired(now, SWEEP_STEPS);
  }

  /** The counter has been reset. */
  forget(counter: string): void {
    const key = this.#keys.get(counter);
    if (key !== undefined) this.#forget(key);
  }

  forgetAll(): void {
    for (const key of this.#holding) this.#forget(key);
    for (const key of this.#buying) this.#forget(key);
    this.#forgottenAt = this.#clock.monotonic();
  }

  /** Gives everything back, also what is being bought. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#buying].map((key) => key.purchase));
    const now = this.#clock.monotonic();
    for (const key of this.#holding) this.#end(key, now);
  }

  #keyOf(check: Check, now: number): LeaseKey {
    const known = this.#keys.get(check.counter);
    if (known !== undefined) return known;
    const key = newLeaseKey(check, now);
    this.#keys.set(check.counter, key);
    return key;
  }

  paceOf(key: LeaseKey, now: number): Pace | undefined {
    return livePace(key, now, this.#forgottenAt);
  }

  /** The purchase to make for a key whose lease does not pay for the check, or soon will not; one of a key at a time. */
  #orderFor(key: LeaseKey, check: Check, now: number): Order | undefined {
    const { policy } = check;
    if (key.purchase !== undefined || now < key.pausedUntil || this.#closed || !isLeasable(policy)) return undefined;
    if (key.lease === undefined && this.#holding.size >= this.#options.maxKeys / 2) return undefined;
    const units = unitsFor(key, check.cost, policy, this.paceOf(key, now), now, this.#options.liveInstances());
    return units === 0 ? undefined : { policy, units, sentAt: now, sentWall: this.#clock.now() };
  }

  /** Buys ahead of demand when little is left. */
  #refill(key: LeaseKey, now: number): void {
    const unspent = key.lease?.unspent ?? 0;
    if (unspent > key.refillAt && unspent >= key.check.cost) return;
    const order = this.#orderFor(key, key.check, now);
    if (order !== undefined) this.#buy(key, order);
  }

  #buy(key: LeaseKey, order: Order): void {
    key.ordered = order.units;
    key.promised = key.shortage = 0;
    key.pinned = true;
    const answer = this.#options.inner.check([forUnits(key.check, order.units)]);
    if (!(answer instanceof Promise)) {
      this.#bought(key, order, answer);
      return;
    }
    this.#buying.add(key);
    key.purchase = answer.then(
      (verdict) => this.#bought(key, order, verdict),
      (error: unknown) => this.#pause(key, error),
    );
  }

  #bought(key: LeaseKey, order: Order, answer: GroupVerdict): void {
    key.purchase = undefined;
    this.#buying.delete(key);
    const [verdict] = answer.verdicts;
    if (verdict === undefined || key.forgotten) return;
    key.remaining = verdict.remaining;
    key.shortage = Math.max(0, key.promised - order.units);
    this.#unpin(key);
    const now = this.#clock.monotonic();
    noteTook(key, now - order.sentAt);
    if (!answer.allowed) {
      const { units, sentAt } = order;
      slowDown(key, { bought: units, verdict, sentAt, liveInstances: this.#options.liveInstances() }, now);
      return;
    }
    const purchase: Purchase = { ...order, at: answer.at, verdict };
    key.subWindowEnd = endOf(purchase);
    const liveInstances = this.#options.liveInstances();
    if (key.pace !== undefined) {
      const demand = key.demand.lately(now).units;
      key.pace = paceAfterPurchase(key.pace, { ...order, liveInstances, verdict, demand });
    }
    usedUp(key, verdict, order.sentAt, now, liveInstances);
    this.#holding.takeIn(key, purchase, now);
    setRefill(key, now);
    if (key.lease?.usable(now, this.#clock.now()) === true && !this.#closed) {
      key.tooLate = 0;
      return;
    }
    this.#end(key, now);
    // It took longer than the sub-window lasted. Near an end or after a stall that happens; in very short windows always.
    key.tooLate += 1;
    if (key.tooLate < LATE_TO_PAUSE) return;
    key.pausedUntil = now + LATE_PAUSE * (now - order.sentAt);
    if (key.pace !== undefined) key.pace = paceAfterDelay(key.pace, key.pausedUntil);
  }

  /** Units whose purchase was not answered in time may be charged and lost; so no more are bought for a while. */
  #pause(key: LeaseKey, error: unknown): unknown {
    key.purchase = undefined;
    key.pace = undefined;
    this.#buying.delete(key);
    key.pausedUntil = this.#clock.monotonic() + PAUSE_MS;
    key.demand.forget();
    this.#unpin(key);
    return error;
  }

  #end(key: LeaseKey, now: number): void {
    if (key.lease === undefined) return;
    this.#holding.end(key, now);
    this.#unpin(key);
  }

  #forget(key: LeaseKey): void {
    key.forgotten = true;
    this.#holding.void(key);
    this.#keys.delete(key.check.counter);
  }

  #unpin(key: LeaseKey): void {
    key.pinned = key.purchase !== undefined || key.lease !== undefined;
    key.expiresAt = this.#clock.monotonic() + IDLE_MS;
  }
}
