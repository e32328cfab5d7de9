/** The redis strategy over a real Redis Cluster. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { LeasedStrategy } from '../../src/sharing/leased.ts';
import type { Check } from '../../src/sharing/strategy.ts';
import { strategyConformance } from '../conformance/strategy.ts';
import type { TestGateway } from '../integration/redis-gateways.ts';
import { checkOf, forever, gatewayOn, gatewaysOn, redisKey } from '../integration/redis-gateways.ts';
import { eventually } from '../support/eventually.ts';
import type { RedisCluster } from '../support/redis-cluster.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';

const TIMEOUT_MS = 5_000;

strategyConformance('redis over a cluster', async () => {
  const cluster = await startRedisCluster({ replicas: 0 });
  const { strategy, connection } = await gatewayOn(cluster.addresses, { timeoutMs: TIMEOUT_MS });
  return {
    strategy,
    givesBackLater: true,
    close: async () => {
      connection.close();
      await cluster.stop();
    },
  };
});

describe('groups over several shards', () => {
  let cluster: RedisCluster;
  let gateways: readonly TestGateway[];
  before(async () => {
    cluster = await startRedisCluster({ replicas: 0 });
    gateways = await gatewaysOn(3, cluster.addresses, { timeoutMs: TIMEOUT_MS });
    await eventually('every gateway counts on every shard', async () => {
      for (const { strategy } of gateways) {
        for (let i = 0; i < 12; i++) await strategy.check([checkOf(`warm${i}`, forever(1_000_000))]);
      }
      return true;
    });
  });
  after(async () => {
    for (const gateway of gateways) await gateway[Symbol.asyncDispose]();
    await cluster.stop();
  });

  let run = 0;
  const remaining = async (check: Check): Promise<number> => {
    const [gateway] = gateways;
    assert.ok(gateway);
    return (await gateway.strategy.peek(check)).remaining;
  };

  it('live on different shards', async () => {
    const counters = Array.from({ length: 6 }, (_, i) => `spread${i}`);
    const homes = await Promise.all(counters.map(async (counter) => (await cluster.masterOf(redisKey(counter))).port));
    assert.equal(new Set(homes).size, 3);
  });

  it('admit never more than any limit, and refused ones end up charging nothing', async () => {
    const policies: readonly ((limit: number) => Policy)[] = [
      (limit) => forever(limit),
      (limit) => ({ algorithm: 'sliding-window', limit, windowMs: 864_000_000_000, buckets: 4 }),
      (limit) => ({ algorithm: 'token-bucket', limit, windowMs: 864_000_000_000, burst: limit }),
    ];
    const counter = fc.record({ limit: fc.integer({ min: 1, max: 12 }), kind: fc.integer({ min: 0, max: 2 }) });
    const group = fc.record({
      picks: fc.uniqueArray(fc.nat(5), { minLength: 1, maxLength: 4 }),
      cost: fc.integer({ min: 1, max: 3 }),
      by: fc.nat(2),
    });
    const counters = fc.array(counter, { minLength: 6, maxLength: 6 });
    const groups = fc.array(group, { minLength: 20, maxLength: 80 });
    await fc.assert(
      fc.asyncProperty(counters, groups, async (kinds, asked) => {
        run += 1;
        const base = kinds.map(({ limit, kind }, i) =>
          checkOf(`run${run}:${i}`, policies[kind]?.(limit) ?? forever(limit)),
        );
        const requests = asked.map(({ picks, cost, by }) => ({
          group: picks.flatMap((pick) => {
            const check = base[pick];
            return check === undefined ? [] : [{ ...check, cost }];
          }),
          by,
        }));
        const verdicts = await Promise.all(requests.map(({ group, by }) => gateways[by]?.strategy.check(group)));
        const taken = new Map<string, number>(base.map(({ counter }) => [counter, 0]));
        requests.forEach(({ group }, i) => {
          if (verdicts[i]?.allowed !== true) return;
          for (const { counter, cost } of group) taken.set(counter, (taken.get(counter) ?? 0) + cost);
        });
        for (const check of base) {
          const admitted = taken.get(check.counter) ?? 0;
          assert.ok(admitted <= check.policy.limit, `${admitted} of ${check.policy.limit}`);
        }
        await eventually('what refused requests took is back', async () => {
          const left = await Promise.all(base.map(remaining));
          assert.deepEqual(
            left,
            base.map(({ counter, policy }) => policy.limit - (taken.get(counter) ?? 0)),
          );
          return true;
        });
      }),
      { numRuns: 40 },
    );
  });

  it('hold concurrency on all shards or on none', async () => {
    const limits = [2, 5, 9];
    const check = (i: number, holder: string): Check =>
      checkOf(`held${i}`, { algorithm: 'concurrency', limit: limits[i] ?? 1, leaseMs: 60_000 }, holder);
    const asked = Array.from({ length: 30 }, (_, n) => limits.map((_, i) => check(i, `holder${n}`)));
    const verdicts = await Promise.all(asked.map((group, n) => gateways[n % 3]?.strategy.check(group)));
    const admitted = asked.filter((_, n) => verdicts[n]?.allowed);
    assert.ok(admitted.length <= 2);
    await eventually('only the admitted ones hold places', async () => {
      const left = await Promise.all(limits.map((_, i) => remaining(check(i, 'nobody'))));
      assert.deepEqual(
        left,
        limits.map((limit) => limit - admitted.length),
      );
      return true;
    });
  });

  it('carry a key at 100 times the rate of the rest, with leases: its shard does no more than twice the work of the others', async () => {
    const policy = (limit: number): Policy => ({ algorithm: 'sliding-window', limit, windowMs: 1_000, buckets: 2 });
    const leased = gateways.map(
      ({ strategy }) =>
        new LeasedStrategy({
          clock: systemClock,
          inner: strategy,
          telemetry: silentTelemetry,
          timeoutMs: TIMEOUT_MS,
          liveInstances: () => gateways.length,
        }),
    );
    const hot = { ...checkOf('hot', policy(100_000)), lease: true };
    const others = Array.from({ length: 60 }, (_, i) => ({ ...checkOf(`cold${i}`, policy(100)), lease: true }));
    await cluster.onMasters('CONFIG', 'RESETSTAT');
    // 10 ms a step: the others 10 times a second each, the hot one 1,000 times.
    for (let step = 0; step < 150; step++) {
      const now = [...Array.from({ length: 10 }, () => hot), ...others.filter((_, i) => i % 10 === step % 10)];
      await Promise.all(now.map((one, i) => leased[(step + i) % leased.length]?.check([one])));
      await sleep(10);
    }
    const home = await cluster.masterOf(redisKey('hot'));
    const calls = new Map<boolean, number>([
      [true, 0],
      [false, 0],
    ]);
    for (const node of cluster.nodes) {
      const ran = Number(/cmdstat_evalsha:calls=(\d+)/.exec(await node.cli('INFO', 'commandstats'))?.[1] ?? 0);
      calls.set(node === home, Math.max(ran, calls.get(node === home) ?? 0));
    }
    const [its = 0, theirs = 0] = [calls.get(true), calls.get(false)];
    assert.ok(theirs > 100 && its <= 2 * theirs, `${its} calls on its shard, ${theirs} on another`);
    for (const each of leased) await each.close();
  });
});
