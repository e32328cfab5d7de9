import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { WindowedPolicy } from '../../src/algorithms/algorithm.ts';
import type { WindowedState } from '../../src/algorithms/registry.ts';
import { algorithmFor } from '../../src/algorithms/registry.ts';
import type { Admission } from './support/admissions.ts';
import { unitsIn } from './support/admissions.ts';
import { orderlyHistory, sliceOf } from './support/arbitraries.ts';

/** Whether the definition lets `cost` through, computed from the exact log of all admissions, in unbounded whole numbers. */
function definitionAllows(policy: WindowedPolicy, log: readonly Admission[], cost: number, now: number): boolean {
  const slice = sliceOf(policy);
  const begins = Math.floor(now / slice) * slice;
  switch (policy.algorithm) {
    case 'fixed-window':
      return unitsIn(log, begins, begins + slice) + cost <= policy.limit;
    case 'sliding-window': {
      const full = begins - (policy.buckets - 2) * slice;
      const newer = BigInt(unitsIn(log, full, begins + slice) + cost);
      const oldest = BigInt(unitsIn(log, full - slice, full));
      const covered = BigInt(begins + slice - now);
      return newer * BigInt(slice) + oldest * covered <= BigInt(policy.limit) * BigInt(slice);
    }
    case 'token-bucket': {
      // No span that ends now may hold more than the burst and what flowed in during it.
      if (cost > policy.burst) return false;
      let units = BigInt(cost);
      for (const admission of [...log].reverse()) {
        units += BigInt(admission.cost);
        const flowed = BigInt(now - admission.at) * BigInt(policy.limit);
        const window = BigInt(policy.windowMs);
        if (units * window > BigInt(policy.burst) * window + flowed) return false;
      }
      return true;
    }
  }
}

describe('each algorithm lets through exactly what its definition does', () => {
  it('for any requests: no more, and no false refusal', () => {
    let allowed = 0;
    let refused = 0;
    fc.assert(
      fc.property(orderlyHistory(['take']), (steps) => {
        const log: Admission[] = [];
        let state: WindowedState | undefined;
        for (const { op, policy, now, ...rest } of steps) {
          if (op !== 'take' || !('cost' in rest)) continue;
          const decision = algorithmFor(policy).decide(policy, state, rest.cost, now);
          assert.equal(decision.allowed, definitionAllows(policy, log, rest.cost, now));
          if (decision.allowed) {
            allowed++;
            state = decision.next;
            log.push({ at: now, cost: rest.cost });
          } else {
            refused++;
          }
        }
      }),
      { numRuns: 2_000 },
    );
    assert.ok(allowed > 10_000 && refused > 10_000, `one-sided: ${allowed} allowed, ${refused} refused`);
  });

  it('sliding-window: a key is never refused what fits with all it took in the last window and one sub-window more', () => {
    fc.assert(
      fc.property(orderlyHistory(['take']), (steps) => {
        const log: Admission[] = [];
        let state: WindowedState | undefined;
        for (const { op, policy, now, ...rest } of steps) {
          if (op !== 'take' || !('cost' in rest) || policy.algorithm !== 'sliding-window') continue;
          const decision = algorithmFor(policy).decide(policy, state, rest.cost, now);
          const recent = unitsIn(log, now - policy.buckets * sliceOf(policy) + 1, now + 1);
          if (recent + rest.cost <= policy.limit) assert.ok(decision.allowed, `${recent} + ${rest.cost} refused`);
          if (!decision.allowed) continue;
          state = decision.next;
          log.push({ at: now, cost: rest.cost });
        }
      }),
      { numRuns: 2_000 },
    );
  });
});
