/**
 * The suite that every sharing strategy passes. An implementation calls {@link strategyConformance} with a way to make
 * itself; each test uses counters of its own, so one instance serves them all.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import type { Check, GroupVerdict, Strategy } from '../../src/sharing/strategy.ts';

// Windows of 10,000 days, aligned to Unix time: the next one starts in 2052, so no test sees a window end.
const AGE = 10_000 * 86_400_000;
export const WINDOWED: readonly Policy[] = [
  { algorithm: 'fixed-window', limit: 5, windowMs: AGE },
  { algorithm: 'sliding-window', limit: 5, windowMs: AGE, buckets: 2 },
  { algorithm: 'sliding-window', limit: 5, windowMs: AGE, buckets: 13 },
  { algorithm: 'token-bucket', limit: 5, windowMs: AGE, burst: 5 },
];
const CONCURRENCY: Policy = { algorithm: 'concurrency', limit: 2, leaseMs: 30_000 };

let serial = 0;
export function check(policy: Policy, extra: Partial<Check> = {}): Check {
  serial += 1;
  return {
    limit: 'suite',
    counter: `suite:${serial}`,
    policy,
    cost: 1,
    shadow: false,
    lease: false,
    holder: policy.algorithm === 'concurrency' ? `holder-${serial}` : undefined,
    ...extra,
  };
}

export interface Harness {
  readonly strategy: Strategy;
  readonly close?: () => Promise<void>;
  /** Counters of one group may live on several servers: what a refused group took there is given back a moment later. */
  readonly givesBackLater?: boolean;
}

export interface Contract {
  /** False for ways of sharing that cannot hold `concurrency`: they must refuse to, loudly. */
  readonly concurrency: boolean;
}

