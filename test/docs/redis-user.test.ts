/** The restricted Redis user of docs/redis.md can do everything that a gateway does there, and nothing else. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Upstream } from '../support/http.ts';
import { startUpstream } from '../support/http.ts';
import type { Redis } from '../support/redis.ts';
import { startRedis } from '../support/redis.ts';
import { ROOT, readPage } from './markdown.ts';

const [rule = ''] = readPage('docs/redis.md')
  .blocks.map(({ text }) => text.trim())
  .filter((text) => text.startsWith('ACL SETUSER'));
const words = rule.split(' ');
const allowed = words.filter((word) => /^\+/.test(word)).map((word) => word.slice(1));

/** What the connection itself sends, beside the commands of the scripts. */
const CONNECTION = ['hello', 'client|setname', 'info', 'evalsha', 'eval'];

const LIMITS = {
  sliding: { key: 'ip', rate: ['3/1h', '50/1d'] },
  fixed: { key: 'ip', rate: '1000/1h', algorithm: 'fixed-window' },
  bucket: { key: 'ip', rate: '1000/1h', algorithm: 'token-bucket' },
  flight: { key: 'ip', algorithm: 'concurrency', max: 2, leaseTime: '300ms' },
};

describe('the Redis user of docs/redis.md', () => {
  let redis: Redis;
  let upstream: Upstream;
  let gateway: Gateway;
  let answer: (() => void)[] = [];
  before(async () => {
    redis = await startRedis();
    await redis.cli(...words);
    upstream = await startUpstream(async (request, response) => {
      if (request.url === '/wait') await new Promise<void>((resolve) => answer.push(resolve));
      response.end('ok');
    });
    const url = redis.url.replace('redis://', 'redis://sluice:s3cret@');
    gateway = await startGateway({
      config: {
        listen: '127.0.0.1:0',
        admin: { listen: '127.0.0.1:0' },
        redis: { url, keyPrefix: 'team-orders', timeout: '5s' },
        upstreams: { app: { servers: [upstream.url] } },
        routes: [
          { match: { path: '/wait' }, upstream: 'app', limits: ['flight'] },
          { upstream: 'app', limits: ['sliding', 'fixed', 'bucket', 'flight'] },
        ],
        limits: LIMITS,
      },
    });
  });
  after(async () => {
    await gateway.stop();
    await upstream.close();
    await redis.stop();
  });

  const status = async (path = '/', method = 'GET', base = gateway.url): Promise<number> => {
    const response = await fetch(base + path, { method });
    await response.arrayBuffer();
    return response.status;
  };

  it('counts under every algorithm, refuses, gives back, renews, peeks and resets', async () => {
    assert.deepEqual([await status(), await status(), await status(), await status()], [200, 200, 200, 429]);
    await eventually(
      'places come free',
      async () => (await redis.cli('EXISTS', 'team-orders:c:flight:c:127.0.0.1')) === '0',
    );
    const waiting = [status('/wait'), status('/wait')];
    await eventually('both are in flight', () => answer.length === 2);
    const end = Number(
      (await redis.cli('ZRANGE', 'team-orders:c:flight:c:127.0.0.1', '0', '0', 'WITHSCORES')).split('\n')[1],
    );
    await eventually('their leases are renewed', async () => {
      const now = await redis.cli('ZRANGE', 'team-orders:c:flight:c:127.0.0.1', '0', '0', 'WITHSCORES');
      return Number(now.split('\n')[1]) > end;
    });
    assert.equal(await status('/wait'), 429, 'no place is left');
    for (const resume of answer) resume();
    answer = [];
    assert.deepEqual(await Promise.all(waiting), [200, 200]);
    for (const limit of Object.keys(LIMITS)) {
      assert.equal(await status(`/v1/limits/${limit}/keys/127.0.0.1`, 'GET', gateway.adminUrl), 200, limit);
    }
    assert.equal(await status('/v1/limits/sliding/keys/127.0.0.1', 'DELETE', gateway.adminUrl), 200);
    assert.equal(await status(), 200, 'after the reset');
    const top = await status('/v1/top?limit=sliding&fleet=true', 'GET', gateway.adminUrl);
    assert.equal(top, 200, 'the busiest keys of all instances');
    await redis.cli('SCRIPT', 'FLUSH');
    assert.equal(await status(), 200, 'after the scripts are flushed');
  });

  it('is never told that it may not', async () => {
    assert.equal(await redis.cli('ACL', 'LOG'), '');
    const metrics = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    const errors = metrics
      .split('\n')
      .filter((line) => /^sluice_store_errors_total/.test(line) && !line.endsWith(' 0'));
    assert.deepEqual(errors, []);
  });

  it('has just the commands of the connection and of the scripts', () => {
    const directories = ['lua', 'lua/include'];
    const scripts = directories.flatMap((directory) =>
      readdirSync(join(ROOT, directory))
        .filter((name) => name.endsWith('.lua'))
        .map((name) => readFileSync(join(ROOT, directory, name), 'utf8')),
    );
    const called = scripts.flatMap((text) => [...text.matchAll(/\bp?call\('([A-Z]+)'/g)].map(([, name = '']) => name));
    const needed = new Set([...CONNECTION, ...called.map((name) => name.toLowerCase())]);
    assert.deepEqual([...allowed].sort(), [...needed].sort());
  });

  it('is kept to its prefix', async () => {
    assert.match(await redis.cli('ACL', 'DRYRUN', 'sluice', 'GET', 'other:c:x'), /no permissions/);
    assert.match(await redis.cli('ACL', 'DRYRUN', 'sluice', 'FLUSHALL'), /no permissions/);
    assert.equal(await redis.cli('ACL', 'DRYRUN', 'sluice', 'GET', 'team-orders:c:x'), 'OK');
  });
});
