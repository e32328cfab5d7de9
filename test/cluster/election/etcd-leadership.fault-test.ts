/** Faults drawn at random, one after the other and at once, for a while. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../../src/core/random.ts';
import { startEtcd } from '../../support/etcd.ts';
import { eventually } from '../../support/eventually.ts';
import type { Host } from './hosts.ts';
import { agreed, startHost, TTL_MS, watchOver } from './hosts.ts';

const NAMES = ['a', 'b', 'c', 'd'];
const sockets = (): number => readdirSync('/proc/self/fd').length;

describe('elections under faults', { timeout: 240_000 }, () => {
  it('two hosts never lead one slot at once, whatever happens to etcd and to the ways there', async () => {
    const seed = Number(process.env['SEED'] ?? Date.now() % 100_000);
    const random = seededRandom(seed);
    await using etcd = await startEtcd();
    const hosts: Host[] = await Promise.all(NAMES.map((name) => startHost(etcd, name, { slots: 3 })));
    try {
      await eventually('they agree', () => agreed(hosts, 3));
      using witness = watchOver(hosts, 3);
      const end = performance.now() + 60_000;
      while (performance.now() < end) {
        const host = hosts[random.below(hosts.length)];
        const long = random.below(2 * TTL_MS);
        const fault = random.below(6);
        if (fault === 0) {
          etcd.freeze();
          await sleep(long);
          etcd.thaw();
        } else if (fault === 1) {
          await etcd.kill9();
          await sleep(long / 2);
          await etcd.restart();
        } else if (fault === 2) {
          host?.relay.cut();
          await sleep(long);
        } else if (fault === 3) {
          host?.relay.mend();
        } else if (fault === 4) {
          host?.relay.reset();
        } else {
          await etcd.ctl('put', 'other', 'x');
          const { header } = JSON.parse(await etcd.ctl('get', 'other', '-w', 'json')) as {
            header: { revision: number };
          };
          await etcd.ctl('compact', `${header.revision}`).catch(() => {});
        }
        await sleep(random.below(500));
      }
      for (const { relay } of hosts) relay.mend();
      await eventually('they agree again', () => agreed(hosts, 3), { within: 10_000 });
      witness.check();
      const reigns = [0, 1, 2].map((slot) => witness.reigns(slot).length);
      process.stdout.write(`seed ${seed}: ${witness.looks} looks, leaders by slot: ${reigns.join(', ')}\n`);
      assert.ok(Math.max(...reigns) > 1, 'something happened');
    } catch (error) {
      throw new Error(`seed ${seed}`, { cause: error });
    } finally {
      await Promise.all(hosts.map((host) => host[Symbol.asyncDispose]()));
    }
  });

  it('an etcd frozen for a while costs few sockets, and none are left afterwards', async () => {
    await using etcd = await startEtcd();
    await using host = await startHost(etcd, 'a');
    await eventually('it leads', () => agreed([host]));
    const before = sockets();
    etcd.freeze();
    await sleep(45_000);
    // Each attempt to connect is one of this process and two of its relay.
    const most = sockets() - before;
    process.stdout.write(`${most} descriptors more while frozen\n`);
    assert.ok(most <= 12, `${most} more`);
    etcd.thaw();
    await eventually('it leads', () => agreed([host]), { within: 10_000 });
    await eventually('all are closed', () => sockets() <= before, { within: 20_000 });
  });
});
