import type { Clock, Timer } from '../core/clock.ts';
import type { Telemetry } from '../core/telemetry.ts';
import type { SharingName } from '../core/types.ts';
import { isLeasable, LeasedVerdict } from './lease.ts';
import { LeaseKeys } from './lease-keys.ts';
import type { Check, CounterView, GroupVerdict, Strategy, Verdict } from './strategy.ts';

export interface LeasedStrategyOptions {
  readonly clock: Clock;
  /** The strategy that counts, asked for whatever no lease answers. Started and closed with this one. */
  readonly inner: Strategy;
  readonly telemetry: Telemetry;
  /** Instances that buy from the same counters, this one included. Bounds what stays unused, not what is admitted. */
  readonly liveInstances: () => number;
  /** Most keys whose demand is observed; default 10,000. One that finds no place is checked one by one. */
  readonly maxKeys?: number;
}

const DEFAULT_MAX_KEYS = 10_000;
const SWEEP_MS = 50;

/**
 * Prepaid shares of hot keys, for checks that ask for them ({@link Check.lease}). Units of a counter are bought from the inner
 * strategy in one check and then used up one request at a time in memory. They are used only within the sub-window that
 * they were charged to: for both window algorithms it makes no difference when within it a unit is taken, so whatever
 * they promise holds for what is admitted from leases as well, with any number of instances, crashes and delays.
 *
 * What is given up: units that one instance holds are refused to the others for up to half a second. See docs/leases.md
 * for the bound.
 *
 * A group is decided in memory when all of its checks can be, otherwise the inner strategy decides all of it.
 */
export class LeasedStrategy implements Strategy {
  readonly sharing: SharingName;
  readonly #clock: Clock;
  readonly #inner: Strategy;
  readonly #telemetry: Telemetry;
  readonly #keys: LeaseKeys;
  #sweeper: Timer | undefined;
  #closed = false;

  constructor(options: LeasedStrategyOptions) {
    this.#clock = options.clock;
    this.#inner = options.inner;
    this.#telemetry = options.telemetry;
    this.sharing = options.inner.sharing;
    this.#keys = new LeaseKeys({ ...options, maxKeys: options.maxKeys ?? DEFAULT_MAX_KEYS });
  }

  async start(): Promise<void> {
    this.#sweeper = this.#clock.every(SWEEP_MS, () => this.#keys.sweep());
    await this.#inner.start();
  }

  /** Gives back what is unspent, also of purchases under way. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#sweeper?.cancel();
    await this.#keys.close();
    await this.#inner.close();
  }

  check(group: readonly Check[]): GroupVerdict | Promise<GroupVerdict> {
    if (this.#closed || !mayLease(group)) return this.#inner.check(group);
    const prepaid = this.#decide(group);
    if (prepaid !== undefined) return prepaid;
    const sentAt = this.#clock.monotonic();
    const answer = this.#inner.check(group);
    if (answer instanceof Promise) return answer.then((verdict) => this.#answered(group, verdict, sentAt));
    return this.#answered(group, answer, sentAt);
  }

  refund(group: readonly Check[], verdict: GroupVerdict): void {
    if (!verdict.verdicts.some(isLeased)) {
      this.#inner.refund(group, verdict);
      return;
    }
    for (let i = 0; i < group.length; i++) {
      const check = group[i];
      const answer = verdict.verdicts[i];
      if (check !== undefined && answer instanceof LeasedVerdict) this.#keys.putBack(check, answer.lease);
    }
  }

  release(check: Check): void {
    this.#inner.release(check);
  }

  /** What the store counts: units that are leased out show as taken. */
  peek(check: Check): Promise<CounterView> {
    return this.#inner.peek(check);
  }

  async reset(check: Check): Promise<boolean> {
    this.#keys.forget(check.counter);
    return this.#inner.reset(check);
  }

  /** Drops all leases: their charges may have been reset elsewhere, or lost with the store's data. */
  forgetAll(): void {
    this.#keys.forgetAll();
  }

  /** Takes every check of the group from its lease; undefined, and nothing taken, where one has not enough. */
  #decide(group: readonly Check[]): GroupVerdict | undefined {
    const now = this.#clock.monotonic();
    const wall = this.#clock.now();
    const verdicts: LeasedVerdict[] = [];
    for (const check of group) {
      const lease = this.#keys.usable(check.counter, now, wall);
      if (lease === undefined || lease.unspent < check.cost) {
        for (let i = 0; i < verdicts.length; i++) {
          const taken = verdicts[i];
          if (taken !== undefined) taken.lease.unspent += group[i]?.cost ?? 0;
        }
        return undefined;
      }
      verdicts.push(lease.take(check.cost, now));
    }
    for (const check of group) {
      this.#telemetry.leased(check.limit, check.cost);
      this.#keys.used(check, now);
    }
    const at = verdicts[0]?.lease.at ?? 0;
    return verdicts.length === 1
      ? { allowed: true, verdicts, at }
      : { allowed: true, verdicts, at, ats: verdicts.map(({ lease }) => lease.at) };
  }

  /** Learns from the inner strategy's answer. A refusal may have crossed with a purchase: then the lease decides after all. */
  #answered(group: readonly Check[], verdict: GroupVerdict, sentAt: number): GroupVerdict {
    for (let i = 0; i < group.length; i++) {
      const check = group[i];
      const answer = verdict.verdicts[i];
      if (check === undefined || answer === undefined) continue;
      if (verdict.allowed && answer.allowed) {
        this.#keys.admitted(check, answer.remaining, verdict.ats?.[i] ?? verdict.at, sentAt);
      } else {
        this.#keys.left(check.counter, answer.remaining);
      }
    }
    return (verdict.allowed ? undefined : this.#decide(group)) ?? verdict;
  }
}

function mayLease(group: readonly Check[]): boolean {
  for (const check of group) if (!check.lease || !isLeasable(check.policy)) return false;
  return group.length > 0;
}

function isLeased(verdict: Verdict): boolean {
  return verdict instanceof LeasedVerdict;
}
