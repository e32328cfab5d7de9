import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { LocalStrategy } from '../../src/sharing/local.ts';
import type { Check, GroupVerdict } from '../../src/sharing/strategy.ts';
import { check } from '../conformance/strategy.ts';
import { HORIZON, World } from './replicated-world.ts';

const FIXED: Policy = { algorithm: 'fixed-window', limit: 100, windowMs: 60_000 };

/** The only host of a world of one. */
function alone() {
  const world = new World(1);
  const [host] = world.hosts;
  assert.ok(host);
  return { world, host };
}

const policies: fc.Arbitrary<Policy> = fc.oneof(
  fc.record({
    algorithm: fc.constant('fixed-window' as const),
    limit: fc.integer({ min: 1, max: 8 }),
    windowMs: fc.constantFrom(1_000, 60_000),
  }),
  fc.record({
    algorithm: fc.constant('sliding-window' as const),
    limit: fc.integer({ min: 1, max: 8 }),
    windowMs: fc.constantFrom(1_000, 60_000),
    buckets: fc.constantFrom(2, 3, 7, 60),
  }),
  fc.record({
    algorithm: fc.constant('token-bucket' as const),
    limit: fc.integer({ min: 1, max: 8 }),
    windowMs: fc.constantFrom(1_000, 60_000),
    burst: fc.integer({ min: 1, max: 8 }),
  }),
);

const steps = fc.array(
  fc.oneof(
    { weight: 6, arbitrary: fc.record({ op: fc.constant('take' as const), cost: fc.integer({ min: 1, max: 4 }) }) },
    { weight: 2, arbitrary: fc.record({ op: fc.constant('pass' as const), ms: fc.integer({ min: 0, max: 20_000 }) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('back' as const), ms: fc.integer({ min: 1, max: 20 }) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('refund' as const) }) },
    { weight: 1, arbitrary: fc.record({ op: fc.constant('reset' as const) }) },
  ),
  { maxLength: 40 },
);

