/** Several gateways on one Redis, as whoever runs them sees it: keys, resets, losses and what is asked of Redis. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import type { Gateway } from '../support/gateway-process.ts';
import type { Upstream } from '../support/http.ts';
import { request, startUpstream } from '../support/http.ts';
import { metric } from '../support/metrics.ts';
import type { Redis } from '../support/redis.ts';
import { startRedis } from '../support/redis.ts';
import { count, startFleet } from './fleet.ts';

interface Counter {
  readonly limit: number;
  readonly remaining: number;
  readonly present: boolean;
}

async function status(gateway: Gateway, key: string): Promise<number> {
  return (await request({ port: gateway.port, headers: { 'x-api-key': key } })).status;
}

async function peek(gateway: Gateway, key: string): Promise<Counter> {
  const reply = await request({ port: gateway.adminPort, path: `/v1/limits/fleet/keys/${encodeURIComponent(key)}` });
  assert.equal(reply.status, 200);
  const [counter] = (reply.json() as { counters: Counter[] }).counters;
  assert.ok(counter);
  return counter;
}

async function reset(gateway: Gateway, key: string): Promise<boolean> {
  const reply = await request({ method: 'DELETE', port: gateway.adminPort, path: `/v1/limits/fleet/keys/${key}` });
  assert.equal(reply.status, 200);
  return (reply.json() as { existed: boolean }).existed;
}

describe('gateways on one Redis', { concurrency: 2 }, () => {
  let redis: Redis;
  let upstream: Upstream;
  before(async () => {
    redis = await startRedis();
    upstream = await startUpstream();
  });
  after(async () => {
    await redis.stop();
    await upstream.close();
  });

  it('a key reset through one gateway is free on all of them within two seconds', async () => {
    const limit = { rate: '3/1h', algorithm: 'fixed-window' };
    await using fleet = await startFleet({ redisUrl: redis.url, upstream: upstream.url, limit, gateways: 2 });
    const [a, b] = fleet.gateways;
    assert.ok(a && b);
    assert.equal((await peek(a, 'reset-me')).present, false);
    assert.deepEqual([await status(a, 'reset-me'), await status(b, 'reset-me')], [200, 200]);
    assert.deepEqual(await peek(a, 'reset-me').then((c) => [c.remaining, c.present]), [1, true]);
    assert.equal(await status(a, 'reset-me'), 200);
    // Both remember the refusal now.
    assert.deepEqual([await status(a, 'reset-me'), await status(b, 'reset-me')], [429, 429]);
    assert.equal((await peek(b, 'reset-me')).remaining, 0);

    assert.equal(await reset(a, 'reset-me'), true);
    assert.equal(await status(a, 'reset-me'), 200, 'at once where it was reset');
    const told = performance.now();
    await eventually('the other gateway admits it', async () => (await status(b, 'reset-me')) === 200, { every: 20 });
    assert.ok(performance.now() - told < 2_500);
    assert.equal(await reset(b, 'never-seen'), false);
  });

  it('every key has the prefix and ends by itself, but for the number of resets', async () => {
    for (const limit of [
      { algorithm: 'fixed-window', rate: ['5/1h', '7/1d'] },
      { algorithm: 'sliding-window', rate: '5/1h', buckets: 10 },
      { algorithm: 'token-bucket', rate: '5/1h' },
      { algorithm: 'concurrency', max: 5 },
    ]) {
      await using fleet = await startFleet({ redisUrl: redis.url, upstream: upstream.url, limit, gateways: 1 });
      assert.equal(count(await fleet.offer(3, `ttl-${limit.algorithm}`), 200), 3);
    }
    const keys = (await redis.cli('--scan')).split('\n');
    const counters = keys.filter((key) => key.startsWith('fleet:c:') && key.includes('ttl-'));
    assert.ok(counters.length >= 4, keys.join(', '));
    for (const key of keys) {
      assert.match(key, /^fleet:/);
      const ttl = Number(await redis.cli('PTTL', key));
      if (key === 'fleet:{fleet}:resets') assert.equal(ttl, -1);
      // -2: it has ended meanwhile.
      else assert.ok(ttl === -2 || (ttl > 0 && ttl <= 24 * 3_600_000), `${key} ${ttl}`);
    }
  });

  it('a key that is known to be refused costs Redis nothing', async () => {
    const limit = { rate: '5/1h', algorithm: 'fixed-window' };
    await using fleet = await startFleet({ redisUrl: redis.url, upstream: upstream.url, limit, gateways: 1 });
    const [gateway] = fleet.gateways;
    assert.ok(gateway);
    assert.equal(count(await fleet.offer(10, 'hammer'), 200), 5);
    const roundtrips = (): Promise<number> => metric(gateway.adminUrl, /^sluice_store_roundtrip_seconds_count/);
    const before = await roundtrips();
    assert.equal(count(await fleet.offer(500, 'hammer'), 429), 500);
    assert.equal(await roundtrips(), before);
    assert.ok((await metric(gateway.adminUrl, /^sluice_local_denials_total/)) >= 500);
    // And another key is asked about as ever.
    assert.equal(await status(gateway, 'polite'), 200);
    assert.equal(await roundtrips(), before + 1);
  });
});

/** When the first of the live instances will be taken for dead, Unix ms. */
async function firstLeaseEnd(redis: Redis): Promise<number> {
  return Number((await redis.cli('ZRANGE', 'fleet:{fleet}:instances', '0', '0', 'WITHSCORES')).split('\n')[1]);
}

