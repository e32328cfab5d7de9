/** The cluster user of docs/redis-sizing.md can do everything that a gateway does there, also when keys move and masters die. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { hashSlot } from '../../src/redis/slot.ts';
import { checkOf, forever, gatewayOn, redisKey } from '../integration/redis-gateways.ts';
import { eventually } from '../support/eventually.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { readPage } from './markdown.ts';

const [rule = ''] = readPage('docs/redis-sizing.md')
  .blocks.map(({ text }) => text.trim())
  .filter((text) => text.startsWith('ACL SETUSER'));

const COUNTERS = Array.from({ length: 30 }, (_, i) => `k${i}`);

describe('the cluster user of docs/redis-sizing.md', { timeout: 60_000 }, () => {
  it('counts, follows keys that move and a failover, and is never told that it may not', async () => {
    await using cluster = await startRedisCluster({ empty: 1 });
    // The tests' gateways use another prefix.
    const words = rule.replace('~team-orders:*', '~team:*').split(' ');
    assert.ok(words.length > 20);
    for (const node of cluster.nodes) await node.cli(...words);
    const access = { username: 'team-orders', password: 's3cret', tls: undefined };
    await using gateway = await gatewayOn(cluster.addresses, { timeoutMs: 1_000, access });
    const policy = forever(1_000);
    const all = async (): Promise<boolean> => {
      const checks = COUNTERS.map(async (name) => gateway.strategy.check([checkOf(name, policy)]));
      return (await Promise.all(checks)).every(({ allowed }) => allowed);
    };
    await eventually('all are counted', all, { within: 20_000, every: 50 });
    const empty = cluster.nodes.at(-1);
    assert.ok(empty);
    await cluster.reshard([hashSlot(redisKey('k0'))], empty, () => all().catch(() => false));
    const master = await cluster.masterOf(redisKey('k1'));
    await master.kill9();
    await eventually('all are counted after the failover', all, { within: 20_000, every: 50 });
    for (const node of cluster.nodes) if (node !== master) assert.equal(await node.cli('ACL', 'LOG'), '');
    await assert.rejects(async () => {
      const other = await empty.cli('ACL', 'DRYRUN', 'team-orders', 'GET', 'other:c:x');
      if (other !== 'OK') throw new Error(other);
    }, /no permissions/);
  });
});
