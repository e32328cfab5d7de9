import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  echo,
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

describe('bounds', { concurrency: true }, () => {
  test('header fields that are too large or too many are 431', async (t) => {
    const { port, events } = await startGateway(t, {
      server: { maxHeaderBytes: 4_096, maxHeaderCount: 20 },
    });
    const large = await exchange(t, port, `GET / HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(5_000)}\r\n\r\n`);
    assert.equal(large.status, 431);
    const many = await exchange(t, port, `GET / HTTP/1.1\r\nHost: h\r\n${'X: 1\r\n'.repeat(20)}\r\n`);
    assert.equal(many.status, 431);
    assert.deepEqual(values(many.fields, 'content-type'), ['application/problem+json']);
    await until(() => events.length === 2, 'two events');
  });

  test('a declared body over the bound is 413 before anything is asked', async (t) => {
    const { port } = await startGateway(t, { server: { maxBodyBytes: 1_000 } });
    const response = await exchange(t, port, 'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1001\r\n\r\n');
    assert.equal(response.status, 413);
  });

  test('a chunked body that grows over the bound is 413, and the upstream request is broken off', async (t) => {
    let ended = false;
    let closed = false;
    let received = 0;
    const upstream = await startUpstream(t, (req) => {
      req.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      req.on('end', () => {
        ended = true;
      });
      req.on('close', () => {
        closed = true;
      });
      req.on('error', () => {});
    });
    const { port, event } = await startGateway(t, {
      servers: [upstream.origin],
      server: { maxBodyBytes: 1_000 },
    });
    const raw = await RawClient.open(t, port);
    raw.send('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n');
    raw.send(`1f4\r\n${'x'.repeat(500)}\r\n`);
    await until(() => received === 500, 'the first piece');
    raw.send(`1f5\r\n${'x'.repeat(501)}\r\n`);
    const response = parseResponse(await raw.until((text) => text.endsWith('}')));
    assert.equal(response.status, 413);
    assert.equal((await event(0)).fault, 'body_too_large');
    await until(() => closed, 'the upstream request to close');
    assert.equal(ended, false);
  });

  test('a head that does not arrive in time is 408', async (t) => {
    const { port, event } = await startGateway(t, { server: { headersTimeoutMs: 100 } });
    const raw = await RawClient.open(t, port);
    raw.send('GET / HTTP/1.1\r\nHost:');
    assert.equal(parseResponse(await raw.closed()).status, 408);
    assert.equal((await event(0)).fault, 'request_timeout');
  });

  test('a connection that says nothing is closed in silence', async (t) => {
    const { port, events } = await startGateway(t, { server: { headersTimeoutMs: 100 } });
    const raw = await RawClient.open(t, port);
    assert.equal(await raw.closed(), '');
    assert.equal(events.length, 0);
  });

  test('a body that does not arrive in time is 408', async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port, event } = await startGateway(t, {
      servers: [upstream.origin],
      server: { headersTimeoutMs: 100, requestTimeoutMs: 200 },
    });
    const raw = await RawClient.open(t, port);
    raw.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhalf');
    assert.equal(parseResponse(await raw.closed()).status, 408);
    assert.equal((await event(0)).fault, 'request_timeout');
  });

  test('an idle connection is closed after the keep-alive timeout', async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port } = await startGateway(t, {
      servers: [upstream.origin],
      server: { keepAliveTimeoutMs: 50 },
    });
    const raw = await RawClient.open(t, port);
    raw.send(GET);
    await raw.closed();
  });

  test('an exchange in which nothing moves is cut off', async (t) => {
    const upstream = await startRawUpstream(t, (socket) =>
      socket.once('data', () => socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx')),
    );
    const { port, event } = await startGateway(t, {
      servers: [upstream.origin],
      server: { streamIdleTimeoutMs: 150 },
    });
    const raw = await RawClient.open(t, port);
    raw.send(GET);
    await raw.closed();
    assert.equal((await event(0)).fault, 'stream_idle');
  });

  test('a client that stops reading is cut off', async (t) => {
    const upstream = await startUpstream(t, (_req, res) => res.end(Buffer.alloc(40_000_000)));
    const { port, event } = await startGateway(t, {
      servers: [upstream.origin],
      server: { streamIdleTimeoutMs: 150 },
    });
    const raw = await RawClient.open(t, port);
    raw.socket.pause();
    raw.send(GET);
    assert.equal((await event(0)).fault, 'stream_idle');
  });

  test('connections over the bound are answered 503 and closed', async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port, gateway } = await startGateway(t, {
      servers: [upstream.origin],
      server: { maxConnections: 2 },
    });
    const first = await RawClient.open(t, port);
    const second = await RawClient.open(t, port);
    await until(() => gateway.connections === 2, 'two connections');
    const third = await RawClient.open(t, port);
    third.send(GET);
    const response = parseResponse(await third.closed());
    assert.equal(response.status, 503);
    assert.equal((JSON.parse(response.body) as { code: string }).code, 'too_many_connections');
    first.send(GET);
    await first.until((text) => text.includes('200 OK'));
    second.socket.destroy();
    await until(() => gateway.connections === 1, 'one connection');
    assert.equal((await exchange(t, port, GET)).status, 200);
  });

  test('a broken chunk in the middle of a body is 400, and what follows is not read', async (t) => {
    let received = 0;
    const upstream = await startUpstream(t, (req) => {
      req.on('error', () => {});
      req.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
    });
    const { port, event } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.send('POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n');
    await until(() => received === 5, 'the first piece');
    raw.send('zz\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n');
    const text = await raw.closed();
    assert.equal(parseResponse(text).status, 400);
    assert.equal(text.split('HTTP/1.1 ').length, 2);
    assert.equal((await event(0)).fault, 'malformed_request');
  });
});
