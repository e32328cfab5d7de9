import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import { describe, test } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { UNLIMITED } from '../../src/limiter/outcome.ts';
import type { Echoed } from './helpers.ts';
import {
  DENIED,
  echo,
  exchange,
  limitSet,
  parseResponse,
  RawClient,
  startGateway,
  startRawUpstream,
  startUpstream,
  until,
  values,
} from './helpers.ts';

const UPGRADE = 'GET /chat HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n';
const SWITCHED = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\nX: 1\r\n\r\n';

/** A real WebSocket server that sends back what it gets. */
async function startWebSockets(t: TestContext): Promise<string> {
  const server = createServer();
  const sockets = new WebSocketServer({ server, maxPayload: 100_000_000 });
  sockets.on('connection', (socket, req) => {
    socket.send(`hello ${req.url} for ${req.headers['x-forwarded-for']}`);
    socket.on('message', (data, binary) => socket.send(data, { binary }));
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  t.after(() => {
    for (const socket of sockets.clients) socket.terminate();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function connect(port: number, path: string): Promise<{ socket: WebSocket; messages: Buffer[] }> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`);
    const messages: Buffer[] = [];
    socket.on('message', (data) => messages.push(data as Buffer));
    socket.on('open', () => resolve({ socket, messages }));
    socket.on('error', reject);
  });
}

describe('upgrades', { concurrency: true }, () => {
  test('WebSocket messages of all sizes go both ways, and the close arrives', async (t) => {
    const origin = await startWebSockets(t);
    const { port, event } = await startGateway(t, { servers: [origin] });
    const { socket, messages } = await connect(port, '/chat?x=1');
    await until(() => messages.length === 1, 'the greeting');
    assert.equal(String(messages[0]), 'hello /chat?x=1 for 127.0.0.1');
    const sizes = [1, 1_000, 200_000, 5_000_000];
    for (const size of sizes) socket.send(Buffer.alloc(size, size % 251));
    await until(() => messages.length === 1 + sizes.length, 'the echoes', 10_000);
    assert.deepEqual(
      messages.slice(1).map((message) => message.length),
      sizes,
    );
    socket.close(4_000, 'done');
    const { status, outcome, bytesIn, bytesOut, upstream } = await event(0);
    assert.deepEqual({ status, outcome, upstream }, { status: 101, outcome: 'allowed', upstream: 'main' });
    assert.ok(bytesIn > 5_201_001 && bytesOut > 5_201_001);
  });

  test('the decision comes before the upgrade', async (t) => {
    let asked = 0;
    const upstream = await startRawUpstream(t, () => asked++);
    const { port, event } = await startGateway(t, {
      servers: [upstream.origin],
      limits: limitSet(async () => DENIED),
    });
    const raw = await RawClient.open(t, port);
    raw.send(UPGRADE);
    const response = parseResponse(await raw.closed());
    assert.equal(response.status, 429);
    assert.deepEqual(values(response.fields, 'ratelimit'), ['"test";r=0;t=60']);
    assert.equal(asked, 0);
    assert.equal((await event(0)).outcome, 'denied');
  });

  test('another protocol is switched to as well, with our fields, and bytes sent early are kept', async (t) => {
    const heads: string[] = [];
    const upstream = await startRawUpstream(t, (socket) => {
      socket.once('data', (chunk) => {
        heads.push(chunk.toString());
        socket.write(`${SWITCHED}early from upstream;`);
        socket.on('data', (more) => socket.write(`echo ${more};`));
      });
    });
    const limits = limitSet(() => ({ ...UNLIMITED, headers: ['RateLimit', 'ours'] }));
    const { port } = await startGateway(t, { servers: [upstream.origin], limits });
    const raw = await RawClient.open(t, port);
    raw.send(`${UPGRADE}early from client`);
    const text = await raw.until((all) => all.includes('echo early from client;'));
    const response = parseResponse(text);
    assert.equal(response.status, 101);
    assert.deepEqual(values(response.fields, 'upgrade'), ['foo']);
    assert.deepEqual(values(response.fields, 'connection'), ['Upgrade']);
    assert.deepEqual(values(response.fields, 'ratelimit'), ['ours']);
    assert.deepEqual(values(response.fields, 'x'), ['1']);
    assert.match(response.body, /^early from upstream;/);
    assert.match(heads[0] ?? '', /\r\nUpgrade: foo\r\n/i);
    raw.socket.end();
    await until(() => upstream.sockets.size === 0, 'the upstream connection to close');
  });

  test('an upstream that closes the tunnel closes it for the client after its last byte', async (t) => {
    const last = 'x'.repeat(300_000);
    const upstream = await startRawUpstream(t, (socket) => socket.once('data', () => socket.end(SWITCHED + last)));
    const { port, event } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.send(UPGRADE);
    await raw.until((text) => text.endsWith('x') && text.length > 300_000);
    await raw.closed();
    assert.equal(parseResponse(raw.text).body, last);
    raw.socket.end();
    assert.equal((await event(0)).bytesOut, 300_000);
  });

  test('a client that vanishes closes the tunnel upstream', async (t) => {
    const upstream = await startRawUpstream(t, (socket) => socket.on('data', () => socket.write(SWITCHED)));
    const { port, event } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.send(UPGRADE);
    await raw.until((text) => text.includes('101'));
    raw.socket.resetAndDestroy();
    await until(() => upstream.sockets.size === 0, 'the upstream connection to close');
    assert.equal((await event(0)).status, 101);
  });

  test('an upstream that declines is heard, and the connection is closed after its answer', async (t) => {
    const upstream = await startUpstream(t, (req, res) => {
      res.statusCode = 403;
      res.end(`no ${req.url}`);
    });
    upstream.server.on('upgrade', (_req, socket) =>
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno'),
    );
    const { port, event } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.send(UPGRADE);
    const response = parseResponse(await raw.closed());
    assert.equal(response.status, 403);
    assert.equal(response.body, 'no');
    assert.equal((await event(0)).status, 403);
  });

  test('an upstream that is down is 502 for an upgrade too', async (t) => {
    const { port } = await startGateway(t, {});
    const raw = await RawClient.open(t, port);
    raw.send(UPGRADE);
    assert.equal(parseResponse(await raw.closed()).status, 502);
  });

  test('an upgrade to h2c, or with a body, is served as if it were not asked for', async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const h2c = await exchange(
      t,
      port,
      'GET /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n\r\n',
    );
    const plain = JSON.parse(h2c.body) as Echoed;
    assert.deepEqual(values(plain.rawHeaders, 'upgrade'), []);
    assert.deepEqual(values(plain.rawHeaders, 'http2-settings'), []);
    const posted = await exchange(
      t,
      port,
      'POST /a HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: foo\r\nContent-Length: 5\r\n\r\nhello',
    );
    assert.equal((JSON.parse(posted.body) as Echoed).body, 'hello');
  });

  test('a switch that nobody asked for is 502', async (t) => {
    const upstream = await startRawUpstream(t, (socket) => socket.on('data', () => socket.write(SWITCHED)));
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    assert.equal((await exchange(t, port, 'GET / HTTP/1.1\r\nHost: h\r\n\r\n')).status, 502);
  });

  test('a slow reader on one side of a tunnel holds the other back', async (t) => {
    let written = 0;
    const block = Buffer.alloc(65_536);
    const upstream = await startRawUpstream(t, (socket) =>
      socket.once('data', () => {
        socket.write(SWITCHED);
        const push = (): void => {
          do written += block.length;
          while (socket.write(block));
        };
        socket.on('drain', push);
        push();
      }),
    );
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.socket.pause();
    raw.send(UPGRADE);
    let last = -1;
    await until(
      () => {
        const still = written > 0 && written === last;
        last = written;
        return still;
      },
      'the upstream to be held back',
      10_000,
      () => new Promise((resolve) => setTimeout(resolve, 150)),
    );
    assert.ok(written < 40_000_000, `${written} bytes`);
  });

  test('a tunnel in which nothing moves is closed', async (t) => {
    const upstream = await startRawUpstream(t, (socket) => socket.on('data', () => socket.write(SWITCHED)));
    const { port, event } = await startGateway(t, {
      servers: [upstream.origin],
      server: { streamIdleTimeoutMs: 150 },
    });
    const raw = await RawClient.open(t, port);
    raw.send(UPGRADE);
    await raw.closed();
    assert.equal((await event(0)).fault, 'stream_idle');
  });
});
