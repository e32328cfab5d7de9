import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { describe, test } from 'node:test';
import type { Echoed } from '../helpers.ts';
import { echo, exchange, isWhole, parseResponse, RawClient, startGateway, startUpstream, until } from '../helpers.ts';

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

/** The bodies of all echoed responses in a text, in order. */
function echoes(text: string): Echoed[] {
  const out: Echoed[] = [];
  for (const part of text.split('HTTP/1.1 200 OK').slice(1))
    out.push(JSON.parse(parseResponse(`HTTP/1.1 200 OK${part}`).body) as Echoed);
  return out;
}

describe('a client connection', { concurrency: true }, () => {
  test('reads requests however their bytes are divided', async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const requests =
      `\r\n${GET}POST /b HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello\r\n\r\n` +
      'PUT /c HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\nhello\r\n0\r\nX-T: v\r\n\r\n' +
      'GET /d HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n';
    for (const size of [1, 2, 7, 64, 1_000]) {
      const raw = await RawClient.open(t, port);
      raw.socket.setNoDelay(true);
      for (let at = 0; at < requests.length; at += size) {
        raw.send(requests.slice(at, at + size));
        if (size < 7) await new Promise((resolve) => setImmediate(resolve));
      }
      const seen = echoes(await raw.closed());
      assert.deepEqual(
        seen.map(({ method, url, body }) => [method, url, body]),
        [
          ['GET', '/', ''],
          ['POST', '/b', 'hello'],
          ['PUT', '/c', 'hello'],
          ['GET', '/d', ''],
        ],
      );
    }
  });

  test('reads nothing behind a request that is its last, or whose end is not certain', async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port, events } = await startGateway(t, { servers: [upstream.origin] });
    const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n';
    for (const request of [
      'GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n',
      'GET / HTTP/1.0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\nContent-Length: 37\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding:\u000bchunked\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0\n\r\n\r\n',
      'POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n0x0\r\n\r\n',
      'GET / HTTP/1.1\r\nHost: h\n\r\n',
      'GET / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhi',
    ]) {
      const raw = await RawClient.open(t, port);
      raw.send(request + smuggled);
      const text = await raw.closed();
      assert.equal(
        text.replace('HTTP/1.1 100 Continue\r\n\r\n', '').split('HTTP/1.1 ').length,
        2,
        JSON.stringify(request),
      );
    }
    assert.ok(events.every(({ path }) => path !== '/smuggled'));
  });

  test('is refused at once when it speaks no HTTP', async (t) => {
    const { port, event } = await startGateway(t, {});
    const hello = await RawClient.open(t, port);
    hello.send('\u0016\u0003\u0001\u0002\u0000\u0001');
    assert.equal(parseResponse(await hello.closed()).status, 400);
    const bare = await RawClient.open(t, port);
    bare.send('GET / HTTP/1.1\nHost: h\n\n');
    assert.equal(parseResponse(await bare.closed()).status, 400);
    assert.equal((await event(1)).fault, 'malformed_request');
  });

  test('bounds the head, also one that never ends', async (t) => {
    const { port } = await startGateway(t, { server: { maxHeaderBytes: 1_000 } });
    for (const text of [
      `GET / HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(1_000)}\r\n\r\n`,
      `GET /${'x'.repeat(2_000)}`,
      '\r\n'.repeat(600),
    ]) {
      const raw = await RawClient.open(t, port);
      raw.send(text);
      assert.equal(parseResponse(await raw.closed()).status, 431);
    }
  });

  test('holds back a client that sends more requests than are answered', async (t) => {
    const waiting: ServerResponse[] = [];
    const upstream = await startUpstream(t, (_req, res) => void waiting.push(res));
    const { port, events } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    const one = `GET / HTTP/1.1\r\nHost: h\r\nX: ${'x'.repeat(8_000)}\r\n\r\n`;
    let flushed = false;
    raw.socket.write(one.repeat(4_000), 'latin1', () => {
      flushed = true;
    });
    await until(() => waiting.length === 1, 'the first request');
    assert.ok(raw.socket.writableLength > 1_000_000);
    waiting[0]?.end('x');
    await raw.until((text) => isWhole(text), 'the first answer');
    assert.equal(flushed, false);
    assert.ok(events.length <= 2);
  });

  test('that is given up in the middle of a request ends without an answer or an event', async (t) => {
    const { port, gateway, events } = await startGateway(t, {});
    for (const text of ['', 'GET / HTTP/1.1\r\nHo', '\r\n']) {
      const raw = await RawClient.open(t, port);
      raw.send(text);
      raw.socket.end();
      assert.equal(await raw.closed(), '');
    }
    await until(() => gateway.connections === 0, 'the connections to close');
    assert.equal(events.length, 0);
  });

  test('is kept for another request after a body that nobody wanted', async (t) => {
    const { port } = await startGateway(t, { routes: [] });
    const raw = await RawClient.open(t, port);
    raw.send(`POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nhello`);
    await raw.until((text) => text.includes('404'));
    raw.send(`world${GET}`);
    await raw.until((text) => text.split('HTTP/1.1 404').length === 3);
    const old = await exchange(t, port, 'GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n');
    assert.match(old.head, /Connection: keep-alive/);
  });
});
