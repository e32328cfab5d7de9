/** Redis stops answering under load: decisions go on in time, by the failure policy, and exactness returns by itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startUpstream } from '../support/http.ts';
import { startRedis } from '../support/redis.ts';
import { count, startFleet } from './fleet.ts';

const TIMEOUTS = /^sluice_store_errors_total\{.*kind="timeout"/;

async function metric(adminUrl: string, pattern: RegExp): Promise<number> {
  const text = await (await fetch(`${adminUrl}/metrics`)).text();
  let sum = 0;
  for (const line of text.split('\n')) if (pattern.test(line)) sum += Number(line.split(' ').at(-1));
  return sum;
}

describe('Redis frozen under load', { concurrency: false }, () => {
  for (const onFailure of ['allow', 'local'] as const) {
    it(`onFailure ${onFailure}: no client sees an error, few wait for the timeout, and it recovers`, async () => {
      await using redis = await startRedis();
      await using upstream = await startUpstream((_req, res) => {
        res.end('ok');
      });
      await using fleet = await startFleet({
        redisUrl: redis.url,
        upstream: upstream.url,
        limit: { rate: '1000000/1m', onFailure },
        redisTimeout: '50ms',
        gateways: 1,
      });
      const [gateway] = fleet.gateways;
      assert.ok(gateway);
      assert.equal(count(await fleet.offer(200, 'k'), 200), 200);
      // A crowded machine may have been late before: only what comes from here on counts.
      const fallbacksBefore = await metric(gateway.adminUrl, /^sluice_fallback_decisions_total\{/);
      const timeoutsBefore = await metric(gateway.adminUrl, TIMEOUTS);

      redis.freeze();
      for (let i = 0; i < 20; i++) assert.equal(count(await fleet.offer(50, 'k'), 200), 50);
      const fallbacks = (await metric(gateway.adminUrl, /^sluice_fallback_decisions_total\{/)) - fallbacksBefore;
      const timeouts = (await metric(gateway.adminUrl, TIMEOUTS)) - timeoutsBefore;
      assert.ok(fallbacks >= 950, `${fallbacks} of 1000 decided by policy`);
      assert.ok(timeouts <= 60, `${timeouts} batches waited for their timeout; the circuit spares the rest`);

      redis.thaw();
      await eventually(
        'decisions are counted in Redis again',
        async () => {
          const before = await metric(gateway.adminUrl, /^sluice_fallback_decisions_total\{/);
          assert.equal(count(await fleet.offer(5, 'k'), 200), 5);
          return (await metric(gateway.adminUrl, /^sluice_fallback_decisions_total\{/)) === before;
        },
        { within: 15_000, every: 50 },
      );
    });
  }

  it('starts with Redis down, decides by policy, and counts exactly once Redis is there', async () => {
    const redis = await startRedis();
    await redis.kill9();
    await using upstream = await startUpstream((_req, res) => {
      res.end('ok');
    });
    try {
      await using fleet = await startFleet({
        redisUrl: redis.url,
        upstream: upstream.url,
        limit: { rate: '10/1h', onFailure: 'allow', algorithm: 'fixed-window' },
        redisTimeout: '50ms',
        gateways: 2,
      });
      assert.equal(count(await fleet.offer(20, 'k'), 200), 40);
      await redis.restart();
      await eventually('the limit holds again', async () => count(await fleet.offer(1, 'k'), 429) === 2, {
        within: 15_000,
        every: 50,
      });
    } finally {
      await redis.stop();
    }
  });
});
