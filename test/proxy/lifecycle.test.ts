import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { seededRandom } from '../../src/core/random.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { Gateway } from '../../src/proxy/gateway.ts';
import {
  exchange,
  parseResponse,
  RawClient,
  route,
  SERVER,
  snapshotOf,
  startGateway,
  startUpstream,
  until,
  values,
} from './helpers.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

describe('lifecycle', { concurrency: true }, () => {
  test('draining finishes what is under way, says Connection: close, and takes nothing new', async (t) => {
    const waiting: ServerResponse[] = [];
    const upstream = await startUpstream(t, (_req, res) => void waiting.push(res));
    const { port, gateway } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.send(GET);
    await until(() => waiting.length === 1, 'the request');
    assert.equal(gateway.inFlight, 1);
    const drained = gateway.drain(5_000);
    await assert.rejects(RawClient.open(t, port), { code: 'ECONNREFUSED' });
    waiting[0]?.end('bye');
    const response = parseResponse(await raw.closed());
    assert.equal(response.body, 'bye');
    assert.deepEqual(values(response.fields, 'connection'), ['close']);
    assert.equal(await drained, true);
    assert.equal(gateway.inFlight, 0);
  });

  test('an idle connection is not closed under a request that is already on its way', async (t) => {
    const upstream = await startUpstream(t, (_req, res) => res.end('ok'));
    const { port, gateway } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.send(GET);
    await raw.until((text) => text.endsWith('ok'));
    const drained = gateway.drain(8_000);
    await assert.rejects(RawClient.open(t, port), { code: 'ECONNREFUSED' });
    assert.equal(raw.ended, false);
    raw.text = '';
    raw.send(GET);
    const response = parseResponse(await raw.closed());
    assert.equal(response.body, 'ok');
    assert.deepEqual(values(response.fields, 'connection'), ['close']);
    assert.equal(await drained, true);
  });

  test('idle connections are closed after a short grace', async (t) => {
    const upstream = await startUpstream(t, (_req, res) => res.end('ok'));
    const { port, gateway } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.send(GET);
    await raw.until((text) => text.endsWith('ok'));
    assert.equal(await gateway.drain(400), true);
    await raw.closed();
  });

  test('what does not finish in time is cut off', async (t) => {
    const upstream = await startUpstream(t, () => {});
    const { port, gateway, event } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.send(GET);
    await until(() => gateway.inFlight === 1, 'the request');
    assert.equal(await gateway.drain(100), false);
    await raw.closed();
    assert.equal((await event(0)).fault, 'drained');
  });

  test('draining an idle gateway ends at once', async (t) => {
    const { gateway } = await startGateway(t, {});
    assert.equal(await gateway.drain(60_000), true);
  });

  test('a new snapshot serves from the next request on, and keeps the connections of servers that stay', async (t) => {
    const connections = { a: 0, b: 0 };
    const a = await startUpstream(t, (_req, res) => res.end('a'));
    const b = await startUpstream(t, (_req, res) => res.end('b'));
    a.server.on('connection', () => connections.a++);
    b.server.on('connection', () => connections.b++);
    const { port, gateway } = await startGateway(t, { servers: [a.origin] });
    assert.equal((await exchange(t, port, GET)).body, 'a');
    gateway.apply(snapshotOf({ servers: [a.origin], routes: [route({ name: 'renamed' })] }));
    assert.equal((await exchange(t, port, GET)).body, 'a');
    assert.equal(connections.a, 1, 'the connection was kept');
    gateway.apply(snapshotOf({ servers: [b.origin] }));
    assert.equal((await exchange(t, port, GET)).body, 'b');
    await until(() => a.sockets.size === 0, 'the connection to the removed server to close');
  });

  test('an exchange under way on a removed server finishes', async (t) => {
    const waiting: ServerResponse[] = [];
    const a = await startUpstream(t, (_req, res) => void waiting.push(res));
    const b = await startUpstream(t, (_req, res) => res.end('b'));
    const { port, gateway } = await startGateway(t, { servers: [a.origin] });
    const raw = await RawClient.open(t, port);
    raw.send(GET);
    await until(() => waiting.length === 1, 'the request');
    gateway.apply(snapshotOf({ servers: [b.origin] }));
    waiting[0]?.end('from a');
    await raw.until((text) => text.endsWith('from a'));
    await until(() => a.sockets.size === 0, 'the connection to close');
  });

  test('a snapshot that contradicts itself is refused, and the old one stays', async (t) => {
    const upstream = await startUpstream(t, (_req, res) => res.end('ok'));
    const { port, gateway } = await startGateway(t, { servers: [upstream.origin] });
    assert.throws(() => gateway.apply(snapshotOf({ routes: [route({ upstream: 'nowhere' })] })), {
      code: 'SLUICE_CONFIG_INVALID',
    });
    assert.throws(() => gateway.apply(snapshotOf({ trustedProxies: ['x'] })), { code: 'SLUICE_CONFIG_INVALID' });
    assert.equal((await exchange(t, port, GET)).body, 'ok');
  });
});

test('a port in use is one line that says so', async (t) => {
  const { port } = await startGateway(t, {});
  const second = new Gateway({
    clock: systemClock,
    random: seededRandom(1),
    telemetry: silentTelemetry,
    logger: silentLogger,
    server: SERVER,
    snapshot: snapshotOf({}),
  });
  await assert.rejects(second.listen({ host: '127.0.0.1', port }), (error: Error) => {
    assert.equal((error as Error & { code: string }).code, 'SLUICE_LISTEN');
    assert.match(error.message, new RegExp(`^cannot listen on 127\\.0\\.0\\.1:${port}: the port is in use`));
    assert.ok(!error.message.includes('\n'));
    return true;
  });
});
