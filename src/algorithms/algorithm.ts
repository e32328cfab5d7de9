/**
 * The contract of a counting algorithm: pure functions over a small state. No clock, no randomness, no I/O: `now` comes
 * in as whole milliseconds on whatever timeline the caller keeps, and all arithmetic stays in whole numbers below 2^53,
 * so that the Lua twin in `lua/include/` (IEEE 754 doubles as well) computes the same answer to the last digit.
 */

/** The numbers one counter is judged by, after overrides. Plain data. */
export type Policy = FixedWindowPolicy | SlidingWindowPolicy | TokenBucketPolicy | ConcurrencyPolicy;

export interface FixedWindowPolicy {
  readonly algorithm: 'fixed-window';
  /** Units per window. */
  readonly limit: number;
  readonly windowMs: number;
}

export interface SlidingWindowPolicy {
  readonly algorithm: 'sliding-window';
  /** Units per window. */
  readonly limit: number;
  readonly windowMs: number;
  /** Counters kept, 2 to 60: each covers window / (buckets − 1), the oldest is weighted. 2 = current and previous window. */
  readonly buckets: number;
}

export interface TokenBucketPolicy {
  readonly algorithm: 'token-bucket';
  /** Units refilled per window, evenly over it. */
  readonly limit: number;
  readonly windowMs: number;
  /** Most units the bucket holds. `burst * windowMs` must stay below 2^53. */
  readonly burst: number;
}

export interface ConcurrencyPolicy {
  readonly algorithm: 'concurrency';
  /** Units in flight at once. */
  readonly limit: number;
  /** A holder that is not heard of for this long has died; its units are free again. */
  readonly leaseMs: number;
}

/** The answer to "may `cost` units be taken now?". */
export interface Decision<State> {
  readonly allowed: boolean;
  /** Units left: after taking `cost` when allowed, as things stand when not. Never negative. */
  readonly remaining: number;
  /** When not allowed: milliseconds until the same question would be answered yes if nothing else were taken. 0 when allowed. */
  readonly retryAfterMs: number;
  /** Milliseconds until the full quota is back if nothing more is taken, at most the policy's window. */
  readonly resetMs: number;
  /** The state to keep if the caller goes through with it (all or nothing is the caller's business). */
  readonly next: State;
}

export interface Algorithm<P extends Policy, State> {
  /** Judges `cost` against `state` (undefined: never seen). Does not change `state`. Time going back is treated as standing still. */
  decide(policy: P, state: State | undefined, cost: number, now: number): Decision<State>;
  /** `state` after giving back `cost` units that were taken at time `takenAt` (the `now` of that decision). */
  refund(policy: P, state: State, cost: number, takenAt: number, now: number): State;
  /** The time from which `state` is worth no more than undefined: safe to forget. */
  expiresAt(policy: P, state: State): number;
}
