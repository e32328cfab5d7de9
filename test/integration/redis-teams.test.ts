/** Two teams on one Redis Cluster, each with the user of docs/redis-sizing.md: they count apart, and neither can touch the other's. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { readPage } from '../docs/markdown.ts';
import { eventually } from '../support/eventually.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Upstream } from '../support/http.ts';
import { request, startUpstream } from '../support/http.ts';
import type { Redis } from '../support/redis.ts';
import type { RedisCluster } from '../support/redis-cluster.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';

const [rule = ''] = readPage('docs/redis-sizing.md')
  .blocks.map(({ text }) => text.trim())
  .filter((text) => text.startsWith('ACL SETUSER'));

const LIMIT = 20;
const TEAMS = ['team-a', 'team-b'] as const;
const KEYS = Array.from({ length: 8 }, (_, i) => `key${i}`);

function configOf(team: string, cluster: RedisCluster, upstream: string): object {
  return {
    listen: '127.0.0.1:0',
    admin: { listen: '127.0.0.1:0' },
    log: { access: 'off' },
    redis: {
      cluster: cluster.addresses.map(({ host, port }) => `redis://${host}:${port}`),
      username: team,
      password: 's3cret',
      keyPrefix: team,
      timeout: '2s',
    },
    upstreams: { app: { servers: [upstream] } },
    routes: [{ upstream: 'app', limits: ['per-key', 'hot', 'in-flight'] }],
    limits: {
      'per-key': { key: 'header:x-key', rate: [`${LIMIT}/1d`, `${LIMIT + 10}/30d`], algorithm: 'fixed-window' },
      hot: { key: 'global', rate: '1000000/1d', lease: 'auto' },
      'in-flight': { key: 'header:x-key', algorithm: 'concurrency', max: 1_000 },
    },
  };
}

describe('two teams on one cluster', { timeout: 60_000 }, () => {
  let cluster: RedisCluster;
  let upstream: Upstream;
  let gateways: readonly (readonly Gateway[])[] = [];
  before(async () => {
    cluster = await startRedisCluster({ replicas: 0 });
    for (const node of cluster.nodes) {
      for (const team of TEAMS) await node.cli(...rule.replaceAll('team-orders', team).split(' '));
    }
    upstream = await startUpstream();
    gateways = await Promise.all(
      TEAMS.map((team) =>
        Promise.all([0, 1].map(() => startGateway({ config: configOf(team, cluster, upstream.url) }))),
      ),
    );
  });
  after(async () => {
    await Promise.all(gateways.flat().map((gateway) => gateway.stop()));
    await upstream.close();
    await cluster.stop();
  });

  const status = async (team: number, n: number, key: string): Promise<number> =>
    (await request({ port: gateways[team]?.[n % 2]?.port ?? 0, headers: { 'x-key': key } })).status;
  const as = (team: string, node: Redis, ...command: readonly string[]): Promise<string> =>
    node.cli('--no-auth-warning', '--user', team, '--pass', 's3cret', ...command);

  it('count the same keys under the same limits apart, exactly', async () => {
    let attempts = 0;
    await eventually(
      'both admit exactly as many as their limits say',
      async () => {
        attempts += 1;
        for (const team of [0, 1]) {
          for (const key of KEYS) {
            const asked = Array.from({ length: 2 * LIMIT }, (_, n) => status(team, n, `${key}-${attempts}`));
            const statuses = await Promise.all(asked);
            assert.deepEqual([...new Set(statuses)].sort(), [200, 429]);
            assert.equal(statuses.filter((each) => each === 200).length, LIMIT);
          }
        }
        return true;
      },
      // A young cluster on a busy machine may doubt itself for a moment.
      { within: 20_000 },
    );
    for (const [team, prefix] of TEAMS.entries()) {
      const live = gateways[team]?.length;
      const where = await cluster.masterOf(`${prefix}:{fleet}:instances`);
      assert.equal(await where.cli('ZCARD', `${prefix}:{fleet}:instances`), String(live));
    }
  });

  it('cannot read, change, list or forget what is the other’s, nor disturb the cluster', async () => {
    const [mine, theirs] = TEAMS;
    // Of one slot, so that it is the rule that answers and neither a redirection nor a script's bounds.
    const [own, key] = [`${mine}:c:{same}`, `${theirs}:c:{same}`];
    const node = await cluster.masterOf(key);
    await node.cli('SET', key, 's:1:1', 'PX', '60000');
    const refused: (readonly string[])[] = [
      ['GET', key],
      ['SET', key, '0'],
      ['DEL', key],
      ['EXISTS', key],
      ['PEXPIRE', key, '1'],
      ['ZADD', key, '9999999999999', 'x'],
      ['EVAL', 'return redis.call("GET", KEYS[1])', '1', key],
      ['EVAL', 'return redis.call("DEL", ARGV[1])', '1', own, key],
      ['EVAL', 'return redis.call("FLUSHALL")', '1', own],
      ['SCAN', '0'],
      ['KEYS', '*'],
      ['RANDOMKEY'],
      ['FLUSHALL'],
      ['SCRIPT', 'FLUSH'],
      ['CONFIG', 'GET', '*'],
      ['ACL', 'LIST'],
      ['CLIENT', 'KILL', 'USER', theirs],
      ['CLIENT', 'PAUSE', '1000'],
      ['CLUSTER', 'FAILOVER'],
      ['CLUSTER', 'RESET'],
      ['CLUSTER', 'DELSLOTS', '0'],
      ['MONITOR'],
      ['SUBSCRIBE', '__keyspace@0__:*'],
      ['DEBUG', 'SLEEP', '1'],
      ['SHUTDOWN'],
    ];
    for (const command of refused) {
      await assert.rejects(as(mine, node, ...command), /NOPERM|executing the script can't/, command.join(' '));
    }
    assert.equal(await as(mine, node, 'SET', own, '1', 'PX', '1000'), 'OK', 'its own it may');
    assert.equal(await node.cli('GET', key), 's:1:1');
    assert.equal(await status(1, 0, 'still-there'), 200);
  });
});
