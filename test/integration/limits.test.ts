/** What a limit can say, as its clients see it. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Reply, Upstream } from '../support/http.ts';
import { request, startUpstream } from '../support/http.ts';
import type { Redis } from '../support/redis.ts';
import { startRedis } from '../support/redis.ts';

const LIMITS = {
  tried: { rate: '1/1h', mode: 'shadow' },
  keyed: { key: 'header:x-tenant', rate: '5/1h', whenMissing: 'deny' },
  unkeyed: { key: 'header:x-tenant', rate: '1/1h' },
  weighed: { rate: '10/1h', cost: 'header:x-cost' },
  tiers: {
    rate: '1/1h',
    overrides: [
      { key: 'partner-*', rate: '3/1h' },
      { key: 'internal', unlimited: true },
    ],
  },
  several: { rate: ['2/1h', '3/1d'] },
  own: { rate: '5/1h', sharing: 'local' },
  shared: { rate: '3/1h', sharing: 'redis' },
  flight: { algorithm: 'concurrency', max: 5, sharing: 'redis' },
  bucket: { rate: '1/1h', algorithm: 'token-bucket', burst: 3 },
};

describe('limits', { concurrency: 4 }, () => {
  let redis: Redis;
  let upstream: Upstream;
  let gateway: Gateway;

  function config(headers: string, listed: readonly (readonly string[])[]): object {
    const used = new Set(listed.flat());
    return {
      listen: '127.0.0.1:0',
      admin: { listen: '127.0.0.1:0' },
      log: { access: 'off' },
      headers,
      redis: { url: redis.url },
      upstreams: { app: { servers: [upstream.url] } },
      routes: listed.map((limits) => ({ match: { path: `/${limits.join('-')}` }, upstream: 'app', limits })),
      limits: Object.fromEntries(
        Object.entries(LIMITS)
          .filter(([name]) => used.has(name))
          .map(([name, limit]) => [name, { key: 'header:x-api-key', algorithm: 'fixed-window', ...limit }]),
      ),
    };
  }
  const get = (path: string, headers: Record<string, string> = {}, to = gateway): Promise<Reply> =>
    request({ port: to.port, path, headers: { 'x-api-key': 'k', ...headers } });
  const statuses = async (n: number, path: string, headers: Record<string, string> = {}): Promise<number[]> => {
    const seen: number[] = [];
    for (let i = 0; i < n; i++) seen.push((await get(path, headers)).status);
    return seen;
  };
  const left = async (limit: string, key: string): Promise<number | undefined> => {
    const reply = await request({ port: gateway.adminPort, path: `/v1/limits/${limit}/keys/${key}` });
    assert.equal(reply.status, 200, reply.text());
    return (reply.json() as { counters: { remaining: number }[] }).counters[0]?.remaining;
  };

  before(async () => {
    redis = await startRedis();
    upstream = await startUpstream();
    const alone = ['tried', 'keyed', 'unkeyed', 'weighed', 'tiers', 'several', 'bucket'].map((name) => [name]);
    gateway = await startGateway({ config: config('draft', [...alone, ['own', 'shared', 'flight'], ['own']]) });
  });
  after(async () => {
    await gateway.stop();
    await upstream.close();
    await redis.stop();
  });

  it('shadow: decides and tells, but refuses nobody', async () => {
    const replies = [await get('/tried'), await get('/tried'), await get('/tried')];
    assert.deepEqual(
      replies.map((reply) => reply.status),
      [200, 200, 200],
    );
  });

  it('whenMissing: refuses a request without the key, or lets it pass', async () => {
    const refused = await get('/keyed');
    assert.equal(refused.status, 429);
    assert.match(refused.text(), /x-tenant/);
    assert.equal((await get('/keyed', { 'x-tenant': 'a' })).status, 200);
    assert.deepEqual(await statuses(3, '/unkeyed'), [200, 200, 200]);
    assert.deepEqual(await statuses(2, '/unkeyed', { 'x-tenant': 'a' }), [200, 429]);
  });

  it('cost: takes what the header says, and refuses what is no cost', async () => {
    assert.match((await get('/weighed', { 'x-cost': '7' })).header('ratelimit') ?? '', /r=3;/);
    assert.equal((await get('/weighed', { 'x-cost': '4' })).status, 429);
    assert.equal((await get('/weighed', { 'x-cost': '3' })).status, 200);
    for (const cost of ['0', '-1', '1.5', 'many', '99999999999999999999']) {
      const reply = await get('/weighed', { 'x-cost': cost, 'x-api-key': 'other' });
      assert.deepEqual([reply.status, reply.header('content-type')], [400, 'application/problem+json'], cost);
    }
  });

  it('overrides: the first that matches the key holds', async () => {
    assert.deepEqual(await statuses(2, '/tiers'), [200, 429]);
    assert.deepEqual(await statuses(4, '/tiers', { 'x-api-key': 'partner-7' }), [200, 200, 200, 429]);
    assert.deepEqual(await statuses(4, '/tiers', { 'x-api-key': 'internal' }), [200, 200, 200, 200]);
  });

  it('several rates: all must hold', async () => {
    const replies = [await get('/several'), await get('/several'), await get('/several')];
    assert.deepEqual(
      replies.map((reply) => reply.status),
      [200, 200, 429],
    );
    assert.match(replies[0]?.header('ratelimit-policy') ?? '', /q=2;w=3600.*q=3;w=86400/);
  });

  it('token-bucket: admits its burst', async () => {
    assert.deepEqual(await statuses(4, '/bucket'), [200, 200, 200, 429]);
  });

  it('local and redis together: a refusal by one charges neither', async () => {
    const path = '/own-shared-flight';
    assert.deepEqual(await statuses(8, path), [200, 200, 200, 429, 429, 429, 429, 429]);
    // Three of five are taken, and not eight: what the other limit refused was given back.
    assert.equal(await left('own', 'k'), 2);
    assert.equal(await left('shared', 'k'), 0);
    assert.equal(await left('flight', 'k'), 5);
    assert.deepEqual(await statuses(3, '/own'), [200, 200, 429]);
    const both = await get(path);
    assert.deepEqual((both.json() as { 'violated-policies': string[] })['violated-policies'].includes('shared'), true);
  });

  for (const [style, draft, legacy] of [
    ['legacy', false, true],
    ['both', true, true],
    ['none', false, false],
  ] as const) {
    it(`headers: ${style}`, async () => {
      await using other = await startGateway({ config: config(style, [['tiers']]) });
      for (const expected of [200, 429]) {
        const reply = await get('/tiers', { 'x-api-key': style }, other);
        assert.equal(reply.status, expected);
        assert.equal(reply.header('ratelimit') !== undefined, draft);
        assert.equal(reply.header('ratelimit-policy') !== undefined, draft);
        assert.deepEqual(
          [reply.header('x-ratelimit-limit'), reply.header('x-ratelimit-remaining')],
          legacy ? ['1', '0'] : [undefined, undefined],
        );
        assert.equal(/^\d+$/.test(reply.header('x-ratelimit-reset') ?? ''), legacy);
        assert.equal(reply.header('retry-after') !== undefined, expected === 429);
      }
    });
  }
});
