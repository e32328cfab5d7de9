/** The user for sentinels of docs/redis.md can find the primary and hear of a new one, and nothing else. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/gateway-process.ts';
import { request, startUpstream } from '../support/http.ts';
import { metric } from '../support/metrics.ts';
import { startRedisSentinel } from '../support/redis-sentinel.ts';
import { readPage } from './markdown.ts';

const [, rule = ''] = readPage('docs/redis.md')
  .blocks.map(({ text }) => text.trim())
  .filter((text) => text.startsWith('ACL SETUSER'));

describe('the sentinels’ user of docs/redis.md', { timeout: 60_000 }, () => {
  it('is enough for a gateway, also through a failover', async () => {
    await using sentinel = await startRedisSentinel();
    const words = rule.split(' ');
    assert.ok(words.length > 10);
    for (const each of sentinel.sentinels) await each.cli(...words);
    await using upstream = await startUpstream();
    await using gateway = await startGateway({
      config: {
        listen: '127.0.0.1:0',
        admin: { listen: '127.0.0.1:0' },
        redis: {
          sentinel: {
            name: sentinel.name,
            nodes: sentinel.addresses.map(({ host, port }) => `${host}:${port}`),
            username: 'sluice',
            password: 's3cret',
          },
          timeout: '500ms',
        },
        upstreams: { app: { servers: [upstream.url] } },
        routes: [{ upstream: 'app', limits: ['l'] }],
        limits: { l: { key: 'ip', rate: '100000/1h' } },
      },
    });
    const counted = async (): Promise<boolean> => {
      const roundtrips = (): Promise<number> => metric(gateway.adminUrl, /^sluice_store_roundtrip_seconds_count/);
      const before = await roundtrips();
      assert.equal((await request({ port: gateway.port })).status, 200);
      return (await roundtrips()) > before;
    };
    assert.ok(await counted());
    const primary = await sentinel.primary();
    await primary.kill9();
    await eventually(
      'the new primary counts',
      async () => (await sentinel.primary()) !== primary && (await counted()),
      {
        within: 20_000,
        every: 50,
      },
    );
    for (const each of sentinel.sentinels) assert.equal(await each.cli('ACL', 'LOG'), '');
    const dryRun = (...words: readonly string[]): Promise<string> | undefined =>
      sentinel.sentinels[0]?.cli('ACL', 'DRYRUN', 'sluice', ...words);
    assert.match((await dryRun('SENTINEL', 'FAILOVER', sentinel.name)) ?? '', /no permissions/);
  });
});
