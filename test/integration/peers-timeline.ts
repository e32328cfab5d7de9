/**
 * The whole promise, at size: 1,000 in 10 s over four gateways offered 500 a second each, while hosts die, sleep, and lose each
 * other. Three minutes for each of the ways, so one file each.
 */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ReplicatedSharing } from '../../src/core/types.ts';
import { startEtcd } from '../support/etcd.ts';
import { eventually } from '../support/eventually.ts';
import { startUpstream } from '../support/http.ts';
import { noNetwork, startNetwork } from '../support/network.ts';
import type { Load, PeerFleet, PeerHost } from './peers-fleet.ts';
import { admittedPerWindow, mostExcess, peersOf, startLoad, startPeerFleet } from './peers-fleet.ts';

const WINDOW_MS = 10_000;
const LIMIT = 1_000;
const HOSTS = 4;
const PER_HOST = 500;
const INTERVAL_MS = 100;
/** A machine that is busy with all of these processes. */
const DELAY_MS = 100;

/** Windows counted from the first whole one, and what they admitted. */
class Timeline {
  readonly #first = Math.ceil(Date.now() / WINDOW_MS);
  readonly #load: Load;
  readonly #most: number;
  readonly #settled: number[] = [];

  /** @param most that a window may admit */
  constructor(load: Load, most: number) {
    this.#load = load;
    this.#most = most;
  }

