/** How large one counter can become in Redis, at its worst: what docs/redis-sizing.md says, held on a real server. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import { readPage } from '../docs/markdown.ts';
import { checkOf, gatewayOn, redisKey } from '../integration/redis-gateways.ts';
import { startRedis } from '../support/redis.ts';

const DAY_MS = 86_400_000;
const MOST = 2 ** 52;
/** The longest identity that a check may have. */
const LONGEST = 'k'.repeat(200);

function statedBound(): { bytes: number; inFlight: number } {
  const { text } = readPage('docs/redis-sizing.md');
  const found = /no counter takes more than ([\d,]+) bytes/.exec(text)?.[1];
  const more = /and ([\d]+) for each request in flight/.exec(text)?.[1];
  assert.ok(found !== undefined && more !== undefined);
  return { bytes: Number(found.replace(',', '')), inFlight: Number(more) };
}

describe('the memory of one counter', { timeout: 60_000 }, () => {
  it('is bounded as the documentation says, whatever the key, the algorithm and the counts', async (t) => {
    await using redis = await startRedis();
    await using gateway = await gatewayOn({ host: '127.0.0.1', port: redis.port, database: 0 }, { timeoutMs: 5_000 });
    const { bytes, inFlight } = statedBound();
    const policies: readonly Policy[] = [
      { algorithm: 'fixed-window', limit: MOST, windowMs: 400 * DAY_MS },
      { algorithm: 'sliding-window', limit: MOST, windowMs: 400 * DAY_MS, buckets: 2 },
      { algorithm: 'sliding-window', limit: MOST, windowMs: 1_180, buckets: 60 },
      { algorithm: 'token-bucket', limit: MOST, windowMs: DAY_MS, burst: MOST },
    ];
    const sizes: number[] = [];
    for (const [i, policy] of policies.entries()) {
      const check = { ...checkOf(`${i}${LONGEST}`.slice(0, 200), policy), cost: 1_000_000_007 };
      // All buckets of the longest ring in use, one check or more in each of their 20 ms.
      const until = performance.now() + (policy.algorithm === 'sliding-window' && policy.buckets > 2 ? 1_180 : 0);
      do {
        assert.equal((await gateway.strategy.check([check])).allowed, true);
        await sleep(5);
      } while (performance.now() < until);
      sizes.push(Number(await redis.cli('MEMORY', 'USAGE', redisKey(check.counter))));
    }
    const flight: Policy = { algorithm: 'concurrency', limit: 1_000_000, leaseMs: DAY_MS };
    const held = 500;
    const counter = `c${LONGEST}`.slice(0, 200);
    const holders = Array.from({ length: held }, (_, n) => checkOf(counter, flight, `0123456789abcdef.0123.${n}`));
    await Promise.all(holders.map((one) => gateway.strategy.check([one])));
    const concurrency = Number(await redis.cli('MEMORY', 'USAGE', redisKey(counter), 'SAMPLES', '0'));
    t.diagnostic(`bytes: ${sizes.join(', ')}; concurrency with ${held} in flight ${concurrency}`);
    assert.ok(Math.max(...sizes) <= bytes, `${sizes}`);
    assert.ok(concurrency <= bytes + held * inFlight, `${concurrency}`);
  });

  it('is none at all for a request that another limit has refused', async () => {
    await using redis = await startRedis();
    await using gateway = await gatewayOn({ host: '127.0.0.1', port: redis.port, database: 0 }, { timeoutMs: 5_000 });
    const one: Policy = { algorithm: 'fixed-window', limit: 1, windowMs: DAY_MS };
    const guard = checkOf('guard', one);
    for (const policy of [
      { ...one, limit: 9 },
      { algorithm: 'sliding-window', limit: 9, windowMs: DAY_MS, buckets: 2 },
      { algorithm: 'token-bucket', limit: 9, windowMs: DAY_MS, burst: 9 },
    ] as const) {
      await gateway.strategy.check([guard]);
      const madeUp = checkOf(`made-up-${policy.algorithm}`, policy);
      assert.equal((await gateway.strategy.check([madeUp, guard])).allowed, false);
      assert.equal(await redis.cli('EXISTS', redisKey(madeUp.counter)), '0');
    }
  });
});