describe('a key that one host asks for', () => {
  it('is judged as by local, whatever happens, clocks that go back included', async () => {
    await fc.assert(
      fc.asyncProperty(policies, steps, async (policy, script) => {
        const { world, host } = alone();
        const local = new LocalStrategy({ clock: world.clock, maxKeys: 10, telemetry: silentTelemetry });
        const c = check(policy);
        let last: { group: Check[]; mine: GroupVerdict; theirs: GroupVerdict } | undefined;
        for (const step of script) {
          if (step.op === 'pass') world.clock.advance(step.ms);
          else if (step.op === 'back') world.clock.stepWall(-step.ms);
          else if (step.op === 'reset') {
            host.counts.reset(c);
            await local.reset(c);
            last = undefined;
          } else if (step.op === 'refund') {
            if (last?.mine.allowed !== true) continue;
            host.counts.refund(last.group, last.mine);
            local.refund(last.group, last.theirs);
            last = undefined;
          } else {
            const group = [{ ...c, cost: step.cost }];
            const mine = host.counts.check(group);
            const theirs = (await local.check(group)) as GroupVerdict;
            const [m, t] = [mine.verdicts[0], theirs.verdicts[0]];
            assert.deepEqual(
              [m?.allowed, m?.remaining, m?.retryAfterMs, m?.resetMs],
              [t?.allowed, t?.remaining, t?.retryAfterMs, t?.resetMs],
            );
            last = { group, mine, theirs };
          }
        }
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('the share of a host', () => {
  it('never admits what the known total refuses', () => {
    fc.assert(
      fc.property(
        policies,
        fc.array(fc.nat(3), { minLength: 1, maxLength: 60 }),
        fc.nat(1_000),
        (policy, asks, seed) => {
          const world = new World(4);
          const c = check(policy);
          world.clock.advance(seed);
          for (const who of asks) {
            const host = world.hosts[who];
            const before = host?.counts.peek(c).remaining ?? 0;
            if (host?.ask(c) === true) assert.ok(before >= 1, 'admitted though nothing was known to be left');
            world.clock.advance(37);
            if (seed % 3 === 0) world.tell();
          }
        },
      ),
    );
  });

  it('adds up to no more than what is left, once hosts know who asks', () => {
    for (const hosts of [2, 3, 7, 20]) {
      for (const limit of [1, 5, 50, 1_000]) {
        const policy: Policy = { algorithm: 'fixed-window', limit, windowMs: 60_000 };
        const world = new World(hosts);
        const c = check(policy);
        // Everybody asks until the window is over: then all know the demand of all.
        world.run(c, 59_900, () => 40);
        const before = world.admitted;
        world.clock.advance(100);
        world.run(c, 3_000, () => 40);
        const admitted = world.admitted - before;
        const offered = 3 * 40 * hosts;
        assert.ok(admitted <= limit, `${admitted} of ${limit} by ${hosts} hosts`);
        assert.ok(admitted >= 0.9 * Math.min(limit, offered), `only ${admitted} of ${limit} by ${hosts} hosts`);
      }
    }
  });

  it('follows the demand: what one host does not use another may', () => {
    const world = new World(4);
    const c = check({ algorithm: 'sliding-window', limit: 1_000, windowMs: 10_000, buckets: 2 });
    world.run(c, 10_000, () => 500);
    world.run(c, 10_000, (host) => (host === 0 ? 500 : 0));
    const before = world.hosts[0]?.admitted ?? 0;
    world.run(c, 20_000, (host) => (host === 0 ? 500 : 0));
    const admitted = (world.hosts[0]?.admitted ?? 0) - before;
    assert.ok(admitted > 1_850 && admitted <= 2_000, `${admitted} in two windows`);
  });

  it('goes with demand: who asks more gets more, and nobody nothing', () => {
    const world = new World(2);
    const c = check({ algorithm: 'token-bucket', limit: 1_000, windowMs: 10_000, burst: 1_000 });
    world.run(c, 20_000, (host) => (host === 0 ? 300 : 100));
    const before = world.hosts.map((host) => host.admitted);
    world.run(c, 30_000, (host) => (host === 0 ? 300 : 100));
    const [a = 0, b = 0] = world.hosts.map((host, i) => host.admitted - (before[i] ?? 0));
    assert.ok(a / b > 2 && a / b < 6, `${a} to ${b}`);
  });

  it('asks to come again within a horizon', () => {
    const world = new World(10);
    const c = check({ ...FIXED, limit: 5 } as Policy);
    world.run(c, 59_999, () => 20);
    world.clock.advance(1);
    let refusals = 0;
    for (const host of world.hosts) {
      const verdict = host.counts.check([c]);
      const [only] = verdict.verdicts;
      if (verdict.allowed || only === undefined) continue;
      refusals++;
      assert.ok(only.retryAfterMs >= 1 && only.retryAfterMs <= HORIZON, `${only.retryAfterMs} ms`);
      assert.equal(only.remaining, 0);
    }
    assert.ok(refusals >= 4 && refusals <= 6, `${refusals} of 10 refused`);
  });

  it('is taken in turns: no host wins or loses all the time', () => {
    const world = new World(10);
    const c = check({ algorithm: 'fixed-window', limit: 3, windowMs: 1_000 });
    world.run(c, 120_000, () => 20);
    for (const { admitted } of world.hosts) assert.ok(admitted > 15 && admitted < 70, `${admitted}`);
  });

  it('comes to the right sum when only some of the hosts ask', () => {
    const world = new World(12);
    const c = check({ algorithm: 'fixed-window', limit: 3, windowMs: 1_000 });
    const asks = (host: number): number => ([1, 2, 7, 8, 11].includes(host) ? 20 : 0);
    world.run(c, 10_000, asks);
    const before = world.admitted;
    world.run(c, 100_000, asks);
    const perWindow = (world.admitted - before) / 100;
    assert.ok(perWindow > 2.4 && perWindow < 3.45, `${perWindow} of 3 a window`);
  });

  it('is not lost by a refusal of the window: those who come back all at once do not find themselves alone', () => {
    const world = new World(8);
    const c = check({ algorithm: 'fixed-window', limit: 4, windowMs: 60_000 });
    // As clients do that heed Retry-After: a burst at the start of each window, then silence.
    const counts: number[] = [];
    for (let window = 0; window < 6; window++) {
      const before = world.admitted;
      world.run(c, 1_000, () => 30, window);
      world.run(c, 59_000, () => 0);
      counts.push(world.admitted - before);
    }
    assert.ok((counts[0] ?? 0) > 4, 'nobody knows of anybody at first');
    for (const admitted of counts.slice(1)) assert.ok(admitted >= 4 && admitted <= 6, `${counts}`);
  });
});

describe('a token bucket on several hosts', () => {
  for (const hosts of [2, 5, 20]) {
    it(`lets no more through over time than its rate, and not much less, on ${hosts} hosts`, () => {
      const world = new World(hosts);
      const c = check({ algorithm: 'token-bucket', limit: 1_000, windowMs: 10_000, burst: 200 });
      world.run(c, 20_000, () => 400 / hosts);
      const before = world.admitted;
      world.run(c, 100_000, () => 400 / hosts);
      const rate = (world.admitted - before) / 100;
      assert.ok(rate <= 100.5 && rate > 95, `${rate} a second`);
    });
  }

  it('makes others pay for what one took before they knew', () => {
    const world = new World(2);
    const c = check({ algorithm: 'token-bucket', limit: 10, windowMs: 10_000, burst: 10 });
    const [a, b] = world.hosts;
    for (let i = 0; i < 20; i++) {
      a?.ask(c);
      b?.ask(c);
    }
    assert.equal(world.admitted, 20);
    world.tell();
    assert.equal(a?.ask(c), false);
    // Ten seconds to pay the debt; then one a second.
    world.clock.advance(10_999);
    assert.equal(a?.counts.peek(c).remaining, 0);
    world.clock.advance(1);
    assert.equal(a?.counts.peek(c).remaining, 1);
    assert.equal(b?.counts.peek(c).remaining, 1);
  });

  it('owes no more than it holds, whatever was taken', () => {
    const world = new World(50);
    const c = check({ algorithm: 'token-bucket', limit: 10, windowMs: 10_000, burst: 10 });
    for (const host of world.hosts) for (let i = 0; i < 10; i++) host.ask(c);
    world.tell();
    world.clock.advance(22_000);
    world.tell();
    assert.ok(world.hosts.some((host) => host.ask(c)));
  });

  it('starts from what others have told when a host first asks', () => {
    const world = new World(2);
    const c = check({ algorithm: 'token-bucket', limit: 10, windowMs: 10_000, burst: 10 });
    const [a, b] = world.hosts;
    for (let i = 0; i < 7; i++) a?.ask(c);
    world.tell();
    assert.equal(b?.counts.peek(c).remaining, 3);
  });
});

describe('what an operator does', () => {
  it('reaches the others: a reset gives room everywhere, once heard', () => {
    for (const policy of [
      FIXED,
      { algorithm: 'sliding-window', limit: 100, windowMs: 60_000, buckets: 13 },
      { algorithm: 'token-bucket', limit: 100, windowMs: 60_000, burst: 100 },
    ] as const) {
      const world = new World(3);
      const c = check(policy);
      for (const host of world.hosts) host.ask({ ...c, cost: 30 });
      world.clock.advance(3_000);
      world.tell();
      world.clock.advance(3_000);
      const [a, b] = world.hosts;
      assert.ok((b?.counts.peek(c).remaining ?? 100) <= 20, policy.algorithm);
      assert.equal(a?.counts.reset(c), true);
      assert.equal(a?.counts.reset(c), false);
      world.tell();
      for (const host of world.hosts) assert.equal(host.counts.peek(c).remaining, 100, policy.algorithm);
      b?.ask({ ...c, cost: 10 });
      world.tell();
      assert.equal(a?.counts.peek(c).remaining, 90, policy.algorithm);
    }
  });

  it('works on a host that has not heard of the counter', () => {
    const world = new World(2);
    const [a, b] = world.hosts;
    const c = check(FIXED);
    a?.ask({ ...c, cost: 60 });
    world.clock.advance(10);
    assert.equal(b?.counts.reset(c), false);
    world.tell();
    assert.equal(a?.counts.peek(c).remaining, 100);
  });
});

describe('units that are given back', () => {
  it('are free on other hosts as well, once they have heard', () => {
    for (const policy of [FIXED, { algorithm: 'token-bucket', limit: 100, windowMs: 60_000, burst: 100 }] as const) {
      const world = new World(2);
      const [a, b] = world.hosts;
      const c = { ...check(policy), cost: 70 };
      const verdict = a?.counts.check([c]);
      assert.ok(verdict?.allowed);
      world.tell();
      assert.equal(b?.counts.peek(c).remaining, 30);
      a?.counts.refund([c], verdict);
      world.tell();
      assert.equal(b?.counts.peek(c).remaining, 100);
    }
  });
});

describe('while hosts are lost', () => {
  it('a share of the limit is held against what visible hosts hold', () => {
    const world = new World(4);
    const c = check(FIXED);
    world.hosts.forEach((host, i) => {
      host.ask({ ...c, cost: [10, 20, 30, 5][i] ?? 0 });
    });
    world.tell();
    const [a] = world.hosts;
    assert.ok(a);
    a.visible = { addresses: new Set(['h1:1']), totals: true };
    assert.equal(a.counts.check([{ ...c, share: 0.5, cost: 51 }]).allowed, false);
    // Until it is forgotten that all were asking.
    world.clock.advance(3_000);
    // 65 are taken in all, 30 of them by the two that can be seen, which may have 50 together.
    assert.equal(a.counts.check([{ ...c, share: 0.5, cost: 21 }]).allowed, false);
    assert.equal(a.counts.check([{ ...c, share: 0.5, cost: 5 }]).allowed, true);
    world.hosts[2]?.ask({ ...c, cost: 40 });
    a.visible = { addresses: new Set(['h1:1']), totals: true };
    assert.equal(a.counts.check([{ ...c, share: 0.5, cost: 36 }]).allowed, false, 'the whole limit counts too');
  });

  it('a bucket flows with its share of the rate, and at once with all of it when they are back', () => {
    const world = new World(1);
    const [a] = world.hosts;
    assert.ok(a);
    const c = check({ algorithm: 'token-bucket', limit: 100, windowMs: 10_000, burst: 100 });
    let admitted = 0;
    for (let t = 0; t < 60_000; t += 20) {
      if (a.counts.check([{ ...c, share: 0.25 }]).allowed) admitted++;
      world.clock.advance(20);
    }
    assert.ok(admitted >= 25 + 148 && admitted <= 25 + 151, `${admitted} in a minute`);
    assert.equal(a.counts.peek(c).remaining, 100);
    assert.equal(a.counts.check([{ ...c, cost: 90 }]).allowed, true);
  });

  it('one unit at least may be had, however small the share', () => {
    const { host } = alone();
    const c = check({ ...FIXED, limit: 2 } as Policy);
    assert.equal(host.counts.check([{ ...c, share: 0.1 }]).allowed, true);
    assert.equal(host.counts.check([{ ...c, share: 0.1 }]).allowed, false);
  });
});

describe('a group', () => {
  it('is charged whole or not at all, and asks count in either case', () => {
    const { host } = alone();
    const [wide, narrow] = [check(FIXED), check({ ...FIXED, limit: 1 } as Policy)];
    assert.equal(host.counts.check([wide, narrow]).allowed, true);
    assert.equal(host.counts.check([wide, narrow]).allowed, false);
    assert.equal(host.counts.peek(wide).remaining, 99);
    assert.equal(host.replica.find(wide.counter)?.slots[0]?.asked, 2);
  });

  it('cannot hold concurrency', () => {
    const { host } = alone();
    assert.throws(
      () => host.counts.check([check({ algorithm: 'concurrency', limit: 1, leaseMs: 1_000 })]),
      /concurrency/,
    );
  });
});

describe('a clock that is wrong', () => {
  it('locks a host out of no share for longer than a horizon or two', () => {
    const world = new World(2);
    const c = check({ algorithm: 'sliding-window', limit: 100, windowMs: 10_000, buckets: 2 });
    world.run(c, 5_000, () => 5);
    world.clock.stepWall(-3_600_000);
    const before = world.admitted;
    world.run(c, 40_000, () => 5);
    assert.ok(world.admitted - before > 300, `${world.admitted - before} of 400`);
  });
});
