/** A Redis that is there but cannot count: what clients get, and what the operator is told. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { startDelayProxy } from '../support/delay-proxy.ts';
import { eventually } from '../support/eventually.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import { Connection, formatRequest, request, startUpstream } from '../support/http.ts';
import { metric } from '../support/metrics.ts';
import type { Redis } from '../support/redis.ts';
import { startRedis } from '../support/redis.ts';
import { count, startFleet } from './fleet.ts';

interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly reason?: string;
}

/** What the gateway has said about Redis so far. */
function saidOfRedis(gateway: Gateway): readonly LogLine[] {
  return gateway
    .stdout()
    .split('\n')
    .filter((line) => line.startsWith('{') && line.includes('redis'))
    .map((line) => JSON.parse(line) as LogLine);
}

function config(redisUrl: string, upstream: string, limit: object = {}): object {
  return {
    listen: '127.0.0.1:0',
    admin: { listen: '127.0.0.1:0' },
    log: { access: 'off' },
    redis: { url: redisUrl },
    upstreams: { app: { servers: [upstream] } },
    routes: [{ upstream: 'app', limits: ['l'] }],
    limits: { l: { key: 'ip', rate: '100000/1m', sharing: 'redis', ...limit } },
  };
}

/** Sends requests one after another on one connection until `enough`; their statuses. */
async function statusesUntil(gateway: Gateway, enough: () => boolean | Promise<boolean>): Promise<Set<number>> {
  await using connection = await Connection.open(gateway.port);
  const statuses = new Set<number>();
  await eventually(
    'enough has been seen',
    async () => {
      connection.write(formatRequest({ port: gateway.port }));
      statuses.add((await connection.readReply()).status);
      return enough();
    },
    { within: 10_000 },
  );
  return statuses;
}

interface Trouble {
  readonly name: string;
  readonly args?: readonly string[];
  readonly setUp?: (redis: Redis) => Promise<unknown>;
  readonly said: RegExp;
}

const TROUBLES: readonly Trouble[] = [
  {
    name: 'it is a read-only replica',
    args: ['--replicaof', '127.0.0.1 1'],
    said: /it is a replica, which cannot count \(READONLY\)/,
  },
  { name: 'it is out of memory', args: ['--maxmemory', '1'], said: /it is out of memory \(OOM\)/ },
  {
    name: 'it is a node of a cluster',
    args: ['--cluster-enabled', 'yes'],
    setUp: (redis) => redis.cli('CLUSTER', 'ADDSLOTSRANGE', '0', '99'),
    said: /CLUSTERDOWN/,
  },
];

describe('Redis is there and cannot count', { concurrency: 2 }, () => {
  for (const { name, args = [], setUp, said } of TROUBLES) {
    it(`${name}: one warning names it, and requests are decided by policy`, async () => {
      await using redis = await startRedis({ args });
      await setUp?.(redis);
      await using upstream = await startUpstream();
      // A busy machine must not make an answer late: that would be another trouble, with a line of its own.
      const patient = { ...config(redis.url, upstream.url), redis: { url: redis.url, timeout: '2s' } };
      await using gateway = await startGateway({ config: patient });
      const fallbacks = /^sluice_fallback_decisions_total\{limit="l",policy="local"\}/;
      const statuses = await statusesUntil(gateway, async () => (await metric(gateway.adminUrl, fallbacks)) >= 30);
      assert.deepEqual([...statuses], [200]);
      assert.equal(await metric(gateway.adminUrl, /^sluice_store_roundtrip_seconds_count/), 0);
      assert.equal(
        await metric(gateway.adminUrl, /^sluice_store_errors_total\{kind="reply"\}/),
        0,
        'nobody was made to wait',
      );
      assert.equal(await gateway.stop(), 0);
      const lines = saidOfRedis(gateway);
      assert.equal(lines.length, 1, JSON.stringify(lines));
      assert.equal(lines[0]?.level, 'warn');
      assert.equal(lines[0]?.msg, 'redis: the server cannot count; failure policies decide until it can');
      assert.match(lines[0]?.reason ?? '', said);
      assert.equal(gateway.stderr(), '');
    });
  }

  it('something else listens there: says so', async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(`redis://127.0.0.1:${upstream.port}`, upstream.url) });
    assert.equal((await request({ port: gateway.port })).status, 200);
    assert.equal(await gateway.stop(), 0);
    assert.match(saidOfRedis(gateway)[0]?.reason ?? '', /what answers there is not Redis|ECONNRESET|EPIPE/);
  });
});