  /** Waits until so long after window `index` begins, and until answers of then have come. */
  async reach(index: number, afterMs = 0): Promise<void> {
    const at = (this.#first + index) * WINDOW_MS + afterMs;
    while (Date.now() < at) await sleep(at - Date.now());
    await eventually('answers of this window', () => (this.#load.seen.at(-1)?.at ?? 0) >= at, { within: 10_000 });
  }

  get counts(): readonly number[] {
    const all = admittedPerWindow(this.#load.seen, WINDOW_MS);
    return all.filter(({ start }) => start >= this.#first * WINDOW_MS).map(({ count }) => count);
  }

  /** A window in which everybody knows what there is to know. See {@link assertMean}. */
  assertSettled(index: number, why: string): void {
    this.assertAtMost(index, this.#most, why);
    const count = this.counts[index] ?? Number.NaN;
    assert.ok(count >= 0.95 * LIMIT, `${why}: window ${index} of ${this.counts.join(', ')}`);
    this.#settled.push(count);
  }

  assertAtMost(index: number, most: number, why: string): void {
    const count = this.counts[index] ?? Number.NaN;
    assert.ok(count <= most, `${why}: window ${index} of ${this.counts.join(', ')}, at most ${most}`);
  }

  /** On average, for a busy machine that stalls for some tens of milliseconds makes news late, and one window shows it. */
  assertMean(): void {
    const mean = this.#settled.reduce((sum, count) => sum + count, 0) / this.#settled.length;
    assert.ok(Math.abs(mean - LIMIT) <= 0.05 * LIMIT, `settled windows admit ${this.#settled.join(', ')}`);
  }
}

/** The host that leads, where hosts lead; the last one otherwise. */
async function mostImportant(fleet: PeerFleet): Promise<PeerHost> {
  const [host] = fleet.hosts;
  assert.ok(host);
  const leader = (await peersOf(host)).leaders.find(({ address }) => address !== undefined)?.address;
  const found = fleet.hosts.find(({ peerAddress }) => peerAddress === leader) ?? fleet.hosts.at(-1);
  assert.ok(found);
  return found;
}

const bound = (sharing: ReplicatedSharing, intervalMs = INTERVAL_MS): number =>
  LIMIT + mostExcess({ sharing, hosts: HOSTS, limit: LIMIT, offered: HOSTS * PER_HOST, intervalMs, delayMs: DELAY_MS });

const LIMIT_CONFIG = { rate: `${LIMIT}/${WINDOW_MS}ms`, algorithm: 'fixed-window', onFailure: 'local' };

/** A test of one of the ways. */
export function holdsThroughFaults(sharing: ReplicatedSharing): void {
  it(`${sharing}: holds through a kill, a restart, loss, a pause and a partition`, {
    skip: noNetwork,
    timeout: 235_000,
  }, async (t) => {
    using network = startNetwork(HOSTS);
    await using upstream = await startUpstream(undefined, network.gatewayIp);
    await using etcd = sharing === 'leader' ? await startEtcd({ host: network.gatewayIp }) : undefined;
    await using fleet = await startPeerFleet({
      sharing,
      limit: LIMIT_CONFIG,
      upstream: upstream.url,
      network,
      ...(etcd === undefined ? {} : { more: { etcd: { endpoints: [etcd.endpoint] } } }),
    });
    await fleet.together();
    const load = startLoad(fleet.hosts, PER_HOST);
    const time = new Timeline(load, bound(sharing));
    try {
      await time.reach(3);
      for (const index of [0, 1, 2]) time.assertAtMost(index, bound(sharing), 'undisturbed');
      for (const index of [1, 2]) time.assertSettled(index, 'undisturbed');

      const victim = await mostImportant(fleet);
      await time.reach(3, 1_000);
      await victim.gateway.kill9();
      await time.reach(5);
      time.assertAtMost(3, 2 * LIMIT, 'killed');
      time.assertSettled(4, 'three hosts');
      await victim.restart();
      await time.reach(7);
      time.assertAtMost(5, bound(sharing), 'restarted');
      time.assertSettled(6, 'restarted');

      network.lose(0.05);
      await time.reach(9);
      for (const index of [7, 8]) time.assertAtMost(index, bound(sharing, 2 * INTERVAL_MS), 'loss of 5 %');
      time.assertSettled(8, 'loss of 5 %');
      network.heal();

      const sleeper = await mostImportant(fleet);
      await time.reach(9, 1_000);
      sleeper.gateway.signal('SIGSTOP');
      await time.reach(9, 6_000);
      sleeper.gateway.signal('SIGCONT');
      await time.reach(12);
      time.assertAtMost(9, 2 * LIMIT, 'asleep for 5 s');
      time.assertSettled(11, 'awake again');

      await time.reach(12, 500);
      network.partition([0, 1], [2, 3]);
      await time.reach(14);
      time.assertAtMost(12, 2 * LIMIT, 'partition begins');
      time.assertSettled(13, 'each side takes its share');
      network.heal();
      await time.reach(16);
      time.assertAtMost(14, bound(sharing), 'partition ends');
      time.assertSettled(15, 'together again');
      time.assertMean();
      assert.equal((await peersOf(victim)).visibleShare, 1);
    } finally {
      await load.stop();
      t.diagnostic(`admitted in each window: ${time.counts.join(', ')}; not sent: ${load.skipped.join(', ')}`);
    }
  });
}

/** A test of `leader`. */
export function holdsWithoutEtcd(): void {
  it('leader: holds while etcd is frozen for 30 s', { timeout: 150_000 }, async (t) => {
    await using upstream = await startUpstream();
    await using etcd = await startEtcd();
    await using fleet = await startPeerFleet({
      sharing: 'leader',
      limit: LIMIT_CONFIG,
      upstream: upstream.url,
      more: { etcd: { endpoints: [etcd.endpoint] } },
    });
    await fleet.together();
    const load = startLoad(fleet.hosts, PER_HOST);
    const time = new Timeline(load, bound('leader'));
    try {
      await time.reach(2);
      time.assertSettled(1, 'undisturbed');
      etcd.freeze();
      await time.reach(5);
      etcd.thaw();
      time.assertAtMost(2, bound('leader'), 'etcd freezes');
      for (const index of [3, 4]) time.assertSettled(index, 'without a leader each host takes its share');
      await time.reach(8);
      time.assertAtMost(5, bound('leader'), 'etcd is back');
      time.assertSettled(7, 'a leader again');
      time.assertMean();
    } finally {
      await load.stop();
      t.diagnostic(`admitted in each window: ${time.counts.join(', ')}`);
    }
  });
}
