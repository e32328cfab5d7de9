import type { Policy } from '../algorithms/algorithm.ts';
import type { Clock } from '../core/clock.ts';
import type { Check, Verdict } from '../sharing/strategy.ts';

interface Denial {
  /** A changed configuration makes new policies, and what the old one refused says nothing about them. */
  readonly policy: Policy;
  /** The least cost that is known to be refused. */
  readonly cost: number;
  readonly remaining: number;
  /** Refuse without asking until then: counted from the moment of asking, it never outlasts the true time. */
  readonly until: number;
  /** Tell the client to come again then: counted from the answer, it is never before the true time. */
  readonly retryAt: number;
  readonly resetAt: number;
}

/** Most counters remembered; about 200 bytes each. */
const CAPACITY = 100_000;

/**
 * Counters that the store has refused, and until when it would again: asking before then is a trip for a known answer. An
 * entry holds for its cost and everything dearer. Times are of {@link Clock.monotonic}.
 *
 * What is given up: units that somebody gives back early are seen only at the entry's end. `concurrency` is never remembered, for
 * a holding can end at any moment.
 */
export class Denials {
  readonly #clock: Clock;
  readonly #capacity: number;
  /** Least recently used first. */
  readonly #entries = new Map<string, Denial>();
  #forgottenAt = Number.NEGATIVE_INFINITY;

  constructor(clock: Clock, capacity = CAPACITY) {
    this.#clock = clock;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @param sentAt when the question was asked, on the monotonic clock */
  remember(check: Check, verdict: Verdict, sentAt: number): void {
    if (check.policy.algorithm === 'concurrency' || !(verdict.retryAfterMs > 0)) return;
    // The answer may be from before an operator reset the counter.
    if (sentAt <= this.#forgottenAt) return;
    const now = this.#clock.monotonic();
    const until = sentAt + verdict.retryAfterMs;
    if (until <= now) return;
    const { counter, policy, cost } = check;
    const old = this.#entries.get(counter);
    // A denial of less says more.
    if (old !== undefined && old.policy === policy && old.cost < cost && old.until > now) return;
    this.#entries.delete(counter);
    if (this.#entries.size >= this.#capacity) this.#dropOldest();
    this.#entries.set(counter, {
      policy,
      cost,
      remaining: verdict.remaining,
      until,
      retryAt: now + verdict.retryAfterMs,
      resetAt: now + verdict.resetMs,
    });
  }

  /** The refusal that `check` is known to meet; undefined: ask. */
  find(check: Check): Verdict | undefined {
    if (this.#entries.size === 0) return undefined;
    const { counter } = check;
    const entry = this.#entries.get(counter);
    if (entry === undefined) return undefined;
    const now = this.#clock.monotonic();
    if (now >= entry.until || entry.policy !== check.policy) {
      this.#entries.delete(counter);
      return undefined;
    }
    if (check.cost < entry.cost) return undefined;
    this.#entries.delete(counter);
    this.#entries.set(counter, entry);
    return {
      allowed: false,
      remaining: entry.remaining,
      retryAfterMs: entry.retryAt - now,
      resetMs: Math.max(0, entry.resetAt - now),
    };
  }

  /** Forgets one counter, and what answers under way say about any. */
  forget(counter: string): void {
    this.#entries.delete(counter);
    this.#forgottenAt = this.#clock.monotonic();
  }

  forgetAll(): void {
    this.#entries.clear();
    this.#forgottenAt = this.#clock.monotonic();
  }

  #dropOldest(): void {
    for (const counter of this.#entries.keys()) {
      this.#entries.delete(counter);
      return;
    }
  }
}
