import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import { Denials } from '../../src/limiter/denials.ts';
import type { Outcome } from '../../src/limiter/outcome.ts';
import type { Check, Verdict } from '../../src/sharing/strategy.ts';
import { bench, concurrency, facts, field, limit } from './setup.ts';

const POLICY: Policy = { algorithm: 'fixed-window', limit: 3, windowMs: 60_000 };

function check(counter: string, cost = 1, policy = POLICY): Check {
  return { limit: 'x', counter, policy, cost, shadow: false, lease: false, holder: undefined };
}

function denied(retryAfterMs: number, remaining = 0): Verdict {
  return { allowed: false, remaining, retryAfterMs, resetMs: 30_000 };
}

describe('known denials', () => {
  it('hold until their time as counted from the question, and no longer', () => {
    const clock = new VirtualClock();
    const denials = new Denials(clock);
    const sentAt = clock.monotonic();
    clock.advance(40);
    denials.remember(check('k'), denied(1_000), sentAt);
    clock.advance(959);
    assert.equal(denials.find(check('k'))?.allowed, false);
    clock.advance(1);
    assert.equal(denials.find(check('k')), undefined);
    assert.equal(denials.size, 0);
  });

  it('tell the client a time that is never too early, counting down', () => {
    const clock = new VirtualClock();
    const denials = new Denials(clock);
    const sentAt = clock.monotonic();
    clock.advance(40);
    denials.remember(check('k'), denied(1_000), sentAt);
    clock.advance(300);
    assert.deepEqual(denials.find(check('k')), { allowed: false, remaining: 0, retryAfterMs: 700, resetMs: 29_700 });
  });

  it('hold for the cost that was refused and dearer ones', () => {
    const clock = new VirtualClock();
    const denials = new Denials(clock);
    denials.remember(check('k', 3), denied(1_000, 2), clock.monotonic());
    assert.equal(denials.find(check('k', 2)), undefined);
    assert.equal(denials.find(check('k', 3))?.remaining, 2);
    assert.equal(denials.find(check('k', 9))?.remaining, 2);
    denials.remember(check('k', 1), denied(500), clock.monotonic());
    denials.remember(check('k', 5), denied(900, 4), clock.monotonic());
    assert.equal(denials.find(check('k', 1))?.retryAfterMs, 500);
  });

  it('say nothing about another policy, as after a reload', () => {
    const clock = new VirtualClock();
    const denials = new Denials(clock);
    denials.remember(check('k'), denied(1_000), clock.monotonic());
    assert.equal(denials.find(check('k', 1, { ...POLICY, limit: 50 })), undefined);
  });

  it('are forgotten, and so is what was asked before forgetting', () => {
    const clock = new VirtualClock();
    const denials = new Denials(clock);
    const sentAt = clock.monotonic();
    denials.remember(check('k'), denied(1_000), sentAt);
    denials.forget('k');
    assert.equal(denials.find(check('k')), undefined);
    denials.remember(check('k'), denied(1_000), sentAt);
    assert.equal(denials.find(check('k')), undefined);
    clock.advance(1);
    denials.remember(check('k'), denied(1_000), clock.monotonic());
    assert.notEqual(denials.find(check('k')), undefined);
    denials.forgetAll();
    assert.equal(denials.find(check('k')), undefined);
  });

  it('are bounded; the ones that nobody asks for go first', () => {
    const clock = new VirtualClock();
    const denials = new Denials(clock, 3);
    for (const counter of ['a', 'b', 'c']) denials.remember(check(counter), denied(1_000), clock.monotonic());
    assert.notEqual(denials.find(check('a')), undefined);
    denials.remember(check('d'), denied(1_000), clock.monotonic());
    assert.equal(denials.size, 3);
    assert.equal(denials.find(check('b')), undefined);
    assert.notEqual(denials.find(check('a')), undefined);
  });
});

