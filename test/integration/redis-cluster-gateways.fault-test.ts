/** Gateway processes on a Redis Cluster, as configured by an operator, through a master's death. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import { request, startUpstream } from '../support/http.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';

const LIMIT = 20;

describe('gateway processes on a cluster', { timeout: 60_000, concurrency: 2 }, () => {
  it('clients see 200 and 429 only, limits hold before and after a master’s death', async () => {
    await using cluster = await startRedisCluster();
    await using upstream = await startUpstream();
    const config = {
      listen: '127.0.0.1:0',
      admin: { listen: '127.0.0.1:0' },
      log: { access: 'off' },
      redis: {
        cluster: cluster.addresses.slice(0, 3).map(({ host, port }) => `redis://${host}:${port}`),
        keyPrefix: 'team',
        timeout: '500ms',
      },
      upstreams: { app: { servers: [upstream.url] } },
      routes: [{ upstream: 'app', limits: ['per-key'] }],
      limits: { 'per-key': { key: 'header:x-key', rate: `${LIMIT}/1d`, algorithm: 'fixed-window', sharing: 'redis' } },
    };
    const gateways = await Promise.all([startGateway({ config }), startGateway({ config })]);
    try {
      const status = async (gateway: Gateway | undefined, key: string): Promise<number> =>
        (await request({ port: gateway?.port ?? 0, headers: { 'x-key': key } })).status;
      const admitted = async (key: string): Promise<number> => {
        const asked = Array.from({ length: 3 * LIMIT }, (_, n) => status(gateways[n % 2], key));
        const statuses = await Promise.all(asked);
        assert.ok(statuses.every((each) => each === 200 || each === 429));
        return statuses.filter((each) => each === 200).length;
      };
      let attempts = 0;
      const exact = async (): Promise<boolean> => {
        attempts += 1;
        const keys = Array.from({ length: 6 }, (_, i) => `a${attempts}-${i}`);
        return (await Promise.all(keys.map(admitted))).every((each) => each === LIMIT);
      };
      await eventually('exact over all shards', exact, { within: 20_000, every: 50 });
      await (await cluster.masterOf('any')).kill9();
      // Without its shard each gateway keeps to its share, half of the limit; a key may be counted in both ways.
      assert.ok((await admitted('during')) <= 2 * LIMIT);
      await eventually('exact again', exact, { within: 30_000, every: 50 });
    } finally {
      await Promise.all(gateways.map((gateway) => gateway.stop()));
    }
  });

  it('a limit that all requests share is on a frozen shard: the limits of each key hold on the others', async (t) => {
    await using cluster = await startRedisCluster({ replicas: 0 });
    await using upstream = await startUpstream();
    const shared = { algorithm: 'fixed-window', sharing: 'redis', onFailure: 'allow' };
    const config = {
      listen: '127.0.0.1:0',
      admin: { listen: '127.0.0.1:0' },
      log: { access: 'off' },
      redis: {
        cluster: cluster.addresses.map(({ host, port }) => `redis://${host}:${port}`),
        keyPrefix: 'team',
        timeout: '250ms',
      },
      upstreams: { app: { servers: [upstream.url] } },
      routes: [{ upstream: 'app', limits: ['whole', 'per-key'] }],
      limits: {
        whole: { ...shared, key: 'global', rate: '1000000/1d' },
        'per-key': { ...shared, key: 'header:x-key', rate: `${LIMIT}/1d` },
      },
    };
    const gateways = await Promise.all([startGateway({ config }), startGateway({ config })]);
    const status = async (n: number, key: string): Promise<number> =>
      (await request({ port: gateways[n % 2]?.port ?? 0, headers: { 'x-key': key } })).status;
    const homeOf = async (limit: string, key = ''): Promise<number | undefined> => {
      for (const node of cluster.nodes)
        if ((await node.cli('KEYS', `team:c:${limit}:*${key}`)) !== '') return node.port;
      return undefined;
    };
    try {
      const keys = Array.from({ length: 24 }, (_, i) => `key${i}`);
      await eventually('every key is counted', async () => {
        await Promise.all(keys.map((key, i) => status(i, key)));
        const homes = await Promise.all(keys.map((key) => homeOf('per-key', key)));
        return !homes.includes(undefined);
      });
      const frozenPort = await homeOf('whole');
      const frozen = cluster.nodes.find(({ port }) => port === frozenPort);
      const others: string[] = [];
      for (const key of keys) if ((await homeOf('per-key', key)) !== frozenPort) others.push(key);
      assert.ok(frozen !== undefined && others.length > 6);
      await cluster.onMasters('FLUSHALL');
      // What gateways remember of the keys is forgotten with the data, at the next heartbeat.
      await eventually('nothing is remembered', async () => (await status(0, others[0] ?? '')) === 200);
      await cluster.onMasters('FLUSHALL');
      frozen.freeze();
      const seen = await Promise.all(
        others.map(async (key) => {
          const statuses = await Promise.all(Array.from({ length: 3 * LIMIT }, (_, n) => status(n, key)));
          assert.ok(statuses.every((each) => each === 200 || each === 429));
          return statuses.filter((each) => each === 200).length;
        }),
      );
      t.diagnostic(`admitted of ${LIMIT}, for each key on the other shards: ${seen.join(' ')}`);
      assert.deepEqual(new Set(seen), new Set([LIMIT]));
      frozen.thaw();
    } finally {
      await Promise.all(gateways.map((gateway) => gateway.stop()));
    }
  });
});
