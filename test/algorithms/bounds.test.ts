import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { SlidingWindowPolicy, WindowedPolicy } from '../../src/algorithms/algorithm.ts';
import { admissionsOf, spanAbove, unitsIn } from './support/admissions.ts';
import { orderlyHistory, sliceOf } from './support/arbitraries.ts';
import type { Step } from './support/step.ts';

/** floor(units × part / whole), exactly. */
function share(units: number, part: number, whole: number): number {
  return Number((BigInt(units) * BigInt(part)) / BigInt(whole));
}

/** The bound that the docstring of the sliding window states, for a span of that many milliseconds. */
function slidingBound(policy: SlidingWindowPolicy, length: number): number {
  const slice = sliceOf(policy);
  const covered = (policy.buckets - 1) * slice;
  if (length > covered) return Number.POSITIVE_INFINITY;
  const d = covered - length;
  if (d > slice - 2) return policy.limit;
  return policy.limit + share(policy.limit, slice - d - 2, slice);
}

/** What is wrong with the history under its policy's stated bound. */
function excess(steps: readonly Step[]): string | undefined {
  const policy = steps[0]?.policy;
  if (policy === undefined) return undefined;
  const log = admissionsOf(steps);
  const slice = sliceOf(policy);
  switch (policy.algorithm) {
    case 'fixed-window':
      for (const { at } of log) {
        const from = Math.floor(at / slice) * slice;
        if (unitsIn(log, from, from + slice) > policy.limit)
          return `more than ${policy.limit} in the window from ${from}`;
      }
      return spanAbove(log, (length) => (length > slice ? Number.POSITIVE_INFINITY : 2 * policy.limit));
    case 'sliding-window':
      for (const { at } of log) {
        const from = Math.floor(at / slice) * slice;
        const units = unitsIn(log, from, from + (policy.buckets - 1) * slice);
        if (units > policy.limit) return `${units} in the ${policy.buckets - 1} sub-windows from ${from}`;
      }
      return spanAbove(log, (length) => slidingBound(policy, length));
    case 'token-bucket':
      return spanAbove(log, (length) => policy.burst + share(policy.limit, length - 1, policy.windowMs));
  }
}

/** Asks for `cost` at `now` again and again until refused; the units let through. */
function drain(policy: WindowedPolicy, times: readonly number[], cost = 1): Step[] {
  return times.flatMap((now) =>
    Array.from({ length: 2 * policy.limit + 10 }, (): Step => ({ op: 'take', policy, now, cost })),
  );
}

describe('no history admits more than the stated bound', () => {
  it('in any span, however the requests fall', () => {
    fc.assert(
      fc.property(orderlyHistory(['take']), (steps) => {
        assert.equal(excess(steps), undefined);
      }),
      { numRuns: 3_000 },
    );
  });

  it('in any span, when units are given back at any later time', () => {
    fc.assert(
      fc.property(orderlyHistory(['take', 'take', 'refund']), (steps) => {
        assert.equal(excess(steps), undefined);
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('the stated bounds are reached, so they are honest', () => {
  const start = 1_700_000_000_000;

  it('fixed-window: twice the limit around an edge, within one millisecond of the other', () => {
    const policy = { algorithm: 'fixed-window', limit: 10, windowMs: 1_000 } as const;
    const log = admissionsOf(drain(policy, [start + 999, start + 1_000]));
    assert.equal(unitsIn(log, start + 999, start + 1_001), 20);
  });

  it('token-bucket: the burst at once, then each unit in the first millisecond in which it is whole', () => {
    const policy = { algorithm: 'token-bucket', limit: 3, windowMs: 1_000, burst: 7 } as const;
    const log = admissionsOf(
      drain(
        policy,
        Array.from({ length: 1_001 }, (_, i) => start + i),
      ),
    );
    assert.equal(unitsIn(log, start, start + 1), 7);
    for (const span of [333, 334, 666, 667, 999, 1_000]) {
      assert.equal(unitsIn(log, start, start + span + 1), 7 + Math.floor((span * 3) / 1_000), `span ${span}`);
    }
  });

  it('sliding-window: almost twice the limit in a window, by bursts at the end of sub-windows', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 200 }),
        fc.integer({ min: 2, max: 20 }),
        fc.integer({ min: 2, max: 500 }),
        fc.nat(),
        (limit, buckets, slice, seed) => {
          const policy = { algorithm: 'sliding-window', limit, buckets, windowMs: slice * (buckets - 1) } as const;
          const d = seed % (slice - 1);
          const origin = Math.floor(start / slice) * slice;
          const first = origin + slice - 1;
          const last = origin + (buckets - 1) * slice + slice - d - 2;
          const log = admissionsOf(drain(policy, [first, last]));
          const length = policy.windowMs - d;
          assert.equal(last - first + 1, length);
          assert.equal(unitsIn(log, first, first + length), slidingBound(policy, length));
        },
      ),
      { numRuns: 300 },
    );
  });
});
