/** A cluster whose shards fail, move and refuse, one at a time or all: the others go on, and exactness returns by itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashSlot } from '../../src/redis/slot.ts';
import { startDelayProxy } from '../support/delay-proxy.ts';
import { eventually } from '../support/eventually.ts';
import type { Redis } from '../support/redis.ts';
import { NO_ACCESS } from '../support/redis.ts';
import type { RedisCluster } from '../support/redis-cluster.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { startRedisSentinel } from '../support/redis-sentinel.ts';
import type { TestGateway } from './redis-gateways.ts';
import {
  assertAnswered,
  books,
  checkOf,
  fleetOn,
  forever,
  gatewayOn,
  quantile,
  redisKey,
  sentinelAddress,
  startLoad,
  stored,
  tally,
} from './redis-gateways.ts';

const TIMEOUT_MS = 250;
/** Without replicas no node is taken for dead while a test has one frozen. */
const PATIENT = { replicas: 0 };
const COUNTERS = Array.from({ length: 60 }, (_, i) => `k${i}`);
const counter = (n: number): string => COUNTERS[(n * 7) % COUNTERS.length] ?? '';
const POLICY = forever(200);

/** Every gateway gets an answer for every counter. */
async function answers(gateways: readonly TestGateway[], policy = POLICY): Promise<void> {
  await eventually(
    'every counter is answered for',
    async () => {
      for (const { strategy } of gateways) {
        await Promise.all(COUNTERS.map((name) => strategy.check([checkOf(`ready:${name}`, policy)])));
      }
      return true;
    },
    { within: 30_000, every: 20 },
  );
}

async function homes(cluster: RedisCluster): Promise<Map<string, Redis>> {
  const out = new Map<string, Redis>();
  for (const name of COUNTERS) out.set(name, await cluster.masterOf(redisKey(name)));
  return out;
}

/** What callers were told is what Redis holds, unless they were told nothing; and no limit was passed. */
async function assertBooks(gateway: TestGateway, seen: Parameters<typeof books>[0], policy = POLICY): Promise<void> {
  const held = await stored(
    gateway,
    seen.map((each) => each.counter),
    policy,
  );
  const { lost, extra } = books(seen, held);
  assert.equal(lost, 0);
  const unanswered = seen.filter(({ saw }) => /TIMEOUT|CONNECTION/.test(saw)).length;
  assert.ok(extra <= unanswered, `${extra} counted that nobody was told of, ${unanswered} not answered`);
  for (const [name, admitted] of tally(seen, 'allowed')) assert.ok(admitted <= policy.limit, `${name}: ${admitted}`);
}

