import type { Algorithm, Decision, TokenBucketPolicy } from './algorithm.ts';

export interface TokenBucketState {
  /** Units times the window in milliseconds, so that refilling `limit` units a window is whole: 0 to burst × window. */
  readonly level: number;
  /** Unix milliseconds at which the level was that. */
  readonly at: number;
}

/**
 * A bucket of `burst` units, full at first, into which `limit` units flow over each window, evenly.
 *
 * Bound: at most burst + span × limit / window in any span, which a full bucket emptied at once reaches. A unit is
 * given out in the first millisecond in which it is whole. A cost above `burst` is never allowed.
 *
 * A refund gives back the cost less what has been refilled between taking and the last decision: had the units stayed,
 * a full bucket would have let that much go by. So it is exact when no decision came in between, and never lifts the
 * bound.
 *
 * Twin: `lua/include/token_bucket_*.lua`.
 */
export const tokenBucket: Algorithm<TokenBucketPolicy, TokenBucketState> = { decide, refund, expiresAt };

function decide(
  policy: TokenBucketPolicy,
  state: TokenBucketState | undefined,
  cost: number,
  now: number,
): Decision<TokenBucketState> {
  const { limit, windowMs, burst } = policy;
  const full = burst * windowMs;
  let level = full;
  let at = now;
  // A state more than one window ahead: a clock was wrong, start anew.
  if (state !== undefined && state.at - now <= windowMs) {
    if (state.at > now) {
      at = state.at;
      level = Math.min(full, state.level);
    } else {
      // The product may pass 2^53 and be rounded, but only where it is far above `full` anyway.
      level = Math.min(full, state.level + (now - state.at) * limit);
    }
  }
  const need = cost * windowMs;
  const allowed = need <= level;
  if (allowed) level -= need;
  return {
    allowed,
    remaining: Math.floor(level / windowMs),
    retryAfterMs: allowed ? 0 : cost > burst ? windowMs : Math.ceil((need - level) / limit) + at - now,
    resetMs: level === full ? 0 : Math.min(windowMs, Math.ceil((full - level) / limit) + at - now),
    next: { level, at },
  };
}

function refund(policy: TokenBucketPolicy, state: TokenBucketState, cost: number, takenAt: number): TokenBucketState {
  const since = state.at - takenAt;
  // Taken after this state: it was not taken from this bucket.
  if (since < 0) return state;
  const back = cost * policy.windowMs - since * policy.limit;
  if (back <= 0) return state;
  return { level: Math.min(policy.burst * policy.windowMs, state.level + back), at: state.at };
}

function expiresAt(policy: TokenBucketPolicy, state: TokenBucketState): number {
  return state.at + Math.ceil((policy.burst * policy.windowMs - state.level) / policy.limit);
}
