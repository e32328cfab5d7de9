import type { FixedWindowPolicy, SlidingWindowPolicy } from '../algorithms/algorithm.ts';
import { waitFor } from '../algorithms/sliding-window.ts';
import type { ReplicaCounter, ReplicaSlot } from './replica-counter.ts';
import type { Verdict } from './strategy.ts';

/**
 * What the algorithm says of all known counts, read off the two newest sub-windows with no state made to be judged: most
 * decisions are such ones, and a gateway that decides some hundred times a second has the cache to itself for none of them.
 *
 * undefined: it takes the algorithm, as with more than two sub-windows, or after a clock went back.
 *
 * @param index the sub-window that is now
 * @param cost above zero
 */
export function quickVerdict(
  policy: FixedWindowPolicy | SlidingWindowPolicy,
  counter: ReplicaCounter,
  index: number,
  cost: number,
  now: number,
): Verdict | undefined {
  const { slots, sliceMs } = counter;
  const newest = slots[0];
  if (newest === undefined || newest.index !== index || counter.ownIndex > index) return undefined;
  const left = (index + 1) * sliceMs - now;
  if (policy.algorithm === 'fixed-window') return fixed(policy, newest.net, cost, left);
  return policy.buckets === 2 ? sliding(policy, newest.net, netBefore(slots, index), sliceMs, cost, left) : undefined;
}

function netBefore(slots: readonly ReplicaSlot[], index: number): number {
  const before = slots[1];
  return before === undefined || before.index !== index - 1 ? 0 : before.net;
}

function fixed({ limit, windowMs }: FixedWindowPolicy, count: number, cost: number, left: number): Verdict {
  const free = limit - count;
  if (cost <= free) return { allowed: true, remaining: free - cost, retryAfterMs: 0, resetMs: left };
  return {
    allowed: false,
    remaining: Math.max(0, free),
    retryAfterMs: cost > limit ? windowMs : left,
    resetMs: count === 0 ? 0 : left,
  };
}

function sliding(
  { limit, windowMs }: SlidingWindowPolicy,
  newest: number,
  before: number,
  sliceMs: number,
  cost: number,
  left: number,
): Verdict {
  const free = limit - newest - Math.ceil((before * left) / sliceMs);
  if (cost <= free) return { allowed: true, remaining: free - cost, retryAfterMs: 0, resetMs: windowMs };
  return {
    allowed: false,
    remaining: Math.max(0, free),
    retryAfterMs:
      cost > limit ? windowMs : left - sliceMs + waitFor(limit - cost - newest, [newest, before], 1, sliceMs),
    resetMs: newest > 0 ? Math.min(windowMs, left + sliceMs) : before > 0 ? Math.min(windowMs, left) : 0,
  };
}
