import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { ClusterConnection } from '../../src/redis/cluster-connection.ts';
import { Heartbeat } from '../../src/redis/heartbeat.ts';
import { keyLayout } from '../../src/redis/keys.ts';
import { loadScript } from '../../src/redis/lua-script-loader.ts';
import { eventually } from '../support/eventually.ts';
import { NO_ACCESS } from '../support/redis.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';

const keys = keyLayout('team');

describe('heartbeats on a cluster', { timeout: 60_000 }, () => {
  it('all instances are counted, the number outlives the cluster, and leaving is told', async () => {
    await using cluster = await startRedisCluster({ replicas: 0 });
    const connections: ClusterConnection[] = [];
    const start = async (instance: string): Promise<Heartbeat> => {
      const connection = new ClusterConnection({
        nodes: cluster.addresses,
        access: NO_ACCESS,
        timeoutMs: 1_000,
        clientName: instance,
        clock: systemClock,
        logger: silentLogger,
      });
      connections.push(connection);
      await connection.start();
      const heartbeat = new Heartbeat({
        clock: systemClock,
        runner: connection,
        script: loadScript('heartbeat'),
        keys,
        instance,
        assumed: 1,
        onReset: () => {},
      });
      await heartbeat.start();
      return heartbeat;
    };
    const a = await start('a');
    const b = await start('b');
    const c = await start('c');
    try {
      const live = (n: number, ...beats: readonly Heartbeat[]): Promise<unknown> =>
        eventually(`${n} live`, () => beats.every((beat) => beat.live === n), { within: 5_000 });
      await live(3, a, b, c);
      await c.stop();
      await live(2, a, b);
      for (const node of cluster.nodes) await node.kill9();
      // Their last beats fail.
      for (const beat of [a, b]) await beat.stop();
      assert.deepEqual([a.live, b.live], [2, 2], 'what was heard last');
    } finally {
      for (const beat of [a, b, c]) await beat.stop();
      for (const connection of connections) connection.close();
    }
  });
});
