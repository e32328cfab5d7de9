/** A gateway starts whatever its Redis does: nothing here may hang. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestGateway } from '../integration/redis-gateways.ts';
import { checkOf, forever, gatewayOn, sentinelAddress } from '../integration/redis-gateways.ts';
import { eventually } from '../support/eventually.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { startRedisSentinel } from '../support/redis-sentinel.ts';

const UNREACHED = { code: /^SLUICE_STORE_(?:CONNECTION|CIRCUIT_OPEN)$/ };
const ONE = checkOf('one', forever(1_000));

async function countsAgain(gateway: TestGateway): Promise<void> {
  await eventually('it counts', async () => (await gateway.strategy.check([ONE])).allowed, { within: 15_000 });
}

describe('starting', { timeout: 60_000, concurrency: 2 }, () => {
  it('with every sentinel frozen: goes on without, and finds the primary later', async () => {
    await using sentinel = await startRedisSentinel();
    for (const each of sentinel.sentinels) each.freeze();
    await using gateway = await gatewayOn(sentinelAddress(sentinel), { timeoutMs: 500 });
    await assert.rejects(gateway.strategy.check([ONE]) as Promise<unknown>, UNREACHED);
    for (const each of sentinel.sentinels) each.thaw();
    await countsAgain(gateway);
  });

  it('with every sentinel gone: goes on without', async () => {
    await using sentinel = await startRedisSentinel();
    for (const each of sentinel.sentinels) await each.stop();
    await using gateway = await gatewayOn(sentinelAddress(sentinel), { timeoutMs: 500 });
    await assert.rejects(gateway.strategy.check([ONE]) as Promise<unknown>, UNREACHED);
  });

  it('with one sentinel of three gone: as if nothing were, and without a word on standard error', async (t) => {
    await using sentinel = await startRedisSentinel();
    await sentinel.sentinels[0]?.stop();
    const error = t.mock.method(console, 'error', () => {});
    await using gateway = await gatewayOn(sentinelAddress(sentinel), { timeoutMs: 500 });
    await countsAgain(gateway);
    const [, second] = sentinel.sentinels;
    await second?.stop();
    await new Promise((resolve) => setTimeout(resolve, 300));
    await countsAgain(gateway);
    assert.equal(error.mock.callCount(), 0);
    assert.deepEqual(gateway.said, []);
  });

  it('with a cluster that is down: goes on without, and counts when it is whole again', async () => {
    await using cluster = await startRedisCluster({ replicas: 0, args: ['--cluster-require-full-coverage', 'yes'] });
    const [lost, other] = cluster.nodes;
    assert.ok(lost && other);
    await lost.kill9();
    await eventually('it is down', async () => (await other.cli('CLUSTER', 'INFO')).includes('state:fail'));
    await using gateway = await gatewayOn(cluster.addresses, { timeoutMs: 500 });
    await assert.rejects(gateway.strategy.check([ONE]) as Promise<unknown>, UNREACHED);
    await lost.restart();
    await countsAgain(gateway);
  });

  it('with a cluster that is frozen: goes on without, and counts when it thaws', async () => {
    await using cluster = await startRedisCluster({ replicas: 0 });
    for (const node of cluster.nodes) node.freeze();
    await using gateway = await gatewayOn(cluster.addresses, { timeoutMs: 500 });
    await assert.rejects(gateway.strategy.check([ONE]) as Promise<unknown>, UNREACHED);
    for (const node of cluster.nodes) node.thaw();
    await countsAgain(gateway);
  });
});
