/** Instances tell each other their busiest keys through Redis, only while somebody asks. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { SpaceSaving } from '../../src/core/space-saving.ts';
import { ClusterConnection } from '../../src/redis/cluster-connection.ts';
import { RedisConnection } from '../../src/redis/connection.ts';
import { RedisFleetTop } from '../../src/redis/fleet-top.ts';
import { Heartbeat } from '../../src/redis/heartbeat.ts';
import { keyLayout } from '../../src/redis/keys.ts';
import { loadScript } from '../../src/redis/lua-script-loader.ts';
import type { ScriptRunner } from '../../src/redis/script-runner.ts';
import { NO_ACCESS, startRedis } from '../support/redis.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';

const keys = keyLayout('team');
const scripts = { ask: loadScript('top_ask'), publish: loadScript('top_publish'), read: loadScript('top_read') };
const common = { access: NO_ACCESS, timeoutMs: 2_000, clock: systemClock, logger: silentLogger };

interface Instance {
  readonly fleetTop: RedisFleetTop;
  readonly heartbeat: Heartbeat;
}

/** An instance that has counted each key so many times. */
async function join(
  runner: ScriptRunner,
  instance: string,
  counts: Readonly<Record<string, number>>,
): Promise<Instance> {
  const counted = new SpaceSaving(256);
  for (const [key, n] of Object.entries(counts)) for (let i = 0; i < n; i++) counted.add(key);
  const own = () => ({ seconds: 60, asked: counted.summary(), refused: new SpaceSaving(1).summary() });
  const fleetTop = new RedisFleetTop({
    clock: systemClock,
    runner,
    scripts,
    keys,
    instance,
    host: `host-${instance}`,
    own: (limit) => (limit === 'l' ? own() : undefined),
  });
  const heartbeat = new Heartbeat({
    clock: systemClock,
    runner,
    script: loadScript('heartbeat'),
    keys,
    instance,
    assumed: 1,
    onReset: () => {},
    onTopWanted: (limits) => fleetTop.publish(limits),
  });
  await heartbeat.start();
  return { fleetTop, heartbeat };
}

describe('the busiest keys of a fleet', { timeout: 60_000 }, () => {
  it('are added up over all instances, and nothing lies in Redis before somebody asks', async () => {
    await using redis = await startRedis();
    const runner = new RedisConnection({
      ...common,
      address: { host: '127.0.0.1', port: redis.port, database: 0 },
      clientName: 't',
    });
    await runner.start();
    const [a, b, c] = [
      await join(runner, 'a', { alice: 5, bob: 1 }),
      await join(runner, 'b', { alice: 2, carol: 9 }),
      await join(runner, 'c', { bob: 3 }),
    ];
    try {
      assert.deepEqual((await redis.cli('KEYS', '*top*')).trim(), '');
      const answers = await Promise.all([a.fleetTop.ask('l'), a.fleetTop.ask('l'), b.fleetTop.ask('l')]);
      for (const answer of answers) {
        assert.deepEqual(
          answer.asked.keys.map(({ key, count }) => [key, count]),
          [
            ['carol', 9],
            ['alice', 7],
            ['bob', 4],
          ],
        );
        assert.deepEqual(answer.instances.map(({ id, host }) => `${id} ${host}`).sort(), [
          'a host-a',
          'b host-b',
          'c host-c',
        ]);
        assert.deepEqual(answer.missing, []);
      }
      assert.equal(answers[0], answers[1], 'two askers of one instance share an answer');
      for (const key of (await redis.cli('KEYS', '*top*')).split('\n')) {
        assert.ok(Number(await redis.cli('PTTL', key)) > 0, `${key} goes by itself`);
      }
      await redis.cli('SET', keys.top('l', 'b'), '[1,"h",1,"nonsense"]');
      await b.heartbeat.stop();
      await redis.cli('ZADD', keys.instances, '99999999999999', 'silent');
      const later = await a.fleetTop.ask('l');
      assert.deepEqual(later.instances.map(({ id }) => id).sort(), ['a', 'c']);
      assert.deepEqual(later.missing, ['silent'], 'who lives and does not answer is named');
    } finally {
      for (const { heartbeat } of [a, b, c]) await heartbeat.stop();
      runner.close();
    }
  });

  it('work on a cluster, where all that is exchanged lies in one slot', async () => {
    await using cluster = await startRedisCluster({ replicas: 0 });
    const runner = new ClusterConnection({ ...common, nodes: cluster.addresses, clientName: 't' });
    await runner.start();
    const [a, b] = [await join(runner, 'a', { alice: 5 }), await join(runner, 'b', { alice: 2 })];
    try {
      const { asked, instances, missing } = await a.fleetTop.ask('l');
      assert.deepEqual(asked.keys, [{ key: 'alice', count: 7, error: 0 }]);
      assert.deepEqual([instances.length, missing], [2, []]);
    } finally {
      for (const { heartbeat } of [a, b]) await heartbeat.stop();
      runner.close();
    }
  });

  it('are asked for by at most 64 limits at once', async () => {
    await using redis = await startRedis();
    const runner = new RedisConnection({
      ...common,
      address: { host: '127.0.0.1', port: redis.port, database: 0 },
      clientName: 't',
    });
    await runner.start();
    const { fleetTop, heartbeat } = await join(runner, 'a', {});
    await Promise.all(Array.from({ length: 80 }, (_, i) => fleetTop.ask(`limit-${i}`)));
    assert.equal(await redis.cli('ZCARD', keys.topWanted), '64');
    await heartbeat.stop();
    runner.close();
  });
});