export function strategyConformance(
  name: string,
  make: () => Promise<Harness>,
  { concurrency }: Contract = { concurrency: true },
): void {
  describe(`${name} keeps the contract of a sharing strategy`, () => {
    let harness: Harness;
    let strategy: Strategy;
    before(async () => {
      harness = await make();
      strategy = harness.strategy;
      await strategy.start();
    });
    after(async () => {
      await strategy.close();
      await harness.close?.();
    });
    const ask = async (...group: Check[]): Promise<GroupVerdict> => strategy.check(group);
    const assertRemaining = async (c: Check, expected: number): Promise<void> => {
      for (let i = 0; harness.givesBackLater === true && i < 200; i++) {
        if ((await strategy.peek(c)).remaining === expected) break;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
      assert.equal((await strategy.peek(c)).remaining, expected);
    };

    for (const policy of WINDOWED) {
      const label = `${policy.algorithm}${policy.algorithm === 'sliding-window' ? ` of ${policy.buckets} buckets` : ''}`;

      it(`${label}: admits exactly the limit, then says when to come again`, async () => {
        const c = check(policy);
        const remaining: number[] = [];
        for (let i = 0; i < 5; i++) {
          const verdict = await ask(c);
          assert.equal(verdict.allowed, true);
          assert.equal(verdict.verdicts[0]?.retryAfterMs, 0);
          remaining.push(verdict.verdicts[0]?.remaining ?? -1);
        }
        assert.deepEqual(remaining, [4, 3, 2, 1, 0]);
        const refused = await ask(c);
        assert.equal(refused.allowed, false);
        const [v] = refused.verdicts;
        assert.equal(v?.remaining, 0);
        assert.ok(v !== undefined && v.retryAfterMs > 0 && v.retryAfterMs <= 2 * AGE, `retry after ${v?.retryAfterMs}`);
      });

      it(`${label}: takes costs as units and refuses what does not fit whole`, async () => {
        const c = check(policy, { cost: 3 });
        assert.equal((await ask(c)).allowed, true);
        const second = await ask(c);
        assert.equal(second.allowed, false);
        assert.equal(second.verdicts[0]?.remaining, 2);
        assert.equal((await ask({ ...c, cost: 2 })).allowed, true);
      });

      it(`${label}: gives back what an allowed group took`, async () => {
        const c = check(policy);
        const verdict = await ask({ ...c, cost: 5 });
        assert.equal((await ask(c)).allowed, false);
        strategy.refund([{ ...c, cost: 5 }], verdict);
        assert.equal((await eventuallyAllowed(strategy, c)).verdicts[0]?.remaining, 4);
      });

      it(`${label}: peek charges nothing and reset forgets`, async () => {
        const c = check(policy);
        assert.deepEqual(await strategy.peek(c), { present: false, remaining: 5, resetMs: 0 });
        await ask({ ...c, cost: 4 });
        const seen = await strategy.peek(c);
        assert.equal(seen.remaining, 1);
        assert.equal(seen.present, true);
        assert.equal((await strategy.peek(c)).remaining, 1);
        assert.equal(await strategy.reset(c), true);
        assert.equal(await strategy.reset(c), false);
        assert.equal((await ask(c)).verdicts[0]?.remaining, 4);
      });
    }

    it('admits exactly the limit of many requests that arrive at once, the earliest first', async () => {
      const policy: Policy = { algorithm: 'sliding-window', limit: 100, windowMs: AGE, buckets: 2 };
      const c = check(policy);
      const verdicts = await Promise.all(Array.from({ length: 400 }, () => ask(c)));
      assert.equal(verdicts.filter((v) => v.allowed).length, 100);
      assert.ok(verdicts.slice(0, 100).every((v) => v.allowed));
    });

    it('charges all checks of a group or none', async () => {
      const [fixed, , , bucket] = WINDOWED;
      assert.ok(fixed && bucket);
      const wide = check(fixed);
      const narrow = check({ ...bucket, limit: 1, burst: 1 } as Policy);
      assert.equal((await ask(wide, narrow)).allowed, true);
      for (let i = 0; i < 3; i++) {
        const refused = await ask(wide, narrow);
        assert.equal(refused.allowed, false);
        assert.deepEqual(
          refused.verdicts.map((v) => v?.allowed),
          [true, false],
        );
      }
      await assertRemaining(wide, 4);
    });

    it('lets no shadow check stop a group, and charges it only when it has room', async () => {
      const [fixed, sliding] = WINDOWED;
      assert.ok(fixed && sliding);
      const enforced = check(fixed);
      const shadow = check({ ...sliding, limit: 1 } as Policy, { shadow: true });
      assert.equal((await ask(enforced, shadow)).verdicts[1]?.allowed, true);
      const second = await ask(enforced, shadow);
      assert.equal(second.allowed, true);
      assert.equal(second.verdicts[1]?.allowed, false);
      assert.equal((await strategy.peek(shadow)).remaining, 0);
      const full = check({ ...fixed, limit: 1 } as Policy);
      const watched = check(sliding, { shadow: true });
      await ask(full, watched);
      assert.equal((await ask(full, watched)).allowed, false);
      await assertRemaining(watched, 4);
    });

    if (!concurrency) {
      it('throws when asked for concurrency, and takes nothing', async () => {
        const [fixed] = WINDOWED;
        assert.ok(fixed);
        const other = check(fixed);
        await assert.rejects(async () => strategy.check([other, check(CONCURRENCY)]));
        assert.equal((await strategy.peek(other)).remaining, 5);
      });
    } else {
      it('holds concurrency until released', async () => {
        const base = check(CONCURRENCY);
        const hold = (holder: string): Check => ({ ...base, holder });
        assert.equal((await ask(hold('a'))).verdicts[0]?.remaining, 1);
        assert.equal((await ask(hold('b'))).verdicts[0]?.remaining, 0);
        const refused = await ask(hold('c'));
        assert.equal(refused.allowed, false);
        assert.ok((refused.verdicts[0]?.retryAfterMs ?? 0) > 0);
        assert.equal((await strategy.peek(hold('c'))).remaining, 0);
        strategy.release(hold('a'));
        assert.equal((await eventuallyAllowed(strategy, hold('d'))).verdicts[0]?.remaining, 0);
        strategy.release(hold('b'));
        strategy.release(hold('d'));
      });

      it('gives a holding back when its group is refunded', async () => {
        const c = check({ ...CONCURRENCY, limit: 1 } as Policy, { holder: 'first' });
        const verdict = await ask(c);
        strategy.refund([c], verdict);
        const second = { ...c, holder: 'second' };
        await eventuallyAllowed(strategy, second);
        strategy.release(second);
      });

      it('takes nothing for a refused group that also asks for concurrency', async () => {
        const [fixed] = WINDOWED;
        assert.ok(fixed);
        const full = check({ ...fixed, limit: 1 } as Policy);
        await ask(full);
        const held = check(CONCURRENCY);
        assert.equal((await ask(held, full)).allowed, false);
        await assertRemaining(held, 2);
      });
    }

    it('answers an empty group', async () => {
      assert.deepEqual((await ask()).verdicts, []);
    });
  });
}

/** Refunds and releases are not waited for by the contract: asks until they have arrived, within two seconds. */
async function eventuallyAllowed(strategy: Strategy, c: Check): Promise<GroupVerdict> {
  for (let i = 0; ; i++) {
    const verdict = await strategy.check([c]);
    if (verdict.allowed) return verdict;
    if (i === 200) assert.fail('what was given back never arrived');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
