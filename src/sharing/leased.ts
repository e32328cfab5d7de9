import type { Clock, Timer } from '../core/clock.ts';
import { withDeadline } from '../core/deadline.ts';
import { StoreError } from '../core/errors.ts';
import type { Telemetry } from '../core/telemetry.ts';
import type { SharingName } from '../core/types.ts';
import { isLeasable, LeasedVerdict } from './lease.ts';
import { crowdOf, estimateOf, noteAsked, waitOf } from './lease-key.ts';
import { LeaseKeys } from './lease-keys.ts';
import type { Check, CounterView, GroupVerdict, Strategy, Verdict } from './strategy.ts';

export interface LeasedStrategyOptions {
  readonly clock: Clock;
  /** The strategy that counts, asked for whatever no lease answers. Started and closed with this one. */
  readonly inner: Strategy;
  readonly telemetry: Telemetry;
  /** Instances that buy from the same counters, this one included. Bounds what stays unused, not what is admitted. */
  readonly liveInstances: () => number;
  /** The inner strategy's: no check waits longer, in milliseconds. */
  readonly timeoutMs: number;
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
  readonly #timeoutMs: number;
  #sweeper: Timer | undefined;
  #closed = false;

  constructor(options: LeasedStrategyOptions) {
    this.#clock = options.clock;
    this.#inner = options.inner;
    this.#telemetry = options.telemetry;
    this.#timeoutMs = options.timeoutMs;
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
    return this.#fromMemory(group) ?? this.#joined(group) ?? this.#behind(group) ?? this.#ask(group);
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

  /**
   * What leases pay, or what is known to have no room worth asking for.
   * @param since whoever has waited since then does not wait for more than one refusal
   */
  #fromMemory(
    group: readonly Check[],
    since = Number.POSITIVE_INFINITY,
  ): GroupVerdict | Promise<GroupVerdict> | undefined {
    const prepaid = this.#decide(group);
    if (prepaid !== undefined) return prepaid;
    const now = this.#clock.monotonic();
    const wall = this.#clock.now();
    let refuses = false;
    let shadows = false;
    const known = group.map((check) => {
      const key = this.#keys.find(check.counter);
      const verdict = key && waitOf(key, this.#keys.paceOf(key, now), check, now, wall, since);
      if (verdict === undefined) return undefined;
      if (check.shadow) shadows = true;
      else refuses = true;
      return verdict;
    });
    if (refuses) {
      return {
        allowed: false,
        verdicts: group.map((check, i) => known[i] ?? estimateOf(this.#keys.find(check.counter), check)),
        at: 0,
      };
    }
    return shadows ? this.#withoutShadows(group, known) : undefined;
  }

  /** Shadow checks that wait do not stop the others, which are decided without them. */
  #withoutShadows(
    group: readonly Check[],
    known: readonly (Verdict | undefined)[],
  ): GroupVerdict | Promise<GroupVerdict> {
    const rest = group.filter((_check, i) => known[i] === undefined);
    const whole = (answer: GroupVerdict): GroupVerdict => {
      const verdicts: (Verdict | undefined)[] = [];
      const ats: number[] = [];
      let next = 0;
      for (const verdict of known) {
        verdicts.push(verdict ?? answer.verdicts[next]);
        ats.push(answer.ats?.[next] ?? answer.at);
        if (verdict === undefined) next += 1;
      }
      return { ...answer, verdicts, ats };
    };
    const answer = rest.length === 0 ? { allowed: true, verdicts: [], at: 0 } : this.check(rest);
    return answer instanceof Promise ? answer.then(whole) : whole(answer);
  }

  /** Waits for purchases that pay for the group, where there are such; makes those that are due. */
  #joined(group: readonly Check[]): GroupVerdict | Promise<GroupVerdict> | undefined {
    const since = this.#clock.monotonic();
    const purchases = this.#keys.purchases(group, since, this.#clock.now(), this.#timeoutMs);
    if (purchases === undefined) return undefined;
    if (purchases.length === 0) return this.#fromMemory(group);
    return this.#afterwards(purchases, group, since);
  }

  async #afterwards(
    purchases: readonly Promise<unknown>[],
    group: readonly Check[],
    since: number,
  ): Promise<GroupVerdict> {
    let awaited = Promise.all(purchases);
    for (;;) {
      for (const error of await awaited) if (error !== undefined) throw error;
      const known = this.#fromMemory(group, since);
      if (known !== undefined) return known;
      const now = this.#clock.monotonic();
      const leftMs = this.#timeoutMs - (now - since);
      if (leftMs <= 0) throw late();
      // Others used the units up, or they came too late for their sub-window.
      const more = this.#keys.purchases(group, now, this.#clock.now(), leftMs);
      if (more === undefined || more.length === 0) {
        const answer = this.#fromMemory(group, since) ?? this.#ask(group);
        return answer instanceof Promise ? this.#within(since, answer) : answer;
      }
      awaited = this.#within(since, Promise.all(more));
    }
  }

  /** Lets others who ask for the last units go first, while there is time: mostly their refusal is the answer. */
  #behind(group: readonly Check[], since = this.#clock.monotonic()): Promise<GroupVerdict> | undefined {
    const [check] = group;
    if (check === undefined || group.length > 1) return undefined;
    const key = this.#keys.find(check.counter);
    const others = key && crowdOf(key, this.#timeoutMs - (this.#clock.monotonic() - since), this.#timeoutMs);
    return others?.then(() => {
      const answer =
        this.#fromMemory(group, since) ?? this.#joined(group) ?? this.#behind(group, since) ?? this.#ask(group);
      return answer instanceof Promise ? this.#within(since, answer) : answer;
    });
  }

  /** @param since when the request came */
  #within<T>(since: number, work: Promise<T>): Promise<T> {
    return withDeadline(this.#clock, this.#timeoutMs - (this.#clock.monotonic() - since), work, late);
  }

  #ask(group: readonly Check[]): GroupVerdict | Promise<GroupVerdict> {
    const sentAt = this.#clock.monotonic();
    const answer = this.#inner.check(group);
    if (!(answer instanceof Promise)) return this.#answered(group, answer, sentAt);
    const answered = answer.then((verdict) => this.#answered(group, verdict, sentAt));
    const [check] = group;
    const key = check && group.length === 1 ? this.#keys.find(check.counter) : undefined;
    if (check !== undefined && key !== undefined) noteAsked(key, check.cost, answered, this.#clock);
    return answered;
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
        this.#keys.admitted(check, answer, verdict.ats?.[i] ?? verdict.at, sentAt);
      } else if (answer.allowed) {
        this.#keys.left(check.counter, answer.remaining);
      } else {
        this.#keys.refused(check, answer, sentAt);
      }
    }
    return (verdict.allowed ? undefined : this.#decide(group)) ?? verdict;
  }
}

function mayLease(group: readonly Check[]): boolean {
  for (const check of group) if (!check.lease || !isLeasable(check.policy)) return false;
  return group.length > 0;
}

function late(): StoreError {
  return new StoreError('SLUICE_STORE_TIMEOUT', 'redis: it does not answer in time');
}

function isLeased(verdict: Verdict | undefined): boolean {
  return verdict instanceof LeasedVerdict;
}
