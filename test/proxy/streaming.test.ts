import assert from 'node:assert/strict';
import { request as httpRequest } from 'node:http';
import { describe, test } from 'node:test';
import { exchange, RawClient, startGateway, startRawUpstream, startUpstream, until } from './helpers.ts';

const MIB = 1_048_576;
const BIG = 256 * MIB;

describe('streaming', () => {
  test('a body of 256 MiB passes in either direction in flat memory', async (t) => {
    const block = Buffer.alloc(MIB, 'x');
    const upstream = await startUpstream(t, (req, res) => {
      if (req.method === 'POST') {
        let size = 0;
        req.on('data', (chunk: Buffer) => {
          size += chunk.length;
        });
        req.on('end', () => res.end(String(size)));
        return;
      }
      let left = BIG / MIB;
      const push = (): void => {
        while (left > 0) {
          left--;
          if (!res.write(block)) {
            res.once('drain', push);
            return;
          }
        }
        res.end();
      };
      if (req.url === '/length') res.setHeader('content-length', BIG);
      push();
    });
    const { port, events } = await startGateway(t, { servers: [upstream.origin] });
    const before = process.memoryUsage.rss();
    let most = 0;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage.rss() - before);
    }, 20);
    t.after(() => clearInterval(watch));
    for (const path of ['/length', '/chunks']) assert.equal(await download(port, path), BIG);
    assert.equal(await upload(port, block, true), String(BIG));
    assert.equal(await upload(port, block, false), String(BIG));
    clearInterval(watch);
    // Client, gateway and upstream share this process; 128 MiB is far below one body, and beyond any buffering by them.
    assert.ok(most < 128 * MIB, `grew by ${Math.round(most / MIB)} MiB`);
    await until(() => events.length === 4, 'four events');
    assert.deepEqual(
      events.map((event) => Math.max(event.bytesIn, event.bytesOut)),
      [BIG, BIG, BIG, BIG],
    );
  });

  test('a client that does not read holds the upstream back', async (t) => {
    let written = 0;
    const block = Buffer.alloc(65_536);
    const upstream = await startUpstream(t, (_req, res) => {
      const push = (): void => {
        do written += block.length;
        while (res.write(block));
        res.once('drain', push);
      };
      push();
    });
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.socket.pause();
    raw.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
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
    // Kernel buffers of two connections and our own; without backpressure it would grow without end.
    assert.ok(written < 40 * MIB, `${written} bytes`);
    raw.socket.destroy();
  });

  test('an upstream that does not read holds the client back', async (t) => {
    const upstream = await startRawUpstream(t, (socket) => void socket.pause());
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.send('POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1000000000\r\n\r\n');
    const block = Buffer.alloc(65_536);
    let sent = 0;
    while (raw.socket.write(block)) sent += block.length;
    raw.socket.on('drain', () => {
      do sent += block.length;
      while (raw.socket.write(block));
    });
    let last = -1;
    await until(
      () => {
        const still = sent === last;
        last = sent;
        return still;
      },
      'the client to be held back',
      10_000,
      () => new Promise((resolve) => setTimeout(resolve, 150)),
    );
    assert.ok(sent < 40 * MIB, `${sent} bytes`);
  });

  test('the head and each piece reach the client when they arrive, not at the end', async (t) => {
    const steps: (() => void)[] = [];
    const upstream = await startUpstream(t, (_req, res) => {
      res.writeHead(200, { 'content-type': 'text/event-stream' });
      res.flushHeaders();
      steps.push(() => void res.write('data: 1\n\n'));
      steps.push(() => void res.write('data: 2\n\n'));
      steps.push(() => void res.end());
    });
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.send('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    await raw.until((text) => text.includes('text/event-stream'));
    steps.shift()?.();
    await raw.until((text) => text.includes('data: 1'));
    steps.shift()?.();
    await raw.until((text) => text.includes('data: 2'));
    steps.shift()?.();
    await raw.until((text) => text.endsWith('0\r\n\r\n'));
  });

  test('a client that goes away closes the upstream request at once', async (t) => {
    let asked = 0;
    let closed = 0;
    const upstream = await startUpstream(t, (req, res) => {
      asked++;
      res.on('close', () => closed++);
      if (req.url === '/streaming') res.write('x'.repeat(10_000));
    });
    const { port, events } = await startGateway(t, { servers: [upstream.origin] });
    for (const path of ['/waiting', '/streaming']) {
      const raw = await RawClient.open(t, port);
      raw.send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
      if (path === '/streaming') await raw.until((text) => text.includes('xxx'));
      else await until(() => asked === 1, 'the request');
      const before = closed;
      raw.socket.destroy();
      await until(() => closed === before + 1, 'the upstream request to close');
    }
    await until(() => events.length === 2, 'two events');
    assert.deepEqual(
      events.map(({ fault, status, outcome }) => [fault, status, outcome]),
      [
        ['client_aborted', 499, 'error'],
        ['client_aborted', 200, 'error'],
      ],
    );
  });

  test('a client that goes away in the middle of its body truncates the upstream request', async (t) => {
    let aborted = false;
    let received = 0;
    const upstream = await startUpstream(t, (req) => {
      req.on('data', (chunk: Buffer) => {
        received += chunk.length;
      });
      req.on('error', () => {
        aborted = true;
      });
    });
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    const raw = await RawClient.open(t, port);
    raw.send(`POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`);
    await until(() => received === 5, 'the first piece');
    raw.socket.destroy();
    await until(() => aborted, 'the upstream to see an aborted request');
  });

  test('bodies of every size and framing arrive as they were sent', async (t) => {
    const upstream = await startUpstream(t, (req, res) => {
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('end', () => {
        const body = Buffer.concat(chunks);
        if (req.url === '/length') res.setHeader('content-length', body.length);
        res.write(body.subarray(0, body.length >> 1));
        res.end(body.subarray(body.length >> 1));
      });
    });
    const { port } = await startGateway(t, { servers: [upstream.origin] });
    for (const size of [0, 1, 100, 8_191, 8_193, 16_384, 16_385, 70_000, 300_000]) {
      const body = Array.from({ length: size }, (_, i) => String.fromCharCode(33 + ((i * 7) % 90))).join('');
      const sized = `Content-Length: ${size}\r\n\r\n${body}`;
      const chunked = `Transfer-Encoding: chunked\r\n\r\n${size === 0 ? '' : `${size.toString(16)}\r\n${body}\r\n`}0\r\n\r\n`;
      for (const path of ['/length', '/chunks']) {
        for (const framed of [sized, chunked]) {
          const response = await exchange(t, port, `POST ${path} HTTP/1.1\r\nHost: h\r\n${framed}`);
          assert.equal(response.body, body, `${size} bytes, ${path}, ${framed.slice(0, 20)}`);
        }
      }
    }
  });
});

function download(port: number, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const req = httpRequest({ port, host: '127.0.0.1', path, agent: false }, (res) => {
      let size = 0;
      res.on('data', (chunk: Buffer) => {
        size += chunk.length;
      });
      res.on('end', () => resolve(size));
      res.on('error', reject);
    });
    req.on('error', reject);
    req.end();
  });
}

function upload(port: number, block: Buffer, sized: boolean): Promise<string> {
  return new Promise((resolve, reject) => {
    const headers = sized ? { 'content-length': BIG } : {};
    const req = httpRequest({ port, host: '127.0.0.1', method: 'POST', agent: false, headers }, (res) => {
      let text = '';
      res.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      res.on('end', () => resolve(text));
    });
    req.on('error', reject);
    let left = BIG / block.length;
    const push = (): void => {
      while (left > 0) {
        left--;
        if (!req.write(block)) {
          req.once('drain', push);
          return;
        }
      }
      req.end();
    };
    push();
  });
}
