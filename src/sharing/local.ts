import type { WindowedPolicy } from '../algorithms/algorithm.ts';
import type { WindowedState } from '../algorithms/registry.ts';
import { algorithmFor } from '../algorithms/registry.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { StoreError } from '../core/errors.ts';
import type { Telemetry } from '../core/telemetry.ts';
import type { CounterEntry } from './counter-map.ts';
import { CounterMap } from './counter-map.ts';
import type { Check, CounterView, GroupVerdict, Strategy, Verdict } from './strategy.ts';

export interface LocalStrategyOptions {
  readonly clock: Clock;
  /** Most counters kept. A counter that goes before its time starts anew: its key may get up to its limit again. */
  readonly maxKeys: number;
  readonly telemetry: Telemetry;
}

interface Entry extends CounterEntry {
  state: WindowedState | undefined;
  /** Names of the holders of a `concurrency` counter; undefined for the others. */
  holders: Set<string> | undefined;
}

const SWEEP_EVERY_MS = 250;
/** Entries a sweep looks at: a million keys are seen within a minute or so, at a fraction of a millisecond each time. */
const SWEEP_STEPS = 5_000;
const NO_VERDICTS: GroupVerdict = { allowed: true, verdicts: [], at: 0 };

/**
 * One instance alone: counts in its own memory and answers at once. Exact within the instance; N instances together
 * admit up to N times the limit. Its holdings need no lease: they live and die with the process that holds them.
 */
export class LocalStrategy implements Strategy {
  readonly sharing = 'local';
  readonly #clock: Clock;
  readonly #counters: CounterMap<Entry>;
  #sweeper: Timer | undefined;
  #closed = false;

  constructor(options: LocalStrategyOptions) {
    this.#clock = options.clock;
    this.#counters = new CounterMap<Entry>(options.maxKeys, () => options.telemetry.evicted('local'));
  }

  /** Counters in memory. */
  get size(): number {
    return this.#counters.size;
  }

  async start(): Promise<void> {
    this.#sweeper = this.#clock.every(SWEEP_EVERY_MS, () => this.#counters.dropExpired(this.#clock.now(), SWEEP_STEPS));
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#sweeper?.cancel();
  }

  check(group: readonly Check[]): GroupVerdict | Promise<GroupVerdict> {
    if (this.#closed) return Promise.reject(new StoreError('SLUICE_STORE_CONNECTION', 'the gateway is shutting down'));
    const now = this.#clock.now();
    const only = group[0];
    if (only === undefined) return NO_VERDICTS;
    if (group.length === 1) return this.#checkOne(only, now);
    const decisions = group.map((check) => this.#decide(check, now));
    const allowed = decisions.every((decision, i) => decision.allowed || group[i]?.shadow === true);
    if (allowed) {
      decisions.forEach((decision, i) => {
        const check = group[i];
        if (decision.allowed && check !== undefined) this.#keep(check, decision.next);
      });
    }
    return { allowed, verdicts: decisions, at: now };
  }

  refund(group: readonly Check[], verdict: GroupVerdict): void {
    group.forEach((check, i) => {
      if (verdict.verdicts[i]?.allowed !== true) return;
      if (check.policy.algorithm === 'concurrency') {
        this.release(check);
        return;
      }
      const entry = this.#counters.get(check.counter);
      if (entry?.state === undefined) return;
      entry.state = algorithmFor(check.policy).refund(check.policy, entry.state, check.cost, verdict.at);
    });
  }

  release(check: Check): void {
    const entry = this.#counters.get(check.counter);
    const holders = entry?.holders;
    if (entry === undefined || holders === undefined || check.holder === undefined) return;
    holders.delete(check.holder);
    if (holders.size === 0) {
      // Left for the sweeper: a key in steady use comes back before that.
      entry.pinned = false;
      entry.expiresAt = this.#clock.now();
    }
  }

  async peek(check: Check): Promise<CounterView> {
    const entry = this.#counters.get(check.counter);
    const { policy } = check;
    if (policy.algorithm === 'concurrency') {
      const held = entry?.holders?.size ?? 0;
      return { present: held > 0, remaining: Math.max(0, policy.limit - held), resetMs: held > 0 ? policy.leaseMs : 0 };
    }
    const now = this.#clock.now();
    const live = entry !== undefined && entry.expiresAt > now ? entry.state : undefined;
    const { remaining, resetMs } = algorithmFor(policy).decide(policy, live, 0, now);
    return { present: live !== undefined, remaining, resetMs: live === undefined ? 0 : resetMs };
  }

  async reset(check: Check): Promise<boolean> {
    const { present } = await this.peek(check);
    this.#counters.delete(check.counter);
    return present;
  }

  #checkOne(check: Check, now: number): GroupVerdict {
    const decision = this.#decide(check, now);
    const allowed = decision.allowed || check.shadow;
    if (decision.allowed) this.#keep(check, decision.next);
    return { allowed, verdicts: [decision], at: now };
  }

  #decide(check: Check, now: number): Verdict & { readonly next: WindowedState | undefined } {
    const { policy } = check;
    const entry = this.#counters.get(check.counter);
    if (policy.algorithm !== 'concurrency') {
      return algorithmFor(policy).decide(policy, entry?.state, check.cost, now);
    }
    const held = entry?.holders?.size ?? 0;
    const allowed = held < policy.limit;
    return {
      allowed,
      remaining: Math.max(0, policy.limit - held - (allowed ? 1 : 0)),
      // Nobody knows when a request in flight ends; a second is a polite guess.
      retryAfterMs: allowed ? 0 : 1_000,
      resetMs: policy.leaseMs,
      next: undefined,
    };
  }

  #keep(check: Check, state: WindowedState | undefined): void {
    const entry = this.#counters.get(check.counter);
    if (check.policy.algorithm === 'concurrency') {
      if (check.holder === undefined) return;
      if (entry?.holders !== undefined) {
        entry.holders.add(check.holder);
        entry.pinned = true;
      } else this.#add(check.counter, undefined, new Set([check.holder]), Number.POSITIVE_INFINITY);
      return;
    }
    if (state === undefined) return;
    const expiresAt = expiryOf(check.policy, state);
    if (entry === undefined) {
      this.#add(check.counter, state, undefined, expiresAt);
    } else {
      entry.state = state;
      entry.expiresAt = expiresAt;
    }
  }

  #add(counter: string, state: WindowedState | undefined, holders: Set<string> | undefined, expiresAt: number): void {
    this.#counters.set(counter, { state, holders, expiresAt, used: false, pinned: holders !== undefined });
  }
}

function expiryOf(policy: WindowedPolicy, state: WindowedState): number {
  return algorithmFor(policy).expiresAt(policy, state);
}
