import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Decision, WindowedPolicy } from '../../src/algorithms/algorithm.ts';
import type { WindowedState } from '../../src/algorithms/registry.ts';
import { algorithmFor } from '../../src/algorithms/registry.ts';
import { anyHistory, capacityOf } from './support/arbitraries.ts';
import { stateOf } from './support/step.ts';

interface Answered {
  readonly policy: WindowedPolicy;
  readonly state: WindowedState | undefined;
  readonly cost: number;
  readonly now: number;
  readonly decision: Decision<WindowedState>;
}

/** Every decision of random lives, with the state it was made on. */
function forEachDecision(see: (answered: Answered) => void): void {
  fc.assert(
    fc.property(anyHistory, (steps) => {
      let state: WindowedState | undefined;
      for (const step of steps) {
        const { policy, now } = step;
        const algorithm = algorithmFor(policy);
        if (step.op === 'place') state = stateOf(step.text);
        if (step.op === 'refund' && state !== undefined)
          state = algorithm.refund(policy, state, step.cost, step.takenAt);
        if (step.op !== 'take') continue;
        const decision = algorithm.decide(policy, state, step.cost, now);
        see({ policy, state, cost: step.cost, now, decision });
        if (decision.allowed) state = decision.next;
      }
    }),
    { numRuns: 1_500 },
  );
}

function asked(
  { policy }: Answered,
  state: WindowedState | undefined,
  cost: number,
  now: number,
): Decision<WindowedState> {
  return algorithmFor(policy).decide(policy, state, cost, now);
}

describe('the numbers of an answer', () => {
  it('retryAfterMs is the least wait after which the same question is answered yes', () => {
    let seen = 0;
    forEachDecision((answered) => {
      const { policy, state, cost, now, decision } = answered;
      if (decision.allowed) return assert.equal(decision.retryAfterMs, 0);
      if (cost > capacityOf(policy)) return assert.equal(decision.retryAfterMs, policy.windowMs);
      const { retryAfterMs } = decision;
      assert.ok(Number.isSafeInteger(retryAfterMs) && retryAfterMs >= 1);
      if (!Number.isSafeInteger(now + retryAfterMs)) return;
      assert.equal(asked(answered, state, cost, now + retryAfterMs).allowed, true, 'too early');
      assert.equal(asked(answered, state, cost, now + retryAfterMs - 1).allowed, false, 'too late');
      seen++;
    });
    assert.ok(seen > 1_000, `only ${seen} refusals`);
  });

  it('a refusal stays one until retryAfterMs has passed', () => {
    forEachDecision((answered) => {
      const { policy, state, cost, now, decision } = answered;
      if (decision.allowed || cost > capacityOf(policy)) return;
      for (const part of [0.25, 0.5, 0.9]) {
        const wait = Math.floor((decision.retryAfterMs - 1) * part);
        assert.equal(asked(answered, state, cost, now + wait).allowed, false, `allowed after ${wait}`);
      }
    });
  });

  it('remaining is just what one more question could take', () => {
    forEachDecision((answered) => {
      const { now, state, decision } = answered;
      const after = decision.allowed ? decision.next : state;
      assert.ok(Number.isSafeInteger(decision.remaining) && decision.remaining >= 0);
      if (decision.remaining > 0) assert.equal(asked(answered, after, decision.remaining, now).allowed, true);
      assert.equal(asked(answered, after, decision.remaining + 1, now).allowed, false);
    });
  });

  it('resetMs is the time until everything is there again, at most the window', () => {
    forEachDecision((answered) => {
      const { policy, now, state, decision } = answered;
      const after = decision.allowed ? decision.next : state;
      const { resetMs } = decision;
      assert.ok(Number.isSafeInteger(resetMs) && resetMs >= 0 && resetMs <= policy.windowMs);
      const all = (wait: number): boolean => asked(answered, after, 0, now + wait).resetMs === 0;
      const full = (wait: number): boolean => asked(answered, after, 0, now + wait).remaining === capacityOf(policy);
      if (resetMs < policy.windowMs) assert.ok(all(resetMs) && full(resetMs), 'too early');
      if (resetMs > 0) assert.ok(!all(resetMs - 1), 'too late');
    });
  });

  it('a state is worth nothing from expiresAt on', () => {
    forEachDecision((answered) => {
      const { policy, cost, decision } = answered;
      if (!decision.allowed) return;
      const end = algorithmFor(policy).expiresAt(policy, decision.next);
      if (!Number.isSafeInteger(end + policy.windowMs)) return;
      for (const late of [0, 1, 7, policy.windowMs]) {
        const fresh = asked(answered, undefined, cost, end + late);
        const { next: _kept, ...then } = asked(answered, decision.next, cost, end + late);
        const { next: _fresh, ...expected } = fresh;
        assert.deepEqual(then, expected);
      }
    });
  });

  it('looking (cost 0) changes nothing that later answers show', () => {
    forEachDecision((answered) => {
      const { state, cost, now, decision } = answered;
      const look = asked(answered, state, 0, now);
      if (!look.allowed) return;
      const { next: _looked, ...then } = asked(answered, look.next, cost, now);
      const { next: _kept, ...expected } = decision;
      assert.deepEqual(then, expected);
    });
  });
});
