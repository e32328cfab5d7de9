import type { Algorithm, Decision, SlidingWindowPolicy } from './algorithm.ts';

export interface SlidingWindowState {
  /** The current sub-window's number since the Unix epoch: floor(time / sub-window). */
  readonly index: number;
  /** Units taken in the current sub-window and those before it, newest first; missing ones are zero. */
  readonly counts: readonly number[];
}

/**
 * Cuts time into sub-windows of s = ceil(window / (buckets − 1)), aligned to Unix time, and keeps the counts of the last
 * `buckets`. The window ends now, so it covers the oldest only in part: that count is weighted by the part covered.
 *
 *     estimate = newer counts + oldest × (s − elapsed) / s        allowed: estimate + cost ≤ limit
 *
 * Two buckets are the current and the previous window, as Cloudflare described it ("How we built rate limiting capable
 * of scaling to millions of domains", 2017).
 *
 * Bounds, all reached (half-open spans of whole milliseconds, W = (buckets − 1) × s ≥ window):
 * - at most `limit` in any buckets − 1 sub-windows in a row, hence at most `limit` in any span of W − s. With two
 *   buckets that is: in each aligned window;
 * - at most limit + floor(limit × (s − d − 2) / s) in any span of W − d, for 0 ≤ d ≤ s − 2. For d = 0, the whole window,
 *   that is almost 2 × `limit`, whatever the number of buckets: a burst at the very end of one sub-window weighs almost
 *   nothing just before it leaves the window. More buckets narrow the spans in which that can be: with 60, any 98.3 %
 *   of the window are held to `limit`; with two, traffic that is even within a window is.
 * - it never refuses what fits into `limit` together with everything taken in the last W + s.
 *
 * Twin: `lua/include/sliding_window_*.lua`.
 */
export const slidingWindow: Algorithm<SlidingWindowPolicy, SlidingWindowState> = { decide, refund, expiresAt };

/** Milliseconds of one sub-window. */
function sliceOf(policy: SlidingWindowPolicy): number {
  return Math.ceil(policy.windowMs / (policy.buckets - 1));
}

function decide(
  policy: SlidingWindowPolicy,
  state: SlidingWindowState | undefined,
  cost: number,
  now: number,
): Decision<SlidingWindowState> {
  const { limit, windowMs, buckets } = policy;
  const slice = sliceOf(policy);
  let index = Math.floor(now / slice);
  let elapsed = now - index * slice;
  let counts: readonly number[] = NONE;
  let behind = 0;
  if (state !== undefined) {
    behind = index - state.index;
    if (behind >= 0) {
      counts = state.counts;
    } else if (behind > -buckets) {
      // Up to one window ahead: the clock went back a little, time stands still. Further: a clock was wrong, start anew.
      counts = state.counts;
      index = state.index;
      elapsed = 0;
      behind = 0;
    } else {
      behind = 0;
    }
  }

  // `counts[i]` is by now `i + behind` sub-windows old.
  const oldestAt = buckets - 1 - behind;
  const oldest = at(counts, oldestAt);
  let newer = 0;
  for (let i = Math.min(oldestAt, counts.length) - 1; i >= 0; i--) newer += counts[i] ?? 0;

  const free = limit - newer - Math.ceil((oldest * (slice - elapsed)) / slice);
  if (cost <= free) {
    return {
      allowed: true,
      remaining: free - cost,
      retryAfterMs: 0,
      resetMs: cost > 0 ? windowMs : resetOf(index, counts, behind, slice, now, policy),
      next: { index, counts: advanced(counts, behind, buckets, cost) },
    };
  }
  return {
    allowed: false,
    remaining: Math.max(0, free),
    retryAfterMs:
      cost > limit ? windowMs : index * slice - now + waitFor(limit - cost - newer, counts, oldestAt, slice),
    resetMs: resetOf(index, counts, behind, slice, now, policy),
    next: state !== undefined && counts === state.counts ? state : { index, counts: NONE },
  };
}

const NONE: readonly number[] = [];

function at(counts: readonly number[], place: number): number {
  return place >= 0 && place < counts.length ? (counts[place] ?? 0) : 0;
}

function advanced(counts: readonly number[], behind: number, buckets: number, cost: number): readonly number[] {
  if (buckets === 2) {
    return behind === 0 ? [at(counts, 0) + cost, at(counts, 1)] : [cost, behind === 1 ? at(counts, 0) : 0];
  }
  const next: number[] = [];
  for (let i = 0; i < buckets; i++) next.push(at(counts, i - behind));
  next[0] = (next[0] ?? 0) + cost;
  return next;
}

/**
 * Milliseconds from the start of the current sub-window until a weighted count fits into `room`. Walks through the
 * sub-windows to come: in each, one count ceases to be new, becomes the oldest and fades.
 *
 * @param room what the oldest count may weigh now; negative when the newer ones alone are too many
 * @param oldestAt its place in `counts`
 */
export function waitFor(room: number, counts: readonly number[], oldestAt: number, slice: number): number {
  let left = room;
  let place = oldestAt;
  let oldest = at(counts, place);
  while (left < 0 && place > 0) {
    place--;
    oldest = at(counts, place);
    left += oldest;
  }
  const begins = (oldestAt - place) * slice;
  return oldest === 0 ? begins : begins + Math.max(0, slice - Math.floor((left * slice) / oldest));
}

/** Milliseconds until the newest count that is not zero has faded, at most the window; 0 when there is none. */
function resetOf(
  index: number,
  counts: readonly number[],
  behind: number,
  slice: number,
  now: number,
  policy: SlidingWindowPolicy,
): number {
  const { buckets, windowMs } = policy;
  for (let i = 0; i < counts.length && i + behind < buckets; i++) {
    if (at(counts, i) > 0) return Math.min(windowMs, (index + buckets - i - behind) * slice - now);
  }
  return 0;
}

/** Units of a sub-window that is no longer (or not yet) counted have nothing to give back. */
function refund(
  policy: SlidingWindowPolicy,
  state: SlidingWindowState,
  cost: number,
  takenAt: number,
): SlidingWindowState {
  const place = state.index - Math.floor(takenAt / sliceOf(policy));
  if (at(state.counts, place) === 0) return state;
  const counts = state.counts.slice();
  counts[place] = Math.max(0, at(counts, place) - cost);
  return { index: state.index, counts };
}

function expiresAt(policy: SlidingWindowPolicy, state: SlidingWindowState): number {
  return (state.index + policy.buckets) * sliceOf(policy);
}
