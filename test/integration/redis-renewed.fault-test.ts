/** A cluster whose servers are taken out of service as planned, one after another, until none is left of those that were configured. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import type { Redis } from '../support/redis.ts';
import type { RedisCluster } from '../support/redis-cluster.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import {
  answers,
  assertAnswered,
  books,
  COUNTERS,
  checkOf,
  counter,
  fleetOn,
  forever,
  startLoad,
  stored,
  summary,
} from './redis-gateways.ts';

const TIMEOUT_MS = 1_000;
const POLICY = forever(10_000);
const SOON = { within: 20_000, every: 50 } as const;

/** A planned failover. One that is asked for while the cluster is busy with another is given up after a while. */
async function promote(cluster: RedisCluster, replica: Redis): Promise<void> {
  const isMaster = async (): Promise<boolean> => (await replica.cli('ROLE')).startsWith('master');
  await eventually(
    'it is the primary',
    async () => {
      await replica.cli('CLUSTER', 'FAILOVER');
      return eventually('it has taken over', isMaster, { within: 2_000, every: 20 });
    },
    { within: 20_000, every: 200 },
  );
  await cluster.ready();
}

describe('servers of a cluster that are replaced', { timeout: 120_000, concurrency: 2 }, () => {
  it('one after another by their replicas (CLUSTER FAILOVER), under load: no check fails and none is lost', async (t) => {
    await using cluster = await startRedisCluster();
    await using fleet = await fleetOn(2, cluster.addresses, { timeoutMs: TIMEOUT_MS });
    const { gateways } = fleet;
    const [gateway] = gateways;
    assert.ok(gateway);
    await answers(gateways);
    const saidBefore = gateways.map(({ said }) => said.length);
    const load = startLoad({ gateways, policy: POLICY, counter, perSecond: 600 });
    await eventually('it is under load', () => load.seen.length > 200, SOON);
    const from = performance.now();
    for (const replica of cluster.nodes.slice(3)) {
      await promote(cluster, replica);
      const asked = load.seen.length;
      await eventually('callers have asked it', () => load.seen.length > asked + 300, SOON);
    }
    await load.stop();
    t.diagnostic(summary(load.seen, from, POLICY.limit));
    assert.deepEqual(
      load.seen.filter(({ saw }) => saw !== 'allowed'),
      [],
    );
    assert.deepEqual(books(load.seen, await stored(gateway, COUNTERS, POLICY)), { lost: 0, extra: 0 });
    gateways.forEach(({ said }, i) => {
      assert.deepEqual(said.slice(saidBefore[i]), []);
    });
  });

  it('until none is left of those configured: they are found also when every connection is lost at once', async (t) => {
    await using cluster = await startRedisCluster();
    const [masters, replicas] = [cluster.nodes.slice(0, 3), cluster.nodes.slice(3)];
    await using fleet = await fleetOn(1, cluster.addresses.slice(0, 3), { timeoutMs: TIMEOUT_MS });
    const { gateways } = fleet;
    const [gateway] = gateways;
    assert.ok(gateway);
    await answers(gateways);
    for (const replica of replicas) await promote(cluster, replica);
    // Whoever asks is sent on, and so learns of them.
    await answers(gateways);
    for (const master of masters) await master.kill9();
    await answers(gateways);
    const load = startLoad({ gateways, policy: POLICY, counter, perSecond: 200 });
    const from = performance.now();
    await Promise.all(replicas.map((replica) => replica.kill9()));
    await eventually('nobody counts', () => load.seen.some(({ saw }) => saw === 'SLUICE_STORE_CIRCUIT_OPEN'), SOON);
    await Promise.all(replicas.map((replica) => replica.restart()));
    const healedAt = performance.now();
    await answers(gateways);
    await load.stop();
    t.diagnostic(summary(load.seen, from, POLICY.limit, healedAt));
    assertAnswered(load.seen, TIMEOUT_MS);
    assert.equal((await gateway.strategy.check([checkOf('found', POLICY)])).allowed, true);
  });
});
