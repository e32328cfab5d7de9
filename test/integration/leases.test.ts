/** `lease: auto` through whole gateways. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import type { Upstream } from '../support/http.ts';
import { startUpstream } from '../support/http.ts';
import { metric } from '../support/metrics.ts';
import type { Redis } from '../support/redis.ts';
import { startRedis } from '../support/redis.ts';
import { count, startFleet } from './fleet.ts';

describe('gateways with leases', () => {
  let redis: Redis;
  let upstream: Upstream;
  before(async () => {
    redis = await startRedis();
    upstream = await startUpstream();
  });
  after(async () => {
    await upstream[Symbol.asyncDispose]();
    await redis.stop();
  });

  it('admit no more than the limit together, a good part of it from memory, and leave the books balanced', async () => {
    const limit = { rate: '2000/1h', algorithm: 'fixed-window', lease: 'auto' };
    await using fleet = await startFleet({ redisUrl: redis.url, upstream: upstream.url, limit, gateways: 2 });
    let admitted = 0;
    const offer = async (requests: number): Promise<void> => {
      admitted += count(await fleet.offer(requests, 'hot'), 200);
    };
    await offer(700);
    assert.equal(admitted, 1_400);
    const sum = async (pattern: RegExp): Promise<number> => {
      const values = await Promise.all(fleet.gateways.map((gateway) => metric(gateway.adminUrl, pattern)));
      return values.reduce((total, value) => total + value, 0);
    };
    const leased = await sum(/^sluice_lease_decisions_total\{limit="fleet"\}/);
    assert.ok(leased > 500, `${leased} of 1,400 decided from leases`);
    await offer(500);
    assert.ok(admitted <= 2_000);
    // A refusal is remembered for the hour, also where the other gateway's units have come back since.
    assert.ok(admitted >= 2_000 - 2 * 250, `${admitted}`);
    await eventually('every unit bought was used or has gone back', async () => {
      const [bought, used, returned] = await Promise.all(
        ['bought', 'used', 'returned'].map((result) =>
          sum(new RegExp(`^sluice_lease_units_total\\{limit="fleet",result="${result}"\\}`)),
        ),
      );
      return bought !== undefined && bought > 0 && bought === (used ?? 0) + (returned ?? 0);
    });
    const [key = ''] = (await redis.cli('--scan', '--pattern', '*:c:*')).split('\n');
    await eventually('Redis counts what was admitted', async () => {
      return Number((await redis.cli('get', key)).split(':')[2]) === admitted;
    });
  });
});
