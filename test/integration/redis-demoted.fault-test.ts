/** Servers that answer and do not let the gateways count: a wrong password, a missing command, a primary made a replica. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { NO_ACCESS } from '../support/redis.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { startRedisSentinel } from '../support/redis-sentinel.ts';
import {
  answers,
  assertAnswered,
  books,
  COUNTERS,
  checkOf,
  counter,
  forever,
  gatewayOn,
  sentinelAddress,
  startLoad,
  stored,
  summary,
} from './redis-gateways.ts';

const TIMEOUT_MS = 250;
const PATIENT = { replicas: 0 };
const POLICY = forever(200);

describe('a cluster or sentinel that does not let us', { timeout: 60_000, concurrency: 2 }, () => {
  it('the password is wrong: says so and goes on without; counts once it is right', async () => {
    await using cluster = await startRedisCluster(PATIENT);
    await cluster.onMasters('ACL', 'SETUSER', 'team', 'on', '>pw', '~team:*', '+@all');
    const access = { ...NO_ACCESS, username: 'team', password: 'wrong' };
    await using gateway = await gatewayOn(cluster.addresses, { timeoutMs: 1_000, access });
    await assert.rejects(async () => gateway.strategy.check([checkOf('x', POLICY)]), /^SluiceError: redis: /);
    assert.ok(
      gateway.said.some((line) => line.includes('WRONGPASS')),
      gateway.said.join('\n'),
    );
    await cluster.onMasters('ACL', 'SETUSER', 'team', '>wrong');
    await answers([gateway]);
  });

  it('the user may not run scripts: every shard names the command, and counts once it is granted', async () => {
    await using cluster = await startRedisCluster(PATIENT);
    const user = ['ACL', 'SETUSER', 'team', 'on', '>pw', '~team:*', '+@all'];
    await cluster.onMasters(...user, '-evalsha', '-eval');
    const access = { ...NO_ACCESS, username: 'team', password: 'pw' };
    await using gateway = await gatewayOn(cluster.addresses, { timeoutMs: 1_000, access });
    assert.equal(gateway.said.filter((line) => /evalsha/.test(line)).length, 3, gateway.said.join('\n'));
    await cluster.onMasters(...user, '+evalsha', '+eval');
    await answers([gateway]);
  });

  it('the primary is made a replica (READONLY): the new one is found, and nothing is admitted twice', async (t) => {
    await using sentinel = await startRedisSentinel();
    await using gateway = await gatewayOn(sentinelAddress(sentinel), { timeoutMs: TIMEOUT_MS });
    const old = await sentinel.primary();
    const load = startLoad({ gateways: [gateway], policy: POLICY, counter, perSecond: 400 });
    await sleep(300);
    const orderedAt = performance.now();
    await eventually(
      'another is primary',
      async () => {
        // Refused while one is under way; given up by the sentinel when the machine is too busy.
        await sentinel.sentinels[0]?.cli('SENTINEL', 'FAILOVER', sentinel.name).catch(() => {});
        await sleep(1_000);
        return (await sentinel.primary()) !== old;
      },
      { within: 40_000 },
    );
    await answers([gateway]);
    await sleep(300);
    await load.stop();
    assertAnswered(load.seen, TIMEOUT_MS);
    const held = await stored(gateway, COUNTERS, POLICY);
    const { lost } = books(load.seen, held);
    t.diagnostic(`${summary(load.seen, orderedAt, POLICY.limit)}; ${lost} lost`);
    // For a moment there are two primaries: what the old one admitted meanwhile is lost, and nothing from before.
    const since = load.seen.filter(({ at, saw }) => at > orderedAt - 100 && saw === 'allowed').length;
    assert.ok(lost <= since, `lost ${lost} of ${since}`);
    for (const [name, count] of held) assert.ok(count <= POLICY.limit, name);
  });
});
