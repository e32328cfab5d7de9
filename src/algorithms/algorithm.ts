/**
 * The contract of a counting algorithm: pure functions over a small state. No clock, no randomness, no I/O: `now` comes
 * in as whole milliseconds on whatever timeline the caller keeps, and all arithmetic stays in whole numbers below 2^53,
 * so that the Lua twin in `lua/include/` (IEEE 754 doubles as well) computes the same answer to the last digit. For that
 * `limit * windowMs` and `burst * windowMs` must be whole and below 2^53: at most 104 million units a day, 2.5 billion an hour.
 *
 * A state may meet a policy of other numbers than it was made by (a reload), as long as algorithm and window are the same.
 *
 * Clocks. A `now` before the state's time counts as the state's time: the count stands still until the clock has caught
 * up. A state more than one window ahead of `now` is the work of a clock that was wrong, or damaged: it counts as never
 * seen. So a wrong clock locks nobody out for more than one window longer, and each step back of more than a window lets
 * a key start anew.
 */

/** The numbers one counter is judged by, after overrides. Plain data. */
export type Policy = FixedWindowPolicy | SlidingWindowPolicy | TokenBucketPolicy | ConcurrencyPolicy;

/** Policies whose counter is a small state of its own; `concurrency` keeps holders instead. */
export type WindowedPolicy = FixedWindowPolicy | SlidingWindowPolicy | TokenBucketPolicy;

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
  /**
   * When not allowed: the least number of milliseconds after which the same question would be answered yes if nothing else
   * were taken; the window when the cost is more than the policy ever lets through. 0 when allowed.
   */
  readonly retryAfterMs: number;
  /** Milliseconds until the full quota is back if nothing more is taken, at most the policy's window; 0 when it is all there. */
  readonly resetMs: number;
  /** The state to keep if the caller goes through with it (all or nothing is the caller's business). When refused: what is there, which need not be stored. */
  readonly next: State;
}

/** How one counter is judged. All of it is pure; states are never changed in place. */
export interface Algorithm<P extends WindowedPolicy, State> {
  /** Judges `cost` (whole, ≥ 0; 0 only looks) against `state` (undefined: never seen). */
  decide(policy: P, state: State | undefined, cost: number, now: number): Decision<State>;
  /**
   * `state` after giving back `cost` units that were taken at time `takenAt` (the `now` of that decision). Where the state cannot tell what
   * the units still weigh, it gives back less, never more: a refund cannot break the algorithm's bound.
   */
  refund(policy: P, state: State, cost: number, takenAt: number): State;
  /** The time from which `state` is worth no more than undefined: safe to forget. May be later than strictly needed, never earlier. */
  expiresAt(policy: P, state: State): number;
}
