import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { Holders } from '../../src/algorithms/concurrency.ts';
import type { HoldersStep } from './support/holders.ts';
import { replayHolders } from './support/holders.ts';
import type { LuaTwin } from './support/lua-twin.ts';
import { startLuaTwin } from './support/lua-twin.ts';

/** How the clock moves before a step, in leases; the far jumps are rare. */
const anyMove = fc.oneof(
  { weight: 6, arbitrary: fc.constant(0) },
  { weight: 6, arbitrary: fc.double({ min: 0, max: 0.6, noNaN: true }) },
  { weight: 2, arbitrary: fc.double({ min: 0.9, max: 1.1, noNaN: true }) },
  { weight: 1, arbitrary: fc.double({ min: -1.5, max: 0, noNaN: true }) },
  { weight: 1, arbitrary: fc.constantFrom(-5_000, -100, -2, -1, 1, 2, 100, 5_000) },
);
const onward = fc.double({ min: 0, max: 0.6, noNaN: true });

/** Leases are of seconds: Redis drops a key whose time to live of a few milliseconds passes while it is being set. */
function histories(
  move: fc.Arbitrary<number>,
  ops: readonly (HoldersStep['op'] | 'reload')[],
): fc.Arbitrary<HoldersStep[]> {
  const event = fc.record({
    op: fc.constantFrom(...ops),
    holder: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
    move,
    limit: fc.integer({ min: 0, max: 6 }),
    leaseMs: fc.constantFrom(1_000, 1_500, 10_000, 30_000),
  });
  return fc
    .tuple(fc.array(event, { minLength: 1, maxLength: 120, size: 'max' }), fc.integer({ min: 1, max: 6 }))
    .map(([events, limit]) => {
      let policy = { algorithm: 'concurrency' as const, limit, leaseMs: 1_000 };
      let now = 1_700_000_000_000;
      const steps: HoldersStep[] = [];
      for (const { op, holder, ...rest } of events) {
        now = Math.floor(now + rest.move * policy.leaseMs);
        if (op === 'reload') policy = { ...policy, limit: rest.limit, leaseMs: rest.leaseMs };
        else steps.push({ op, policy, holder, now });
      }
      return steps;
    });
}

describe('concurrency in TypeScript and in Lua', () => {
  let lua: LuaTwin;
  before(async () => {
    lua = await startLuaTwin();
  });
  after(() => lua.close());

  it('answers alike, whatever clocks, reloads and damage do', async () => {
    const ops = [
      'acquire',
      'acquire',
      'acquire',
      'acquire',
      'ask',
      'renew',
      'release',
      'count',
      'reload',
      'damage',
    ] as const;
    await fc.assert(
      fc.asyncProperty(histories(anyMove, ops), async (steps) => {
        assert.deepEqual(await lua.replayHolders(steps), replayHolders(steps));
      }),
      { numRuns: Number(process.env['SLUICE_RUNS'] ?? 500) },
    );
  });
});

describe('concurrency', () => {
  it('never has more than the limit alive, and never refuses while there are fewer', () => {
    fc.assert(
      fc.property(histories(onward, ['acquire', 'acquire', 'acquire', 'renew', 'release']), (steps) => {
        const holders = new Holders();
        const ends = new Map<string, number>();
        for (const { op, policy, holder, now } of steps) {
          for (const [name, end] of ends) if (end <= now) ends.delete(name);
          if (op === 'acquire') {
            const { allowed, remaining } = holders.acquire(policy, holder, now);
            assert.equal(allowed, ends.has(holder) || ends.size < policy.limit);
            if (allowed) ends.set(holder, now + policy.leaseMs);
            assert.equal(remaining, policy.limit - ends.size);
          } else if (op === 'renew') {
            assert.equal(holders.renew(policy, holder, now), ends.has(holder));
            if (ends.has(holder)) ends.set(holder, now + policy.leaseMs);
          } else {
            assert.equal(holders.release(holder, now), ends.delete(holder));
          }
          assert.ok(holders.count(now) <= policy.limit);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  it('retryAfterMs is the least wait after which somebody new fits, if nobody renews or releases', () => {
    let seen = 0;
    fc.assert(
      fc.property(histories(onward, ['acquire', 'acquire', 'acquire', 'reload']), (steps) => {
        for (const [i, { op, policy, now }] of steps.entries()) {
          if (op !== 'acquire' || policy.limit === 0) continue;
          const after = (wait: number) => {
            const holders = new Holders();
            for (const past of steps.slice(0, i + 1)) holders.acquire(past.policy, past.holder, past.now);
            return holders.decide(policy, undefined, now + wait);
          };
          const { allowed, retryAfterMs } = after(0);
          if (allowed) continue;
          seen++;
          assert.equal(after(retryAfterMs - 1).allowed, false);
          assert.equal(after(retryAfterMs).allowed, true);
        }
      }),
      { numRuns: 100 },
    );
    assert.ok(seen > 200, `only ${seen} refusals`);
  });

  it('forgets everybody at expiresAt, and nobody before the last lease ends', () => {
    const policy = { algorithm: 'concurrency', limit: 3, leaseMs: 1_000 } as const;
    const holders = new Holders();
    assert.equal(holders.expiresAt, Number.NEGATIVE_INFINITY);
    holders.acquire(policy, 'a', 5_000);
    holders.acquire(policy, 'b', 5_400);
    assert.equal(holders.expiresAt, 6_400);
    assert.equal(holders.count(6_399), 1);
    assert.equal(holders.count(6_400), 0);
  });
});
