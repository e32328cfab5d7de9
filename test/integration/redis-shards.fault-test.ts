/** A cluster whose shards fail, move and refuse, one at a time or all: the others go on, and exactness returns by itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { hashSlot } from '../../src/redis/slot.ts';
import { startDelayProxy } from '../support/delay-proxy.ts';
import { eventually } from '../support/eventually.ts';
import type { Redis } from '../support/redis.ts';
import type { RedisCluster } from '../support/redis-cluster.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import type { Seen, TestGateway } from './redis-gateways.ts';
import {
  answers,
  assertAnswered,
  books,
  COUNTERS,
  checkOf,
  counter,
  fleetOn,
  forever,
  gatewayOn,
  quantile,
  redisKey,
  startLoad,
  stored,
  summary,
  tally,
} from './redis-gateways.ts';

const TIMEOUT_MS = 250;
/** Without replicas no node is taken for dead while a test has one frozen. */
const PATIENT = { replicas: 0 };
/** So low that many keys reach it. */
const POLICY = forever(10);
const DECIDED = ['allowed', 'denied'];

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
  it('one of three frozen: keys on the others keep their latency, and no circuit of theirs opens', async (t) => {
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
    await sleep(400);
    // Frozen and well by turns, so that what else the machine does falls on both alike.
    const frozenFor: [from: number, to: number][] = [];
    for (let i = 0; i < 4; i++) {
      const from = performance.now();
      frozen.freeze();
      await sleep(700);
      frozenFor.push([from, performance.now()]);
      frozen.thaw();
      await answers(gateways);
      await sleep(400);
    }
    await load.stop();
    const isFrozen = ({ at }: Seen): boolean => frozenFor.some(([from, to]) => at >= from && at < to);
    const [before = 0] = frozenFor[0] ?? [];
    const healthy = load.seen.filter((each) => !onFrozen(each));
    const during = healthy.filter(isFrozen);
    const between = healthy.filter((each) => !isFrozen(each) && each.at > before - 400);
    assert.ok(during.length > 300 && between.length > 300, `${during.length} and ${between.length} on healthy shards`);
    const failed = during.filter(({ saw }) => saw.startsWith('SLUICE'));
    assert.ok(failed.length <= during.length / 50, `${failed.length} of ${during.length} failed`);
    const ratios = [0.5, 0.75].map((p) => quantile(during, p) / quantile(between, p));
    t.diagnostic(`latency on the other shards, frozen / well: p50 ${ratios[0]}, p75 ${ratios[1]}`);
    assert.ok((ratios[0] ?? 9) <= 2 && (ratios[1] ?? 9) <= 3, `p50 and p75 are ${ratios} times the usual`);
    const waits = load.seen.filter((each) => onFrozen(each) && isFrozen(each));
    // Each gateway waits for three checks in flight at most at each freeze, or for those that were sent with them.
    assert.ok(waits.filter(({ saw }) => saw === 'SLUICE_STORE_CIRCUIT_OPEN').length > waits.length / 3);
    gateways.forEach(({ said }, i) => {
      const about = said.slice(saidBefore[i]).filter((line) => line.includes('cannot count'));
      assert.ok(
        about.every((line) => line.includes(`:${frozen.port} `)),
        about.join('\n'),
      );
    });
    await assertBooks(gateway, load.seen);
  });

  it('slots with live keys move to an empty server under load: nothing lost, nothing counted twice, no circuit opens', async (t) => {
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
    const from = performance.now();
    const slots = [slot, ...COUNTERS.slice(1, 6).map((name) => hashSlot(redisKey(name)))];
    await cluster.reshard(slots, to, () => sleep(100));
    await sleep(300);
    await load.stop();
    t.diagnostic(summary(load.seen, from, POLICY.limit));
    assert.ok(Number(await to.cli('DBSIZE')) >= 5);
    const failed = load.seen.filter(({ saw }) => saw.startsWith('SLUICE'));
    assert.ok(failed.length <= load.seen.length / 20, `${failed.length} of ${load.seen.length} failed`);
    gateways.forEach(({ said }, i) => {
      assert.deepEqual(said.slice(saidBefore[i]), []);
    });
    await assertBooks(gateway, load.seen);
  });

  it('one of three lost where the cluster wants all (CLUSTERDOWN): policies decide at once, exact when it is back', async (t) => {
    const args = ['--cluster-require-full-coverage', 'yes'];
    await using cluster = await startRedisCluster({ replicas: 0, nodeTimeoutMs: 1_500, args });
    await using fleet = await fleetOn(2, cluster.addresses, { timeoutMs: TIMEOUT_MS });
    const { gateways } = fleet;
    await answers(gateways);
    const [gateway] = gateways;
    const [lost] = cluster.nodes;
    assert.ok(gateway && lost);
    const load = startLoad({ gateways, policy: POLICY, counter, perSecond: 400 });
    const from = performance.now();
    await lost.kill9();
    await eventually(
      'even the others refuse',
      () => gateways.every(({ said }) => said.some((line) => line.includes('CLUSTERDOWN'))),
      { within: 20_000 },
    );
    await lost.restart();
    const healedAt = performance.now();
    await answers(gateways);
    await load.stop();
    t.diagnostic(summary(load.seen, from, POLICY.limit, healedAt));
    assertAnswered(load.seen, TIMEOUT_MS);
    for (const [name, admitted] of tally(load.seen, 'allowed')) assert.ok(admitted <= POLICY.limit, name);
  });

  it('scripts flushed on all again and again: every check answered, every one counted once', async (t) => {
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
    t.diagnostic(summary(load.seen, 0, POLICY.limit));
    assert.deepEqual(
      [...new Set(load.seen.map(({ saw }) => saw))].filter((saw) => !DECIDED.includes(saw)),
      [],
    );
    const held = await stored(
      gateway,
      load.seen.map((each) => each.counter),
      POLICY,
    );
    assert.deepEqual(books(load.seen, held), { lost: 0, extra: 0 });
  });

  it('one of three out of memory (noeviction): its keys are decided by policy, the others exactly', async (t) => {
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
    await full.cli('CONFIG', 'SET', 'maxmemory', '0');
    const healedAt = performance.now();
    await answers(gateways);
    await load.stop();
    t.diagnostic(summary(load.seen, 0, POLICY.limit, healedAt));
    const fine = load.seen.filter((each) => home.get(each.counter) !== full);
    assert.deepEqual(
      [...new Set(fine.map(({ saw }) => saw))].filter((saw) => !DECIDED.includes(saw)),
      [],
    );
    const refused = load.seen.filter((each) => home.get(each.counter) === full && each.at < healedAt);
    assert.ok(refused.every(({ saw }) => saw.startsWith('SLUICE_STORE_')));
    await assertBooks(gateway, load.seen);
  });

  it('one of three restarted with data to load (LOADING): policy meanwhile, exact afterwards', async (t) => {
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
    const healedAt = performance.now();
    await answers([gateway]);
    await load.stop();
    t.diagnostic(summary(load.seen, 0, POLICY.limit, healedAt));
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
      // One counter a request needs no giving back, so not one is refused in vain.
      const alone = asked.map((name) => checkOf(`${name}:alone`, policy));
      const each = await Promise.all(alone.map((one, n) => fleet.gateways[n % 3]?.strategy.check([one])));
      for (const name of names) {
        assert.equal(asked.filter((other, n) => other === name && each[n]?.allowed).length, 20, name);
      }
    } finally {
      await Promise.all(proxies.map((proxy) => proxy[Symbol.asyncDispose]()));
    }
  });
});
