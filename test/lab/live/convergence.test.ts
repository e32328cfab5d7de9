/** When hosts are seen to agree: asked over HTTP, as of real gateways. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, describe, it } from 'node:test';
import { findScenario } from '../../../src/commands/lab-scenario.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { convergence } from '../../../src/lab/live/convergence.ts';

const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close().closeAllConnections();
});

/** Answers as a gateway does, with these numbers one after the other, the last again and again. */
async function host(remaining: readonly number[]) {
  let asked = 0;
  const server = createServer((_, response) => {
    const value = remaining[Math.min(asked, remaining.length - 1)];
    asked += 1;
    response.end(JSON.stringify({ counters: [{ remaining: value }] }));
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { adminUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked };
}

async function watched(hosts: readonly { readonly adminUrl: string }[], fromMs: number) {
  const scenario = findScenario('few-a-minute');
  assert.ok('policy' in scenario);
  const all = hosts.map(({ adminUrl }) => ({ adminUrl, port: 0, peer: '', running: NOBODY }));
  const signal = new AbortController().signal;
  return convergence({ clock: systemClock, scenario, way: 'mesh', hosts: all, keys: ['k'], signal, fromMs });
}

const NOBODY = { name: '', said: () => '', ended: () => false, kill: async () => {}, stand: () => {} };

describe('time until real hosts agree', () => {
  it('asks until all say the same', async () => {
    const [steady, late] = [await host([5]), await host([50, 50, 5])];
    assert.notEqual(await watched([steady, late], systemClock.monotonic()), null);
    assert.equal(late.asked(), 3);
  });

  it('counts from the last request, and not from when somebody first looked', async () => {
    const hosts = [await host([5]), await host([5])];
    const seconds = await watched(hosts, systemClock.monotonic() - 250);
    assert.ok(seconds !== null && seconds >= 0.25, String(seconds));
  });
});
