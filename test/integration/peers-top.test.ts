/** `GET /v1/top?fleet=true` on real gateways that share through nothing but each other. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { runSluice } from '../support/gateway-process.ts';
import { request, startUpstream } from '../support/http.ts';
import { metric } from '../support/metrics.ts';
import type { PeerHost } from './peers-fleet.ts';
import { startPeerFleet, TOKEN } from './peers-fleet.ts';

interface Top {
  readonly asked: readonly object[];
  readonly refused: readonly { readonly key: string; readonly count: number }[];
  readonly fleet: { readonly instances: readonly { readonly id: string }[]; readonly missing: readonly string[] };
}

async function top({ gateway }: PeerHost, limit: string): Promise<Top> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const reply = await fetch(`${gateway.adminUrl}/v1/top?limit=${limit}&fleet=true`, { headers });
  assert.equal(reply.status, 200);
  return (await reply.json()) as Top;
}

describe('the busiest keys of hosts without a store', { timeout: 120_000 }, () => {
  it('are exact sums; who hangs is missing, who has ended is not; nothing travels unless somebody asks', async () => {
    await using upstream = await startUpstream();
    await using fleet = await startPeerFleet({
      sharing: 'mesh',
      limit: { rate: '10/1h', algorithm: 'fixed-window' },
      upstream: upstream.url,
      hosts: 3,
    });
    await fleet.together();
    const [first, second, third] = fleet.hosts;
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    for (const [i, { gateway }] of fleet.hosts.entries()) {
      for (let k = 0; k < 12 + i; k++) {
        await request({ port: gateway.port, path: '/alone', headers: { 'x-api-key': 'alice' } });
      }
    }
    const messages = /^sluice_peer_messages_total\{sharing="top"/;
    assert.equal(await metric(first.gateway.adminUrl, messages), 0);
    const whole = await top(first, 'alone');
    assert.deepEqual(whole.asked, [{ key: 'alice', count: 39, error: 0 }]);
    assert.deepEqual(whole.refused, [{ key: 'alice', count: 9, error: 0 }]);
    assert.deepEqual(
      whole.fleet.instances.map(({ id }) => id).sort(),
      fleet.hosts.map(({ peerAddress }) => peerAddress).sort(),
    );
    assert.deepEqual(whole.fleet.missing, []);
    assert.equal(await metric(first.gateway.adminUrl, messages), 4, 'two questions and two answers');

    const admin = new URL(second.gateway.adminUrl).host;
    const shown = await runSluice(['top', '--admin', admin, '--limit', 'alone', '--fleet', '--once'], {
      env: { SLUICE_ADMIN_TOKEN: TOKEN },
    });
    assert.match(shown.stdout, /alice +39\b|39\b.*alice/, shown.stdout + shown.stderr);

    third.gateway.signal('SIGSTOP');
    try {
      const without = await top(first, 'alone');
      assert.deepEqual(without.asked, [{ key: 'alice', count: 25, error: 0 }]);
      assert.deepEqual(without.fleet.missing, [third.peerAddress]);
    } finally {
      third.gateway.signal('SIGCONT');
    }
    await third.gateway.stop();
    await eventually('it is not missed', async () => (await top(first, 'alone')).fleet.missing.length === 0, {
      within: 20_000,
    });
  });
});