describe('a key that the store has refused', () => {
  const shared = limit({ sharing: 'redis', rates: [{ count: 1, windowMs: 60_000 }] });

  function sync(outcome: Outcome | Promise<Outcome>): Outcome {
    assert.ok(!(outcome instanceof Promise), 'answered from memory');
    return outcome;
  }

  it('is refused without a trip until its time, counting down', async () => {
    const { set, redis, clock, told } = bench([shared]);
    redis.retryAfterMs = 10_500;
    await set.decide(facts());
    assert.equal(field((await set.decide(facts())).headers, 'Retry-After'), '11');
    const trips = redis.groups.length;
    told.length = 0;
    clock.advance(2_000);
    const refused = sync(set.decide(facts()));
    assert.equal(refused.rejection?.status, 429);
    assert.equal(field(refused.headers, 'Retry-After'), '9');
    assert.equal(field(refused.headers, 'RateLimit'), '"per-client";r=0;t=9');
    assert.deepEqual(told, ['decision per-client redis local_denial']);
    assert.equal(redis.groups.length, trips);
    clock.advance(8_500);
    await set.decide(facts());
    assert.equal(redis.groups.length, trips + 1);
  });

  it('charges no other limit meanwhile', async () => {
    const { set, local } = bench([limit({ name: 'own' }), shared]);
    await set.decide(facts());
    await set.decide(facts());
    assert.equal(local.total, 1);
    const asked = local.groups.length;
    assert.deepEqual(sync(set.decide(facts())).violated, ['per-client']);
    assert.equal(local.groups.length, asked);
  });

  it('in shadow mode stops nothing: the others are still asked', async () => {
    const { set, redis, told } = bench([
      { ...shared, name: 'trial', mode: 'shadow' },
      limit({ sharing: 'redis', rates: [{ count: 9, windowMs: 60_000 }] }),
    ]);
    await set.decide(facts());
    await set.decide(facts());
    told.length = 0;
    const third = await set.decide(facts());
    assert.equal(third.rejection, undefined);
    assert.deepEqual(third.shadowViolated, ['trial']);
    assert.deepEqual(
      redis.groups.at(-1)?.map((c) => c.limit),
      ['per-client'],
    );
    assert.ok(told.includes('decision trial redis shadow_denied'));
  });

  it('is asked again once an operator reset it, here or elsewhere', async () => {
    const { set, compiled, limiter, redis } = bench([shared]);
    const exhaust = async (): Promise<void> => {
      await set.decide(facts());
      await set.decide(facts());
      sync(set.decide(facts()));
    };
    await exhaust();
    assert.equal(await compiled.keys.reset('per-client', '192.0.2.1'), true);
    assert.equal((await set.decide(facts())).rejection, undefined);
    // Answers of the same instant may be from before; they are not remembered.
    const trips = redis.groups.length;
    await set.decide(facts());
    await set.decide(facts());
    assert.equal(redis.groups.length, trips + 2);
    redis.used.clear();
    limiter.forgetDenials();
    assert.equal((await set.decide(facts())).rejection, undefined);
  });

  it('is asked again after a reload that raises the limit', async () => {
    const { set, limiter } = bench([shared]);
    await set.decide(facts());
    await set.decide(facts());
    const raised = limiter.compile([{ ...shared, rates: [{ count: 5, windowMs: 60_000 }] }]).set(['per-client']);
    assert.equal((await raised.decide(facts())).rejection, undefined);
  });

  it('is not remembered for concurrency, which may end at any moment', async () => {
    const { set } = bench([concurrency({ sharing: 'redis', max: 1 })]);
    const held = await set.decide(facts());
    assert.equal((await set.decide(facts())).rejection?.status, 429);
    held.release?.();
    assert.equal((await set.decide(facts())).rejection, undefined);
  });

  it('is not remembered where deciding needs no trip', () => {
    const { set, local } = bench([limit({ rates: [{ count: 1, windowMs: 60_000 }] })]);
    for (let i = 0; i < 5; i++) sync(set.decide(facts()));
    assert.equal(local.groups.length, 5);
  });
});
