/** A token bucket that several hosts take from, as one of them knows it. */
import type { TokenBucketPolicy } from '../algorithms/algorithm.ts';
import type { TokenBucketState } from '../algorithms/token-bucket.ts';
import type { ReplicaCounter } from './replica-counter.ts';
import type { ReplicatedBucket } from './replicated-use.ts';

/** A host that asks more seldom than this has not seen in which order others took and the bucket filled. */
const LONG_MS = 1_000;

/**
 * The level, refilled at the full rate, from which this host's own units go at once and those of others as they are heard of. It may go
 * below zero: what others took before it was known here is a debt, so that over time no more flows than the rate, on however
 * many hosts. The debt is never more than the bucket holds: a key is locked out for as long as an empty bucket takes to fill,
 * at most, whatever happened.
 *
 * @param unheardMs how long ago this was done last. News of a long time did not all come now: then the level is at least what
 * the counts by sub-windows say.
 */
export function settled(
  bucket: ReplicatedBucket | undefined,
  counter: ReplicaCounter,
  policy: TokenBucketPolicy,
  now: number,
  unheardMs: number,
): ReplicatedBucket {
  if (bucket === undefined) return { state: supposed(counter, policy, now), heardNet: counter.heardNet };
  const news = counter.heardNet - bucket.heardNet;
  if (news === 0) return bucket;
  bucket.heardNet = counter.heardNet;
  const full = policy.burst * policy.windowMs;
  let [level, at] = [full, now];
  const { state } = bucket;
  if (state !== undefined && state.at - now <= policy.windowMs) {
    at = Math.max(state.at, now);
    level = Math.min(full, state.level + (at - state.at) * policy.limit);
  }
  level = lowered(level, news, policy);
  if (unheardMs > LONG_MS) level = Math.max(level, supposed(counter, policy, now)?.level ?? full);
  bucket.state = { level, at };
  return bucket;
}

/**
 * What the level may be by the counts alone: as if all of the last sub-window had been taken at its end, and all of this one now. Never
 * higher than it is.
 */
function supposed(counter: ReplicaCounter, policy: TokenBucketPolicy, now: number): TokenBucketState | undefined {
  const index = Math.floor(now / counter.sliceMs);
  const before = counter.find(index - 1)?.net ?? 0;
  const lately = counter.find(index)?.net ?? 0;
  if (before === 0 && lately === 0) return undefined;
  const full = policy.burst * policy.windowMs;
  const atStart = Math.max(0, full - before * policy.windowMs);
  const refilled = Math.min(full, atStart + (now - index * counter.sliceMs) * policy.limit);
  return { level: lowered(refilled, lately, policy), at: now };
}

function lowered(level: number, units: number, { burst, windowMs }: TokenBucketPolicy): number {
  const full = burst * windowMs;
  return Math.max(-full, Math.min(full, level - units * windowMs));
}