describe('shards of a cluster', { timeout: 90_000, concurrency: 2 }, () => {
  it('one of three frozen: keys on the others keep their latency, and no circuit of theirs opens', async () => {
    await using cluster = await startRedisCluster(PATIENT);
    await using fleet = await fleetOn(2, cluster.addresses, { timeoutMs: TIMEOUT_MS });
    const { gateways } = fleet;
    await answers(gateways);
    const [gateway] = gateways;
    const [frozen] = cluster.nodes;
    assert.ok(gateway && frozen);
    const home = await homes(cluster);
    const onFrozen = ({ counter }: { counter: string }): boolean => home.get(counter) === frozen;
    const saidBefore = gateways.map(({ said }) => said.length);
    const load = startLoad({ gateways, policy: POLICY, counter, perSecond: 600 });
    await sleep(800);
    const frozenAt = performance.now();
    frozen.freeze();
    await sleep(2_000);
    const thawedAt = performance.now();
    frozen.thaw();
    await answers(gateways);
    await load.stop();
    const healthy = load.seen.filter((each) => !onFrozen(each));
    const during = healthy.filter(({ at }) => at >= frozenAt && at < thawedAt);
    const before = healthy.filter(({ at }) => at < frozenAt);
    assert.ok(during.length > 300, `${during.length} on healthy shards`);
    const failed = during.filter(({ saw }) => saw.startsWith('SLUICE'));
    assert.ok(failed.length <= during.length / 50, `${failed.length} of ${during.length} failed`);
    // A frozen shard would show as the timeout; a busy machine shows in both.
    const [usual, now] = [quantile(before, 0.9), quantile(during, 0.9)];
    assert.ok(now <= Math.max(TIMEOUT_MS / 4, 3 * usual), `p90 ${now} ms, ${usual} ms before`);
    const waits = load.seen.filter((each) => onFrozen(each) && each.at >= frozenAt && each.at < thawedAt);
    assert.ok(waits.filter(({ saw }) => saw === 'SLUICE_STORE_CIRCUIT_OPEN').length > waits.length / 2);
    gateways.forEach(({ said }, i) => {
      const about = said.slice(saidBefore[i]).filter((line) => line.includes('cannot count'));
      assert.ok(
        about.every((line) => line.includes(`:${frozen.port} `)),
        about.join('\n'),
      );
    });
    await assertBooks(gateway, load.seen);
  });

  it('slots with live keys move to an empty server under load: nothing lost, nothing counted twice, no circuit opens', async () => {
    await using cluster = await startRedisCluster({ ...PATIENT, empty: 1 });
    await using fleet = await fleetOn(3, cluster.addresses, { timeoutMs: 1_000 });
    const { gateways } = fleet;
    await answers(gateways);
    const [gateway] = gateways;
    const to = cluster.nodes.at(-1);
    assert.ok(gateway && to);
    // Several counters of one slot, so that some have moved and some have not.
    const slot = hashSlot(redisKey('k0'));
    const mates: string[] = [];
    for (let i = 0; mates.length < 4; i++) if (hashSlot(redisKey(`mate${i}`)) === slot) mates.push(`mate${i}`);
    const names = [...mates, ...COUNTERS];
    const saidBefore = gateways.map(({ said }) => said.length);
    const load = startLoad({
      gateways,
      policy: POLICY,
      counter: (n) => names[(n * 7) % names.length] ?? '',
      perSecond: 600,
    });
    await sleep(400);
    const slots = [slot, ...COUNTERS.slice(1, 6).map((name) => hashSlot(redisKey(name)))];
    await cluster.reshard(slots, to, () => sleep(100));
    await sleep(300);
    await load.stop();
    assert.ok(Number(await to.cli('DBSIZE')) >= 5);
    const failed = load.seen.filter(({ saw }) => saw.startsWith('SLUICE'));
    assert.ok(failed.length <= load.seen.length / 20, `${failed.length} of ${load.seen.length} failed`);
    gateways.forEach(({ said }, i) => {
      assert.deepEqual(said.slice(saidBefore[i]), []);
    });
    await assertBooks(gateway, load.seen);
  });

  it('one of three lost where the cluster wants all (CLUSTERDOWN): policies decide at once, exact when it is back', async () => {
    const args = ['--cluster-require-full-coverage', 'yes'];
    await using cluster = await startRedisCluster({ replicas: 0, nodeTimeoutMs: 1_500, args });
    await using fleet = await fleetOn(2, cluster.addresses, { timeoutMs: TIMEOUT_MS });
    const { gateways } = fleet;
    await answers(gateways);
    const [gateway] = gateways;
    const [lost, other] = cluster.nodes;
    assert.ok(gateway && lost && other);
    const onOther = COUNTERS.filter((name) => name !== 'k0');
    const load = startLoad({ gateways, policy: POLICY, counter, perSecond: 400 });
    await lost.kill9();
    await eventually(
      'even the others refuse',
      () => gateways.every(({ said }) => said.some((line) => line.includes('CLUSTERDOWN'))),
      { within: 20_000 },
    );
    await load.stop();
    assertAnswered(load.seen, TIMEOUT_MS);
    await lost.restart();
    await answers(gateways);
    assert.ok(onOther.length > 0);
    for (const [name, admitted] of tally(load.seen, 'allowed')) assert.ok(admitted <= POLICY.limit, name);
  });

  it('scripts flushed on all again and again: every check answered, every one counted once', async () => {
    await using cluster = await startRedisCluster(PATIENT);
    await using fleet = await fleetOn(3, cluster.addresses, { timeoutMs: 1_000 });
    const { gateways } = fleet;
    await answers(gateways);
    const [gateway] = gateways;
    assert.ok(gateway);
    const load = startLoad({ gateways, policy: POLICY, counter, perSecond: 600 });
    for (let i = 0; i < 5; i++) await cluster.onMasters('SCRIPT', 'FLUSH');
    await sleep(200);
    await load.stop();
    assert.deepEqual([...new Set(load.seen.map(({ saw }) => saw))], ['allowed']);
    const held = await stored(
      gateway,
      load.seen.map((each) => each.counter),
      POLICY,
    );
    assert.deepEqual(books(load.seen, held), { lost: 0, extra: 0 });
  });

  it('one of three out of memory (noeviction): its keys are decided by policy, the others exactly', async () => {
    await using cluster = await startRedisCluster(PATIENT);
    await using fleet = await fleetOn(2, cluster.addresses, { timeoutMs: 1_000 });
    const { gateways } = fleet;
    await answers(gateways);
    const [gateway] = gateways;
    const [full] = cluster.nodes;
    assert.ok(gateway && full);
    const home = await homes(cluster);
    await full.cli('CONFIG', 'SET', 'maxmemory', '1');
    const load = startLoad({ gateways, policy: POLICY, counter, perSecond: 400 });
    await eventually('it is known', () => gateway.said.some((line) => line.includes('OOM')));
    await sleep(500);
    await load.stop();
    const fine = load.seen.filter((each) => home.get(each.counter) !== full);
    assert.deepEqual([...new Set(fine.map(({ saw }) => saw))], ['allowed']);
    const refused = load.seen.filter((each) => home.get(each.counter) === full);
    assert.ok(refused.every(({ saw }) => saw.startsWith('SLUICE_STORE_')));
    await full.cli('CONFIG', 'SET', 'maxmemory', '0');
    await answers(gateways);
    await assertBooks(gateway, load.seen);
  });

  it('one of three restarted with data to load (LOADING): policy meanwhile, exact afterwards', async () => {
    const args = ['--save', '3600 1', '--key-load-delay', '1000'];
    await using cluster = await startRedisCluster({ ...PATIENT, args });
    await using gateway = await gatewayOn(cluster.addresses, { timeoutMs: TIMEOUT_MS });
    await answers([gateway]);
    const [loads] = cluster.nodes;
    assert.ok(loads);
    const before = startLoad({ gateways: [gateway], policy: POLICY, counter, perSecond: 400 });
    await sleep(500);
    await before.stop();
    await loads.cli('SAVE');
    await loads.kill9();
    const load = startLoad({ gateways: [gateway], policy: POLICY, counter, perSecond: 400 });
    await sleep(200);
    await loads.restart();
    await answers([gateway]);
    await load.stop();
    assertAnswered(load.seen, TIMEOUT_MS);
    await assertBooks(gateway, [...before.seen, ...load.seen]);
  });

  it('20 ms away: exact over three gateways, with no failure', async () => {
    await using cluster = await startRedisCluster(PATIENT);
    const proxies = await Promise.all(cluster.nodes.map(({ port }) => startDelayProxy(port, 10)));
    try {
      for (const [i, node] of cluster.nodes.entries()) {
        await node.cli('CONFIG', 'SET', 'cluster-announce-port', String(proxies[i]?.port));
      }
      const heard = async ({ cli }: Redis): Promise<boolean> => {
        const slots = await cli('CLUSTER', 'SLOTS');
        return proxies.every(({ port }) => slots.includes(String(port)));
      };
      for (const node of cluster.nodes) {
        await eventually('the new addresses have spread', () => heard(node), { within: 20_000, every: 50 });
      }
      const far = proxies.map(({ port }) => ({ host: '127.0.0.1', port }));
      await using fleet = await fleetOn(3, far, { timeoutMs: 2_000 });
      await answers(fleet.gateways);
      const names = COUNTERS.slice(0, 10);
      const policy = forever(20);
      const group = (name: string) => [checkOf(name, policy), checkOf(`${name}:all`, forever(15))];
      const asked = Array.from({ length: 30 * names.length }, (_, n) => names[n % names.length] ?? '');
      const verdicts = await Promise.all(asked.map((name, n) => fleet.gateways[n % 3]?.strategy.check(group(name))));
      for (const name of names) {
        const admitted = asked.filter((each, n) => each === name && verdicts[n]?.allowed).length;
        assert.ok(admitted <= 15, `${admitted}`);
        assert.ok(admitted >= 1);
      }
    } finally {
      await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    }
  });
});

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

  it('the primary is made a replica (READONLY): the new one is found, and nothing is admitted twice', async () => {
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
    // For a moment there are two primaries: what the old one admitted meanwhile is lost, and nothing from before.
    const since = load.seen.filter(({ at, saw }) => at > orderedAt - 100 && saw === 'allowed').length;
    assert.ok(lost <= since, `lost ${lost} of ${since}`);
    for (const [name, count] of held) assert.ok(count <= POLICY.limit, name);
  });
});