describe('Redis dies for good', () => {
  it('onFailure local: each of three gateways admits its third of the limit', async () => {
    await using redis = await startRedis();
    await using upstream = await startUpstream();
    const limit = { rate: '300/1h', algorithm: 'fixed-window', onFailure: 'local' };
    await using fleet = await startFleet({ redisUrl: redis.url, upstream: upstream.url, limit, redisTimeout: '200ms' });
    assert.equal(await redis.cli('ZCARD', 'fleet:{fleet}:instances'), '3');
    // Each hears of the others with its next beat; a score is the end of a lease that began with the last one.
    const all = await firstLeaseEnd(redis);
    await eventually('each has beaten twice since', async () => (await firstLeaseEnd(redis)) - all > 1_500, {
      every: 20,
    });
    await redis.kill9();
    const answers = await fleet.offer(150, 'shared');
    assert.equal(count(answers, 200) + count(answers, 429), 450);
    for (const i of [0, 1, 2]) {
      const own = answers.filter((_, n) => n % 3 === i);
      assert.equal(count(own, 200), 100, `gateway ${i + 1}`);
    }
  });
});

describe('Redis is away when gateways start', () => {
  it('onFailure local: each takes its part of redis.instances, and all are exact when Redis comes', async () => {
    await using upstream = await startUpstream();
    const port = await freePort();
    const limit = { rate: '300/1h', algorithm: 'fixed-window', onFailure: 'local' };
    const redisUrl = `redis://127.0.0.1:${port}`;
    await using fleet = await startFleet({
      redisUrl,
      upstream: upstream.url,
      limit,
      redisTimeout: '500ms',
      assumed: 3,
    });
    const alone = await fleet.offer(150, 'before');
    for (const i of [0, 1, 2]) {
      const own = alone.filter((_, n) => n % 3 === i);
      assert.deepEqual([count(own, 200), count(own, 429)], [100, 50], `gateway ${i + 1}`);
    }
    await using redis = await startRedis({ port });
    const [first] = fleet.gateways;
    assert.ok(first);
    const askedOfOne = async (key: string): Promise<number> => {
      const statuses = await Promise.all(Array.from({ length: 310 }, () => status(first, key)));
      return statuses.filter((each) => each === 200).length;
    };
    let attempts = 0;
    // Its share was 100: more is what the others left in Redis.
    await eventually('exact', async () => (await askedOfOne(`after${attempts++}`)) === 300, {
      within: 15_000,
      every: 50,
    });
    await eventually('all have joined', async () => (await redis.cli('ZCARD', 'fleet:{fleet}:instances')) === '3');
  });

  it('sluice_live_instances says what each goes by', async () => {
    await using redis = await startRedis();
    await using upstream = await startUpstream();
    const limit = { rate: '300/1h' };
    await using fleet = await startFleet({
      redisUrl: redis.url,
      upstream: upstream.url,
      limit,
      gateways: 2,
      assumed: 7,
    });
    const live = async (): Promise<number[]> =>
      Promise.all(fleet.gateways.map(({ adminUrl }) => metric(adminUrl, /^sluice_live_instances /)));
    await eventually('both know of each other', async () => (await live()).every((n) => n === 2));
    await redis.cli('FLUSHALL');
    // Whoever joins first after that hears of itself alone.
    await eventually('both have joined anew', async () => {
      const now = await live();
      assert.deepEqual(now, [2, 2]);
      return (await redis.cli('ZCARD', 'fleet:{fleet}:instances')) === '2';
    });
  });
});

describe('a gateway dies', () => {
  it('kill -9: its requests in flight are free again after their lease, and it no longer counts as live', async () => {
    await using redis = await startRedis();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    await using upstream = await startUpstream(async (_request, response) => {
      await gate;
      response.end();
    });
    const limit = { algorithm: 'concurrency', max: 4, leaseTime: '1s' };
    await using fleet = await startFleet({ redisUrl: redis.url, upstream: upstream.url, limit, gateways: 2 });
    const [doomed, survivor] = fleet.gateways;
    assert.ok(doomed && survivor);
    const lost = Array.from({ length: 4 }, () => status(doomed, 'k').catch(() => 0));
    await eventually('four are in flight', () => upstream.requests === 4);
    assert.equal(await status(survivor, 'k'), 429);
    assert.equal((await peek(survivor, 'k')).remaining, 0);
    await doomed.kill9();
    assert.deepEqual(await Promise.all(lost), [0, 0, 0, 0]);
    open();
    await eventually('its places are free', async () => (await status(survivor, 'k')) === 200, { every: 20 });
    await eventually('the survivor gave its own back', async () => (await peek(survivor, 'k')).remaining === 4);
    await eventually('one is live', async () => (await redis.cli('ZCARD', 'fleet:{fleet}:instances')) === '1', {
      within: 8_000,
      every: 50,
    });
  });

  it('a request that outlives its lease keeps its place', async () => {
    await using redis = await startRedis();
    const { promise: gate, resolve: open } = Promise.withResolvers<void>();
    await using upstream = await startUpstream(async (_request, response) => {
      await gate;
      response.end();
    });
    const limit = { algorithm: 'concurrency', max: 1, leaseTime: '100ms' };
    // As short as can be configured.
    await using fleet = await startFleet({ redisUrl: redis.url, upstream: upstream.url, limit, gateways: 1 });
    const [gateway] = fleet.gateways;
    assert.ok(gateway);
    const long = status(gateway, 'k');
    await eventually('it is in flight', () => upstream.requests === 1);
    const since = performance.now();
    while (performance.now() - since < 1_000) {
      assert.equal(await status(gateway, 'k'), 429);
      await new Promise((resume) => setTimeout(resume, 10));
    }
    open();
    assert.equal(await long, 200);
    await eventually('its place is free', async () => (await status(gateway, 'k')) === 200);
  });
});
