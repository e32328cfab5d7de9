/** How a counter lies in a replica, and the state that its algorithm judges. */
import type { FixedWindowPolicy, SlidingWindowPolicy, WindowedPolicy } from '../algorithms/algorithm.ts';
import type { FixedWindowState } from '../algorithms/fixed-window.ts';
import type { SlidingWindowState } from '../algorithms/sliding-window.ts';
import type { ReplicaCounter, ReplicaSlot } from './replica-counter.ts';
import type { Visibility } from './replica-visible.ts';
import { visibleNet } from './replica-visible.ts';

/** The shortest sub-window of a token bucket, milliseconds. */
const MIN_BUCKET_SLICE_MS = 1_000;

/** Milliseconds of one sub-window. For a token bucket: in which an empty one fills, so that older counts matter no more. */
export function sliceOf(policy: WindowedPolicy): number {
  switch (policy.algorithm) {
    case 'fixed-window':
      return policy.windowMs;
    case 'sliding-window':
      return Math.ceil(policy.windowMs / (policy.buckets - 1));
    case 'token-bucket':
      return Math.max(MIN_BUCKET_SLICE_MS, Math.ceil((policy.burst * policy.windowMs) / policy.limit));
  }
}

/** For how many sub-windows a count matters. */
export function keepOf(policy: WindowedPolicy): number {
  switch (policy.algorithm) {
    case 'fixed-window':
      return 1;
    case 'sliding-window':
      return policy.buckets;
    case 'token-bucket':
      return 2;
  }
}

/**
 * The counts of all hosts, or of the visible ones, as the algorithm wants them. By the sub-window that it is here: counts of hosts whose
 * clocks are ahead join when this one's gets there, so that each sub-window's total is the same for all. When this
 * host's clock has gone back, its own last sub-window goes on, as it would with one host.
 */
export function knownState(
  policy: FixedWindowPolicy | SlidingWindowPolicy,
  counter: ReplicaCounter,
  now: number,
  visibility?: Visibility,
): FixedWindowState | SlidingWindowState {
  const fixed = policy.algorithm === 'fixed-window';
  const buckets = fixed ? 1 : policy.buckets;
  let index = Math.floor(now / counter.sliceMs);
  const ahead = counter.ownIndex - index;
  if (ahead > 0 && ahead < (fixed ? 2 : buckets)) index = counter.ownIndex;
  if (fixed) return { index, count: netAt(counter, index, visibility) };
  if (buckets === 2) {
    return { index, counts: [netAt(counter, index, visibility), netAt(counter, index - 1, visibility)] };
  }
  const net = visibility === undefined ? netOf : (slot: ReplicaSlot): number => visibleNet(slot, visibility);
  return { index, counts: counter.sumsAt(index, buckets, net) };
}

function netAt(counter: ReplicaCounter, index: number, visibility: Visibility | undefined): number {
  const slot = counter.find(index);
  if (slot === undefined) return 0;
  return visibility === undefined ? slot.net : visibleNet(slot, visibility);
}

function netOf(slot: ReplicaSlot): number {
  return slot.net;
}
