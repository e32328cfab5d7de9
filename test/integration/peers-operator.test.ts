/** Sharing without a store as its operator meets it: finding hosts, mistakes, reloads, resets, goodbyes. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { startEtcd } from '../support/etcd.ts';
import { eventually } from '../support/eventually.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Upstream } from '../support/http.ts';
import { request, startUpstream } from '../support/http.ts';
import { metric } from '../support/metrics.ts';
import { startRedis } from '../support/redis.ts';
import type { PeerFleet, PeerFleetOptions, PeerHost } from './peers-fleet.ts';
import { peersOf, startPeerFleet, TOKEN } from './peers-fleet.ts';

const LIMIT = { rate: '4/1h', algorithm: 'fixed-window' };
const KEY = { 'x-api-key': 'k' };

const statusOf = async ({ gateway }: PeerHost, path = '/shared'): Promise<number> =>
  (await request({ port: gateway.port, path, headers: KEY })).status;

const admin = ({ gateway }: PeerHost, method: string, path: string) =>
  request({ port: gateway.adminPort, method, path, headers: { Authorization: `Bearer ${TOKEN}` } });

const remainingAt = async (host: PeerHost): Promise<number | undefined> => {
  const reply = (await admin(host, 'GET', '/v1/limits/shared/keys/k')).json() as { counters: { remaining: number }[] };
  return reply.counters[0]?.remaining;
};

/** The first two hosts. */
function pair({ hosts: [a, b] }: PeerFleet): readonly [PeerHost, PeerHost] {
  assert.ok(a && b);
  return [a, b];
}

describe('hosts that tell each other', { concurrency: false, timeout: 200_000 }, () => {
  let upstream: Upstream;
  before(async () => {
    upstream = await startUpstream();
  });
  after(() => upstream.close());

  const fleet = (more: Partial<PeerFleetOptions> = {}): Promise<PeerFleet> =>
    startPeerFleet({ sharing: 'mesh', limit: LIMIT, upstream: upstream.url, hosts: 2, ...more });

  /** What one host counts, the other knows. */
  async function sharesOneLimit(hosts: PeerFleet): Promise<void> {
    await hosts.together();
    const [a, b] = pair(hosts);
    assert.deepEqual([await statusOf(a), await statusOf(a), await statusOf(a)], [200, 200, 200]);
    await eventually('the other host knows', async () => (await remainingAt(b)) === 1);
    // What is left goes by demand at first, and all of it was on the other host.
    await eventually('the other host takes the last one', async () => (await statusOf(b)) === 200);
    await eventually('the first host knows of it', async () => (await remainingAt(a)) === 0);
    assert.deepEqual([await statusOf(b), await statusOf(a)], [429, 429]);
  }

  it('find each other in Redis, and are taken out when they leave', async () => {
    await using redis = await startRedis();
    await using hosts = await fleet({
      peers: { discovery: { registry: 'redis' } },
      more: { redis: { url: redis.url, keyPrefix: 'shop' } },
    });
    await sharesOneLimit(hosts);
    const [a, b] = pair(hosts);
    assert.equal((await redis.cli('ZCARD', 'shop:{fleet}:peers')).trim(), '2');
    assert.equal(await b.gateway.stop(), 0);
    assert.equal((await redis.cli('ZRANGE', 'shop:{fleet}:peers', '0', '-1')).trim(), a.peerAddress);
    const { peers, visibleShare } = await peersOf(a);
    assert.deepEqual([peers[0]?.state, visibleShare], ['gone', 1]);
  });

  it('find each other in etcd', async () => {
    await using etcd = await startEtcd();
    await using hosts = await fleet({
      peers: { discovery: { registry: 'etcd' } },
      more: { etcd: { endpoints: [etcd.endpoint], prefix: 'shop' } },
    });
    await sharesOneLimit(hosts);
    assert.match(await etcd.ctl('get', '--prefix', '--keys-only', 'shop/hosts/'), /shop\/hosts\/127\.0\.0\.1:\d+/);
    // Nobody is elected where no limit asks for it.
    assert.equal(await etcd.ctl('get', '--prefix', '--keys-only', 'shop/leaders/'), '');
  });

  it('talk over TCP alone when told to', async () => {
    await using hosts = await fleet({ peers: { transport: 'tcp' } });
    await sharesOneLimit(hosts);
  });

  it('take a redeployed list of hosts', async () => {
    await using hosts = await fleet({ hosts: 3 });
    await hosts.together();
    const [a, b, c] = hosts.hosts;
    assert.ok(a && b && c);
    writeFileSync(hosts.list, readFileSync(hosts.list, 'utf8').replace(c.peerAddress, '# moved'));
    await c.gateway.kill9();
    await eventually(
      'it is gone for both',
      async () => {
        const reports = await Promise.all([a, b].map(peersOf));
        return reports.every(({ visibleShare, peers }) => {
          const moved = peers.find(({ address }) => address === c.peerAddress);
          return visibleShare === 1 && (moved === undefined || moved.state === 'gone');
        });
      },
      { within: 15_000 },
    );
  });

  it('with another secret are strangers: refused, counted, alone', async () => {
    await using hosts = await fleet({ peersOf: (i) => ({ secret: `the secret of host ${i}` }) });
    const [a, b] = pair(hosts);
    await eventually('strangers are refused', () =>
      metric(a.gateway.adminUrl, /^sluice_peer_refusals_total\{reason="unauthenticated"\}/).then((n) => n > 0),
    );
    assert.deepEqual([await statusOf(a), await statusOf(b)], [200, 200]);
    assert.equal(await metric(a.gateway.adminUrl, /^sluice_peers\{state="alive"\}/), 0);
  });

  it('start sharing a limit when a reload says so', async () => {
    await using hosts = await fleet();
    await hosts.together();
    for (const host of hosts.hosts) {
      const file = host.gateway.configFile;
      assert.ok(file);
      writeFileSync(file, readFileSync(file, 'utf8').replace('"sharing": "local"', '"sharing": "gossip"'));
      const reply = await admin(host, 'POST', '/v1/reload');
      assert.deepEqual(
        [reply.status, reply.json()],
        [200, { result: 'success', changes: ['limit alone: sharing local → gossip'] }],
      );
    }
    const [a, b] = pair(hosts);
    for (let i = 0; i < 4; i++) assert.equal(await statusOf(a, '/alone'), 200);
    await eventually('the other host refuses too', async () => (await statusOf(b, '/alone')) === 429);
  });

  it('forget a key together when it is reset on one of them', async () => {
    await using hosts = await fleet();
    await sharesOneLimit(hosts);
    const [a, b] = pair(hosts);
    const reply = await admin(b, 'DELETE', '/v1/limits/shared/keys/k');
    assert.deepEqual(reply.json(), { limit: 'shared', key: 'k', existed: true });
    await eventually('it has room again', async () => (await statusOf(b)) === 200);
    await eventually('the first host has heard of it', async () => (await remainingAt(a)) === 3);
    await eventually('and has room too', async () => (await statusOf(a)) === 200);
  });

  it('tell a port in use in one line', async () => {
    await using hosts = await fleet({ hosts: 1 });
    const [host] = hosts.hosts;
    const file = host?.gateway.configFile;
    assert.ok(file);
    const other = JSON.parse(readFileSync(file, 'utf8')) as object;
    await assert.rejects(
      startGateway({ config: { ...other, listen: '127.0.0.1:0', admin: { listen: '127.0.0.1:0' } } }),
      /ended \(code 2\)(?:.|\n)*cannot listen for peers on 127\.0\.0\.1:\d+: address in use/,
    );
  });
});
