/** A gateway starts whatever its Redis does: nothing here may hang. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { TestGateway } from '../integration/redis-gateways.ts';
import { checkOf, forever, gatewayOn, sentinelAddress } from '../integration/redis-gateways.ts';
import { hasEnded, spawnOwned } from '../support/child.ts';
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
    await using cluster = await startRedisCluster({
      replicas: 0,
      nodeTimeoutMs: 1_500,
      args: ['--cluster-require-full-coverage', 'yes'],
    });
    const [lost, other] = cluster.nodes;
    assert.ok(lost && other);
    await lost.kill9();
    await eventually('it is down', async () => (await other.cli('CLUSTER', 'INFO')).includes('state:fail'), {
      within: 20_000,
      every: 50,
    });
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

describe('closing', { timeout: 60_000 }, () => {
  it('leaves nothing behind that keeps the process alive, also while the client asks a frozen cluster who serves what', async () => {
    await using cluster = await startRedisCluster({ replicas: 0 });
    const module = fileURLToPath(new URL('../integration/redis-gateways.ts', import.meta.url));
    const script = `
      import { gatewayOn } from ${JSON.stringify(module)};
      const gateway = await gatewayOn(${JSON.stringify(cluster.addresses)}, { timeoutMs: 500 });
      console.log('started');
      await new Promise((resolve) => process.once('SIGUSR2', resolve));
      await gateway[Symbol.asyncDispose]();`;
    const child = spawnOwned(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    assert.ok(child.stdout);
    await once(child.stdout, 'data');
    for (const node of cluster.nodes) node.freeze();
    // It asks once a second, for 0.5 s each of the three nodes: it is at it now.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    child.kill('SIGUSR2');
    await eventually('it has ended', () => hasEnded(child), { within: 10_000 });
    assert.equal(child.exitCode, 0);
  });
});
