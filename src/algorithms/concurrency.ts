import type { ConcurrencyPolicy } from './algorithm.ts';

/** The answer to "may one more start now?". */
export interface ConcurrencyDecision {
  readonly allowed: boolean;
  /** Places left: after the asker took one when allowed. */
  readonly remaining: number;
  /**
   * When not allowed: milliseconds until enough leases end if nobody renews. An upper bound by nature: a holder may finish
   * at any moment, so a refusal must never be remembered. The lease when the limit is 0. 0 when allowed.
   */
  readonly retryAfterMs: number;
  /** The lease: holders may renew, so nothing better is known. */
  readonly resetMs: number;
}

/** A lease that ends so much later than a new one was given by a clock that was wrong. */
const BOGUS_MS = 3_600_000;

/**
 * Who is in flight under one key, each by a lease that ends by itself unless renewed: what a process that died held
 * comes free again. Unlike the windowed algorithms this is changed in place, for most keys hold many short leases.
 *
 * Bound: never more than `limit` holders alive, and never a refusal while there are fewer. Each takes one place.
 *
 * A lease is alive until its end, exclusive. When the clock goes back, leases given before last longer by as much, unless
 * renewed or released; one that ends more than an hour later than a new one would is dropped once it would cost somebody
 * a place: a clock was wrong. (An hour, so that a reload to shorter leases does not drop those who live.)
 *
 * Twin: `lua/include/concurrency_*.lua`, over a sorted set.
 */
export class Holders {
  /** Holder → end of its lease in Unix ms; in order of end while #ordered, so that what is over stands in front. */
  readonly #ends = new Map<string, number>();
  /** No lease ends later. */
  #latest = Number.NEGATIVE_INFINITY;
  /** False from a clock going back or a lease made shorter until no lease from before is left out of place. */
  #ordered = true;

  /** Whether `holder` (undefined: somebody new) may start. One that holds already may go on. Takes nothing. */
  decide(policy: ConcurrencyPolicy, holder: string | undefined, now: number): ConcurrencyDecision {
    const { limit, leaseMs } = policy;
    this.#sweep(now);
    const held = holder !== undefined && this.#ends.has(holder);
    if (!held && this.#ends.size >= limit) this.#dropBogus(now + leaseMs + BOGUS_MS);
    const inUse = this.#ends.size;
    const allowed = held || inUse < limit;
    return {
      allowed,
      remaining: allowed ? Math.max(0, limit - inUse - (held ? 0 : 1)) : 0,
      retryAfterMs: allowed ? 0 : limit > 0 ? this.#endAt(inUse - limit) - now : leaseMs,
      resetMs: leaseMs,
    };
  }

  /** Gives `holder` a lease from now on, new or renewed. Only after {@link decide} allowed it at the same time. */
  take(policy: ConcurrencyPolicy, holder: string, now: number): void {
    const end = now + policy.leaseMs;
    this.#ends.delete(holder);
    this.#ends.set(holder, end);
    if (end < this.#latest) this.#ordered = false;
    else this.#latest = end;
  }

  /** {@link decide} and, when allowed, {@link take}. */
  acquire(policy: ConcurrencyPolicy, holder: string, now: number): ConcurrencyDecision {
    const decision = this.decide(policy, holder, now);
    if (decision.allowed) this.take(policy, holder, now);
    return decision;
  }

  /** Starts the holder's lease anew; false when it was over: its place may be taken, so it is not revived. */
  renew(policy: ConcurrencyPolicy, holder: string, now: number): boolean {
    this.#sweep(now);
    if (!this.#ends.has(holder)) return false;
    this.take(policy, holder, now);
    return true;
  }

  /** Ends the holder's lease; false when it was over. */
  release(holder: string, now: number): boolean {
    this.#sweep(now);
    return this.#ends.delete(holder);
  }

  /** Holders alive; forgets the others. */
  count(now: number): number {
    this.#sweep(now);
    return this.#ends.size;
  }

  /** Unix ms from which nobody holds, unless somebody takes or renews; -Infinity when nobody ever did. */
  get expiresAt(): number {
    return this.#latest;
  }

  #sweep(now: number): void {
    if (this.#ordered) {
      for (const [holder, end] of this.#ends) {
        if (end > now) return;
        this.#ends.delete(holder);
      }
      return;
    }
    this.#keep((end) => end > now);
  }

  #dropBogus(after: number): void {
    if (this.#latest > after) this.#keep((end) => end <= after);
  }

  /** Drops all other leases, and finds out about order and latest end. */
  #keep(wanted: (end: number) => boolean): void {
    this.#ordered = true;
    this.#latest = Number.NEGATIVE_INFINITY;
    for (const [holder, end] of this.#ends) {
      if (!wanted(end)) {
        this.#ends.delete(holder);
      } else if (end < this.#latest) {
        this.#ordered = false;
      } else {
        this.#latest = end;
      }
    }
  }

  /** The end that `place` others come before. */
  #endAt(place: number): number {
    let passed = 0;
    const ends = this.#ordered ? this.#ends.values() : [...this.#ends.values()].sort((a, b) => a - b);
    for (const end of ends) if (passed++ === place) return end;
    return this.#latest;
  }
}
