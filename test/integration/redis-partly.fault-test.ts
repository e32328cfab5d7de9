/** Requests whose counters lie on several shards of a cluster, one of which is frozen: the others decide all the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import { StoreError } from '../../src/core/errors.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { LeasedStrategy } from '../../src/sharing/leased.ts';
import { eventually } from '../support/eventually.ts';
import type { Redis } from '../support/redis.ts';
import type { RedisCluster } from '../support/redis-cluster.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import type { TestFleet } from './redis-gateways.ts';
import { answers, COUNTERS, checkOf, fleetOn, forever, redisKey, stored } from './redis-gateways.ts';

const TIMEOUT_MS = 250;

interface Scene {
  readonly fleet: TestFleet;
  readonly doomed: Redis;
  /** A counter on the shard that is going to be frozen, and others that are not. */
  readonly lost: string;
  readonly well: readonly [string, string];
}

async function setScene(cluster: RedisCluster): Promise<Scene> {
  const fleet = await fleetOn(2, cluster.addresses, { timeoutMs: TIMEOUT_MS });
  await answers(fleet.gateways);
  const [doomed] = cluster.nodes;
  const home = new Map<string, Redis>();
  for (const name of COUNTERS) home.set(name, await cluster.masterOf(redisKey(name)));
  const lost = COUNTERS.find((name) => home.get(name) === doomed);
  const [first, second] = COUNTERS.filter((name) => home.get(name) !== doomed);
  assert.ok(doomed && lost !== undefined && first !== undefined && second !== undefined);
  return { fleet, doomed, lost, well: [first, second] };
}

describe('one of three shards frozen', { timeout: 60_000, concurrency: 2 }, () => {
  it('what requests ask of the others too is charged and refused there, and given back', async () => {
    // Without replicas no node is taken for dead meanwhile.
    await using cluster = await startRedisCluster({ replicas: 0 });
    const { fleet, doomed, lost, well } = await setScene(cluster);
    await using _ = fleet;
    const [gateway] = fleet.gateways;
    assert.ok(gateway);
    const policy = forever(5);
    const ask = (n: number, ...names: string[]) =>
      fleet.gateways[n % 2]?.strategy.check(names.map((name) => checkOf(name, policy)));
    for (let n = 0; n < 2; n++) await ask(n, well[0]);
    doomed.freeze();
    const asked = await Promise.all(Array.from({ length: 12 }, (_each, n) => ask(n, lost, ...well)));
    for (const verdict of asked) {
      assert.ok(verdict?.failure instanceof StoreError);
      assert.equal(verdict.verdicts[0], undefined);
    }
    assert.equal(asked.filter((verdict) => verdict?.allowed).length, 3, 'as many as the first counter has room for');
    await eventually('what the refused ones took is back', async () => {
      const held = await stored(gateway, well, policy);
      assert.deepEqual(Object.fromEntries(held), { [well[0]]: 5, [well[1]]: 3 });
      return true;
    });
    await assert.rejects(async () => ask(0, lost), { code: /^SLUICE_STORE_(TIMEOUT|CIRCUIT_OPEN)$/ });
    doomed.thaw();
  });

  it('leased keys on the others are counted and refused as usual', async () => {
    await using cluster = await startRedisCluster({ replicas: 0 });
    const { fleet, doomed, lost, well } = await setScene(cluster);
    await using _ = fleet;
    const [gateway] = fleet.gateways;
    assert.ok(gateway);
    const strategy = new LeasedStrategy({
      clock: systemClock,
      inner: gateway.strategy,
      telemetry: silentTelemetry,
      timeoutMs: TIMEOUT_MS,
      liveInstances: () => 1,
    });
    const [wide, narrow] = [forever(1_000_000), forever(200)];
    const group = [
      { ...checkOf(lost, wide), lease: true },
      { ...checkOf(well[0], narrow), lease: true },
    ];
    let admitted = 0;
    let unanswered = 0;
    const ask = async (): Promise<void> => {
      try {
        const { allowed, verdicts } = await strategy.check(group);
        if (verdicts[1] === undefined) unanswered += 1;
        else if (allowed) admitted += 1;
      } catch {
        unanswered += 1;
      }
    };
    for (let i = 0; i < 100; i++) await ask();
    assert.equal(admitted, 100);
    doomed.freeze();
    // Others have found out, so nobody waits.
    await eventually('its circuit is open', async () => {
      await assert.rejects(gateway.strategy.check([checkOf(lost, wide)]), { code: 'SLUICE_STORE_CIRCUIT_OPEN' });
      return true;
    });
    await Promise.all(Array.from({ length: 200 }, ask));
    assert.equal(unanswered, 0);
    // A quarter of the limit at most is in the lease while both are asked for at once.
    assert.ok(admitted >= 150 && admitted <= 200, `${admitted}`);
    doomed.thaw();
  });
});
