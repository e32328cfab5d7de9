/** `GET /v1/top?fleet=true` on real gateways: what all have counted, who is missing, and what happens without Redis. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startUpstream } from '../support/http.ts';
import { startRedis } from '../support/redis.ts';
import { startFleet } from './fleet.ts';

interface Top {
  readonly asked: readonly { readonly key: string; readonly count: number }[];
  readonly refused: readonly { readonly key: string; readonly count: number }[];
  readonly fleet: { readonly instances: readonly { readonly id: string }[]; readonly missing: readonly string[] };
}

describe('the busiest keys of a fleet of gateways', { timeout: 120_000 }, () => {
  it('are exact sums; who has died is missing until its lease ends; without Redis it is 503', async () => {
    await using redis = await startRedis();
    await using upstream = await startUpstream();
    await using fleet = await startFleet({
      redisUrl: redis.url,
      upstream: upstream.url,
      limit: { rate: '10/1h' },
      gateways: 3,
    });
    const [first, , last] = fleet.gateways;
    assert.ok(first !== undefined && last !== undefined);
    const ask = async (): Promise<Response> => fetch(`${first.adminUrl}/v1/top?limit=fleet&fleet=true`);
    const top = async (): Promise<Top> => (await (await ask()).json()) as Top;
    await fleet.offer(20, 'alice');
    const whole = await eventually('all three', async () => {
      const found = await top();
      return found.fleet.instances.length === 3 ? found : undefined;
    });
    assert.deepEqual(whole.asked, [{ key: 'alice', count: 60, error: 0 }]);
    assert.deepEqual(whole.refused, [{ key: 'alice', count: 50, error: 0 }]);
    assert.deepEqual(whole.fleet.missing, []);
    await last.kill9();
    await eventually('it is missed', async () => (await top()).fleet.missing.length === 1, { within: 10_000 });
    await eventually(
      'it is gone',
      async () => {
        const { fleet: now } = await top();
        return now.instances.length === 2 && now.missing.length === 0;
      },
      { within: 15_000 },
    );
    await redis.kill9();
    await eventually('503', async () => (await ask()).status === 503, { within: 10_000 });
  });
});
