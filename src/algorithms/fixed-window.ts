import type { Algorithm, Decision, FixedWindowPolicy } from './algorithm.ts';

export interface FixedWindowState {
  /** The window's number since the Unix epoch: floor(time / window). */
  readonly index: number;
  /** Units taken in it. */
  readonly count: number;
}

/**
 * Counts in windows aligned to Unix time; the next one starts empty.
 *
 * Bound: at most `limit` in each aligned window, exactly that many if asked for; so at most 2 × `limit` in any span of
 * the window's length, which a burst on both sides of an edge reaches.
 *
 * Twin: `lua/include/fixed_window_*.lua`.
 */
export const fixedWindow: Algorithm<FixedWindowPolicy, FixedWindowState> = { decide, refund, expiresAt };

function decide(
  policy: FixedWindowPolicy,
  state: FixedWindowState | undefined,
  cost: number,
  now: number,
): Decision<FixedWindowState> {
  const { limit, windowMs } = policy;
  let index = Math.floor(now / windowMs);
  let count = 0;
  if (state !== undefined) {
    const ahead = state.index - index;
    // One window ahead: the clock went back a little, time stands still. Further: a clock was wrong, start anew.
    if (ahead === 0 || ahead === 1) {
      index = state.index;
      count = state.count;
    }
  }
  const left = (index + 1) * windowMs - now;
  const free = limit - count;
  const allowed = cost <= free;
  if (allowed) count += cost;
  return {
    allowed,
    remaining: allowed ? free - cost : Math.max(0, free),
    retryAfterMs: allowed ? 0 : cost > limit ? windowMs : left,
    resetMs: count === 0 ? 0 : Math.min(windowMs, left),
    next: { index, count },
  };
}

/** Units of an earlier window are gone with it: nothing to give back. */
function refund(policy: FixedWindowPolicy, state: FixedWindowState, cost: number, takenAt: number): FixedWindowState {
  if (state.index !== Math.floor(takenAt / policy.windowMs)) return state;
  return { index: state.index, count: Math.max(0, state.count - cost) };
}

function expiresAt(policy: FixedWindowPolicy, state: FixedWindowState): number {
  return (state.index + 1) * policy.windowMs;
}