describe('Redis fails and comes back', { concurrency: 2 }, () => {
  it('is lost and found: each said once', async () => {
    await using redis = await startRedis();
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(redis.url, upstream.url) });
    const messages = (): string[] => saidOfRedis(gateway).map(({ msg }) => msg);
    await statusesUntil(gateway, () => true);
    const saysAll = async (...all: string[]): Promise<unknown> =>
      statusesUntil(gateway, () => all.every((message) => messages().includes(message)));
    const lost = ['redis: no connection', 'redis: the server cannot count; failure policies decide until it can'];
    const found = ['redis: connected again', 'redis: the server counts again'];
    await redis.kill9();
    // Back before the first attempt to connect again, it would only have failed to count.
    await saysAll(...lost);
    await redis.restart();
    await saysAll(...found);
    assert.deepEqual(messages().sort(), [...lost, ...found].sort());
  });

  it('onFailure deny: answers 503 problem+json with Retry-After, and counts again by itself', async () => {
    await using redis = await startRedis();
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(redis.url, upstream.url, { onFailure: 'deny' }) });
    assert.equal((await request({ port: gateway.port })).status, 200);
    await redis.kill9();
    const refused = await request({ port: gateway.port });
    assert.equal(refused.status, 503);
    assert.equal(refused.header('content-type'), 'application/problem+json');
    assert.ok(Number(refused.header('retry-after')) >= 1);
    const body = refused.json() as { type: string; status: number; 'violated-policies': string[] };
    assert.equal(body.type, 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity');
    assert.deepEqual([body.status, body['violated-policies']], [503, ['l']]);
    assert.equal(upstream.requests, 1);
    await redis.restart();
    await statusesUntil(gateway, async () => (await request({ port: gateway.port })).status === 200);
  });

  it('loads its data first: failure policies decide meanwhile', async () => {
    await using redis = await startRedis({ args: ['--save', '3600 1', '--key-load-delay', '2000'] });
    await redis.cli('DEBUG', 'POPULATE', '1000');
    await redis.cli('SAVE');
    await using upstream = await startUpstream();
    await redis.kill9();
    await using gateway = await startGateway({ config: config(redis.url, upstream.url) });
    const restarted = redis.restart();
    const statuses = await statusesUntil(gateway, () =>
      saidOfRedis(gateway).some(({ msg }) => msg === 'redis: the server counts again'),
    );
    assert.deepEqual([...statuses], [200]);
    await restarted;
  });

  it('forgets everything: a key that was refused is not refused from memory for long', async () => {
    await using redis = await startRedis();
    await using upstream = await startUpstream();
    const limit = { rate: '2/1h', algorithm: 'fixed-window' };
    await using gateway = await startGateway({ config: config(redis.url, upstream.url, limit) });
    const status = async (): Promise<number> => (await request({ port: gateway.port })).status;
    assert.deepEqual([await status(), await status(), await status(), await status()], [200, 200, 429, 429]);
    await redis.cli('FLUSHALL');
    await eventually('it is admitted again', async () => (await status()) === 200, { within: 5_000, every: 20 });
  });
});

describe('Redis is 20 ms away', () => {
  it('admits exactly the limit over two gateways, with no failure and no fallback', async () => {
    await using redis = await startRedis();
    await using far = await startDelayProxy(redis.port, 10);
    await using upstream = await startUpstream();
    const limit = { algorithm: 'fixed-window', rate: '60/1h' };
    const redisUrl = `redis://127.0.0.1:${far.port}`;
    await using fleet = await startFleet({
      redisUrl,
      upstream: upstream.url,
      limit,
      gateways: 2,
      redisTimeout: '500ms',
    });
    const answers = [...(await fleet.offer(50, 'far')), ...(await fleet.offer(20, 'far'))];
    assert.deepEqual([count(answers, 200), count(answers, 429)], [60, 80]);
    for (const gateway of fleet.gateways) {
      assert.equal(await metric(gateway.adminUrl, /^sluice_store_errors_total/), 0);
      assert.equal(await metric(gateway.adminUrl, /^sluice_fallback_decisions_total/), 0);
      assert.ok((await metric(gateway.adminUrl, /^sluice_store_roundtrip_seconds_sum/)) >= 0.02);
    }
  });
});
