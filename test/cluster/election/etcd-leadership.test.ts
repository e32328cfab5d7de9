import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Etcd } from '../../support/etcd.ts';
import { startEtcd } from '../../support/etcd.ts';
import { eventually } from '../../support/eventually.ts';
import type { Host, HostOptions } from './hosts.ts';
import { agreed, startHost, TTL_MS, watchOver } from './hosts.ts';

/** How long after the end of a lease etcd may take to notice: it looks twice a second, and writes the end to its log. */
const ETCD_SLACK_MS = 2_000;

describe('elections in etcd', { timeout: 120_000 }, () => {
  let etcd: Etcd;
  let hosts: Host[] = [];
  const start = async (names: readonly string[], options: HostOptions = {}): Promise<Host[]> => {
    hosts.push(...(await Promise.all(names.map((name) => startHost(etcd, name, options)))));
    return hosts;
  };
  const leaderAmong = (group: readonly Host[], slot = 0): Host => {
    const host = group.find(({ leadership }) => leadership.leading(slot) !== undefined);
    assert.ok(host !== undefined, 'somebody leads');
    return host;
  };
  before(async () => {
    etcd = await startEtcd();
  });
  after(() => etcd.stop());
  beforeEach(() => {
    hosts = [];
  });
  afterEach(async () => {
    await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()));
  });

  it('one of four leads, all know it, and its term is the revision at which its key was created', async () => {
    await start(['a', 'b', 'c', 'd']);
    const [name] = await eventually('they agree', () => agreed(hosts));
    const read = JSON.parse(await etcd.ctl('get', 'sluice/leaders/0', '-w', 'json')) as {
      kvs: { create_revision: number }[];
    };
    const host = hosts.find((each) => each.name === name);
    assert.equal(host?.leadership.leading(0), read.kvs[0]?.create_revision);
    assert.equal(host?.leadership.leading(1), undefined, 'there is no such slot');
  });

  it('three slots are led by three of four hosts, and by a host alone when it is alone', async () => {
    await start(['a'], { slots: 3 });
    await eventually('one leads all', () => agreed(hosts, 3)?.join() === 'a,a,a');
    using witness = watchOver(hosts, 3);
    await start(['b', 'c', 'd'], { slots: 3 });
    const names = await eventually('they spread', () => {
      const leaders = agreed(hosts, 3);
      return leaders !== undefined && new Set(leaders).size === 3 ? leaders : undefined;
    });
    using all = watchOver(hosts, 3);
    await sleep(TTL_MS);
    assert.deepEqual(agreed(hosts, 3), names, 'and stay');
    witness.check();
    all.check();
  });

  it('a leader that resigns is followed at once, under a higher term', async () => {
    await start(['a', 'b', 'c', 'd']);
    await eventually('they agree', () => agreed(hosts));
    using witness = watchOver(hosts);
    const leader = leaderAmong(hosts);
    const others = hosts.filter((host) => host !== leader);
    const stopped = performance.now();
    await leader.leadership.stop();
    assert.equal(leader.leadership.leading(0), undefined);
    await eventually('another leads', () => agreed(others));
    assert.ok(performance.now() - stopped < TTL_MS / 2, 'without waiting for the lease');
    witness.check();
    assert.equal(witness.reigns(0).length, 2);
  });

  it('a leader cut off from etcd stops by its own clock before another is elected', async () => {
    await start(['a', 'b', 'c', 'd']);
    await eventually('they agree', () => agreed(hosts));
    using witness = watchOver(hosts);
    const leader = leaderAmong(hosts);
    const others = hosts.filter((host) => host !== leader);
    const cut = performance.now();
    leader.relay.cut();
    await eventually('another leads', () => agreed(others), { within: TTL_MS + ETCD_SLACK_MS });
    const taken = performance.now() - cut;
    assert.equal(leader.leadership.leading(0), undefined);
    assert.equal(leader.leadership.leaderOf(0), undefined, 'it knows no leader either');
    leader.relay.mend();
    await eventually('all agree again', () => agreed(hosts), { within: 5_000 });
    witness.check();
    assert.equal(witness.reigns(0).length, 2);
    assert.ok(taken >= TTL_MS / 2, 'the lease was waited for');
  });

  it('a connection that is reset costs nobody the lead', async () => {
    await start(['a', 'b', 'c', 'd']);
    await eventually('they agree', () => agreed(hosts));
    using witness = watchOver(hosts);
    const { length } = hosts.flatMap(({ leadership }) => leadership.leading(0) ?? []);
    for (let i = 0; i < 5; i++) {
      for (const { relay } of hosts) relay.reset();
      await sleep(TTL_MS / 5);
    }
    await eventually('they agree', () => agreed(hosts));
    witness.check();
    assert.deepEqual([length, witness.reigns(0).length], [1, 1]);
  });

  it('etcd frozen for longer than the lease: nobody leads before it ends, then one leads again', async () => {
    await start(['a', 'b', 'c', 'd'], { slots: 3 });
    await eventually('they agree', () => agreed(hosts, 3));
    using witness = watchOver(hosts, 3);
    const frozen = performance.now();
    etcd.freeze();
    const led = (): boolean => hosts.some(({ leadership }) => [0, 1, 2].some((slot) => leadership.leading(slot)));
    const known = (): boolean => hosts.some(({ leadership }) => [0, 1, 2].some((slot) => leadership.leaderOf(slot)));
    await eventually('nobody leads', () => !led(), { within: TTL_MS });
    assert.ok(performance.now() - frozen < TTL_MS, 'before a lease that was renewed just now could end');
    await eventually('nobody is known to lead', () => !known(), { within: TTL_MS });
    await sleep(TTL_MS);
    etcd.thaw();
    await eventually('they agree again', () => agreed(hosts, 3), { within: TTL_MS + ETCD_SLACK_MS });
    witness.check();
  });

  it('etcd killed and restarted with its data, compacted in between: the leaders stay the leaders', async () => {
    await start(['a', 'b', 'c', 'd']);
    await eventually('they agree', () => agreed(hosts));
    using witness = watchOver(hosts);
    await etcd.kill9();
    await eventually('nobody leads', () => hosts.every(({ leadership }) => leadership.leading(0) === undefined));
    await etcd.restart();
    for (let i = 0; i < 5; i++) await etcd.ctl('put', 'other', `${i}`);
    const { header } = JSON.parse(await etcd.ctl('get', 'other', '-w', 'json')) as { header: { revision: number } };
    await etcd.ctl('compact', `${header.revision}`);
    await eventually('they agree again', () => agreed(hosts), { within: 5_000 });
    witness.check();
    assert.equal(witness.reigns(0).length, 1);
  });

  it('etcd restarted without its data: an old leader is waited for, and terms go on rising', async () => {
    await start(['a', 'b', 'c', 'd']);
    for (let i = 0; i < 20; i++) await etcd.ctl('put', 'other', `${i}`);
    await eventually('they agree', () => agreed(hosts));
    using witness = watchOver(hosts);
    const old = leaderAmong(hosts);
    old.relay.cut();
    await etcd.restart({ empty: true });
    const others = hosts.filter((host) => host !== old);
    await eventually('another leads', () => agreed(others), { within: 2 * TTL_MS });
    old.relay.mend();
    await eventually('all agree', () => agreed(hosts));
    witness.check();
    assert.equal(witness.reigns(0).length, 2);
  });

  it('a leader who has never heard of higher terms is given one by those who have', async () => {
    await start(['a', 'b', 'c']);
    for (let i = 0; i < 20; i++) await etcd.ctl('put', 'other', `${i}`);
    await eventually('they agree', () => agreed(hosts));
    const first = leaderAmong(hosts);
    await first.leadership.stop();
    const others = hosts.filter((host) => host !== first);
    await eventually('another leads', () => agreed(others));
    const term = others[0]?.leadership.leaderOf(0)?.term ?? Number.POSITIVE_INFINITY;
    for (const { relay } of others) relay.cut();
    await eventually('nobody leads', () => others.every(({ leadership }) => leadership.leading(0) === undefined));
    await etcd.restart({ empty: true });
    const fresh = await startHost(etcd, 'fresh');
    hosts.push(fresh);
    await eventually('it leads', () => (fresh.leadership.leading(0) ?? term) < term);
    for (const { relay } of others) relay.mend();
    await eventually('all agree', () => agreed([...others, fresh])?.join() === 'fresh');
    assert.equal(fresh.leadership.leading(0), term + 1);
  });

  it('somebody deletes keys, or writes nonsense into them', async () => {
    await start(['a', 'b']);
    await eventually('they agree', () => agreed(hosts));
    const term = (): number => hosts[0]?.leadership.leaderOf(0)?.term ?? 0;
    const before = term();
    await etcd.ctl('del', 'sluice/', '--prefix');
    await eventually('one is elected anew', () => agreed(hosts) !== undefined && term() > before);
    await etcd.ctl('put', 'sluice/leaders/0', '{"address":');
    await etcd.ctl('put', 'sluice/candidates/x', 'null');
    await eventually('nobody leads', () => hosts.every(({ leadership }) => leadership.leaderOf(0) === undefined));
    await etcd.ctl('del', 'sluice/leaders/0');
    await eventually('one is elected anew', () => agreed(hosts));
  });
});
