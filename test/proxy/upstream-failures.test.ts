import assert from 'node:assert/strict';
import type { Socket } from 'node:net';
import { describe, test } from 'node:test';
import {
  answering,
  exchange,
  parseResponse,
  RawClient,
  startGateway,
  startRawUpstream,
  startUpstream,
  until,
  values,
} from './helpers.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';
const POST = 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi';
/** Nothing listens there: the discard port is privileged and unused. */
const DEAD = 'http://127.0.0.1:9';

describe('upstream failures', { concurrency: true }, () => {
  test('an upstream that is down is 502, as problem+json without internals', async (t) => {
    const { port, event } = await startGateway(t, { servers: [DEAD] });
    const response = await exchange(t, port, GET);
    assert.equal(response.status, 502);
    assert.deepEqual(values(response.fields, 'content-type'), ['application/problem+json']);
    assert.ok(!response.body.includes('127.0.0.1'));
    const { outcome, fault, upstream } = await event(0);
    assert.deepEqual(
      { outcome, fault, upstream },
      { outcome: 'error', fault: 'upstream_unreachable', upstream: 'main' },
    );
  });

  test('an upstream that is too slow is 504, and its connection is closed', async (t) => {
    const upstream = await startRawUpstream(t, (socket) => void socket.resume());
    const { port, event } = await startGateway(t, {
      servers: [upstream.origin],
      upstream: { timeoutMs: 100 },
    });
    const response = await exchange(t, port, GET);
    assert.equal(response.status, 504);
    assert.equal((await event(0)).fault, 'upstream_timeout');
    await until(() => upstream.sockets.size === 0, 'the upstream connection to close');
  });

  test('a slow upload does not count as a slow upstream', async (t) => {
    const upstream = await startUpstream(t, (req, res) => {
      req.resume();
      req.on('end', () => res.end('done'));
    });
    const { port } = await startGateway(t, {
      servers: [upstream.origin],
      upstream: { timeoutMs: 150 },
    });
    const raw = await RawClient.open(t, port);
    raw.send('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n');
    for (let i = 0; i < 6; i++) {
      raw.send('2\r\nab\r\n');
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    raw.send('0\r\n\r\n');
    assert.equal(parseResponse(await raw.until((text) => text.includes('done'))).status, 200);
  });

  for (const [name, answer] of [
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf'],
    ['in chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
  ] as const) {
    test(`an upstream that dies in the middle of a body ${name} truncates the message`, async (t) => {
      const upstream = await startRawUpstream(t, (socket) => socket.once('data', () => socket.write(answer)));
      const { port, event } = await startGateway(t, { servers: [upstream.origin] });
      const raw = await RawClient.open(t, port);
      raw.send(GET);
      await raw.until((text) => text.includes('half'));
      for (const socket of upstream.sockets) socket.destroy();
      const text = await raw.closed();
      assert.ok(!text.includes('\r\n0\r\n'), 'no clean end');
      const { outcome, fault, status } = await event(0);
      assert.deepEqual({ outcome, fault, status }, { outcome: 'error', fault: 'upstream_truncated', status: 200 });
    });
  }

  test('an HTTP/1.0 client, for whom the end of the connection is a clean end, gets a reset instead', async (t) => {
    const upstream = await startRawUpstream(t, (socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n')),
    );
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.send('GET / HTTP/1.0\r\n\r\n');
    await raw.until((text) => text.includes('half'));
    for (const socket of upstream.sockets) socket.destroy();
    await raw.closed();
    assert.equal(raw.failed, true);
    assert.equal(raw.ended, false);
  });

  test('a body that stalls is cut off after the body timeout', async (t) => {
    const upstream = await startRawUpstream(t, (socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf')),
    );
    const { port, event } = await startGateway(t, {
      servers: [upstream.origin],
      upstream: { bodyTimeoutMs: 100 },
    });
    const raw = await RawClient.open(t, port);
    raw.send(GET);
    await raw.closed();
    assert.equal((await event(0)).fault, 'upstream_truncated');
  });

  test('a request goes to another server when the first is down, whatever its method: it was never sent', async (t) => {
    const upstream = await startUpstream(t, (_req, res) => res.end('alive'));
    let retries = 0;
    const { port } = await startGateway(t, {
      servers: [DEAD, upstream.origin],
      telemetry: { upstreamRetry: () => void retries++ },
    });
    for (const request of [GET, GET, POST, POST]) assert.equal((await exchange(t, port, request)).body, 'alive');
    assert.equal(retries, 2);
  });

  test('a streamed body that nobody has read yet goes to another server too', async (t) => {
    const upstream = await startUpstream(t, (req, res) => {
      let size = 0;
      req.on('data', (chunk: Buffer) => {
        size += chunk.length;
      });
      req.on('end', () => res.end(String(size)));
    });
    const { port } = await startGateway(t, { servers: [DEAD, upstream.origin] });
    const big = `POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 100000\r\n\r\n${'x'.repeat(100_000)}`;
    for (let i = 0; i < 2; i++) assert.equal((await exchange(t, port, big)).body, '100000');
  });

  test('a GET whose connection is lost without an answer is sent again, a POST never', async (t) => {
    let seen = 0;
    const upstream = await startRawUpstream(t, (socket) =>
      socket.on('data', () => {
        seen++;
        socket.destroy();
      }),
    );
    const other = await startRawUpstream(t, (socket) =>
      socket.on('data', () => {
        seen++;
        socket.destroy();
      }),
    );
    const { port } = await startGateway(t, { servers: [upstream.origin, other.origin] });
    assert.equal((await exchange(t, port, POST)).status, 502);
    assert.equal(seen, 1, 'the POST was sent once');
    assert.equal((await exchange(t, port, GET)).status, 502);
    assert.ok(seen >= 3, 'the GET was sent twice');
  });

  test('the keep-alive race: a GET on a connection that was just closed is sent again, a POST is not', async (t) => {
    for (const [method, request, status] of [
      ['GET', GET, 200],
      ['POST', POST, 502],
    ] as const) {
      // Answers the first request of each connection, and closes on the second without an answer.
      const seen: string[] = [];
      const upstream = await startRawUpstream(t, (socket: Socket) => {
        let count = 0;
        socket.on('data', (chunk) => {
          seen.push(chunk.toString('latin1').split(' ')[0] ?? '');
          if (++count === 1) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok');
          else socket.destroy();
        });
      });
      const { port } = await startGateway(t, { servers: [upstream.origin], upstream: { retries: 0 } });
      assert.equal((await exchange(t, port, GET)).status, 200);
      assert.equal((await exchange(t, port, request)).status, status);
      assert.equal(seen.filter((each) => each === method).length, method === 'GET' ? 3 : 1);
    }
  });

  test('an answer that has begun is never asked for again', async (t) => {
    let seen = 0;
    const upstream = await startRawUpstream(t, (socket) =>
      socket.on('data', () => {
        seen++;
        socket.end('HTTP/1.1 200 OK\r\nContent-Le');
      }),
    );
    const { port } = await startGateway(t, {
      servers: [upstream.origin, DEAD],
      upstream: { retries: 3 },
    });
    for (let i = 0; i < 2; i++) assert.equal((await exchange(t, port, GET)).status, 502);
    assert.equal(seen, 2);
  });

  test('a server that keeps failing is ejected, tried again later, and taken back', async (t) => {
    const ejected: string[] = [];
    let healthy = false;
    let asked = 0;
    const flaky = await startRawUpstream(t, (socket) =>
      socket.on('data', () => {
        asked++;
        if (healthy) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nflaky');
        else socket.end('nonsense\r\n\r\n');
      }),
    );
    const steady = await startUpstream(t, (_req, res) => res.end('steady'));
    const { port } = await startGateway(t, {
      servers: [flaky.origin, steady.origin],
      upstream: { ejectAfter: 2, ejectForMs: 300, retries: 0 },
      telemetry: { upstreamEjected: (_upstream, server) => void ejected.push(server) },
    });
    for (let i = 0; i < 4; i++) await exchange(t, port, GET);
    assert.deepEqual(ejected, [flaky.origin]);
    assert.equal(asked, 2);
    for (let i = 0; i < 4; i++) assert.equal((await exchange(t, port, GET)).body, 'steady');
    assert.equal(asked, 2, 'not asked while ejected');
    healthy = true;
    await until(
      () => asked > 2,
      'a trial',
      3_000,
      async () => void (await exchange(t, port, GET)),
    );
    const bodies = new Set<string>();
    for (let i = 0; i < 4; i++) bodies.add((await exchange(t, port, GET)).body);
    assert.deepEqual([...bodies].sort(), ['flaky', 'steady']);
  });

  test('the last server is never ejected', async (t) => {
    let asked = 0;
    const upstream = await startRawUpstream(t, (socket) =>
      socket.on('data', () => {
        asked++;
        socket.end('nonsense\r\n\r\n');
      }),
    );
    const { port } = await startGateway(t, { servers: [upstream.origin], upstream: { ejectAfter: 1 } });
    for (let i = 0; i < 3; i++) assert.equal((await exchange(t, port, GET)).status, 502);
    assert.equal(asked, 3);
  });

  test('an upstream that answers before the request is complete is heard', async (t) => {
    const upstream = await startRawUpstream(t, (socket) =>
      socket.once('data', () =>
        socket.write('HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\nConnection: close\r\n\r\nbig'),
      ),
    );
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000\r\n\r\n${'x'.repeat(50_000)}`);
    const response = parseResponse(await raw.until((text) => text.endsWith('big')));
    assert.equal(response.status, 413);
    assert.deepEqual(values(response.fields, 'connection'), ['close']);
    await raw.closed();
  });

  test('extra bytes after a response do not become the answer to the next request', async (t) => {
    const upstream = await startRawUpstream(
      t,
      answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison'),
    );
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    for (let i = 0; i < 3; i++) assert.equal((await exchange(t, port, GET)).body, 'ok');
  });

  test('an answer to nothing on an idle connection is not taken for the next one', async (t) => {
    const upstream = await startRawUpstream(t, answering('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'));
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    await exchange(t, port, GET);
    for (const socket of upstream.sockets) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison');
    await until(() => upstream.sockets.size === 0, 'the connection to be dropped');
    assert.equal((await exchange(t, port, GET)).body, 'ok');
  });

  test('connections are kept and used again', async (t) => {
    const ports = new Set<number | undefined>();
    const upstream = await startUpstream(t, (req, res) => {
      ports.add(req.socket.remotePort);
      req.resume();
      res.end('ok');
    });
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    for (let i = 0; i < 5; i++) await exchange(t, port, i % 2 === 0 ? GET : POST);
    assert.equal(ports.size, 1);
  });

  test('no more connections than allowed are opened to a server', async (t) => {
    let open = 0;
    let most = 0;
    const upstream = await startUpstream(t, (_req, res) => {
      most = Math.max(most, ++open);
      setTimeout(() => {
        open--;
        res.end('ok');
      }, 20);
    });
    const { port } = await startGateway(t, {
      servers: [upstream.origin],
      upstream: { maxConnections: 2 },
    });
    const all = await Promise.all(Array.from({ length: 8 }, () => exchange(t, port, GET)));
    assert.ok(all.every((response) => response.status === 200));
    assert.equal(most, 2);
  });
});
