/** Limits over everything HTTP can do, through the whole process. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Upstream } from '../support/http.ts';
import { Connection, formatRequest, request, startUpstream } from '../support/http.ts';
import { metric } from '../support/metrics.ts';

const QUOTA = 'https://iana.org/assignments/http-problem-types#quota-exceeded';

function config(upstream: Upstream, rate: string, more: object = {}): object {
  return {
    listen: '127.0.0.1:0',
    admin: { listen: '127.0.0.1:0' },
    upstreams: { app: { servers: [upstream.url] } },
    routes: [{ match: { path: '/*' }, upstream: 'app', limits: ['l'] }],
    limits: { l: { key: 'header:x-api-key|ip', rate, algorithm: 'fixed-window' } },
    ...more,
  };
}

describe('limits over HTTP', { concurrency: 3 }, () => {
  it('pipelined requests on one connection are decided one by one, and answered in order', async () => {
    await using upstream = await startUpstream((message, response) => {
      // The later, the sooner.
      setTimeout(() => response.end(message.url), 20 - Number(message.url?.slice(1)));
    });
    await using gateway = await startGateway({ config: config(upstream, '10/1h') });
    await using connection = await Connection.open(gateway.port);
    const paths = Array.from({ length: 15 }, (_, i) => `/${i}`);
    connection.write(Buffer.concat(paths.map((path) => formatRequest({ port: gateway.port, path }))));
    for (const [i, path] of paths.entries()) {
      const reply = await connection.readReply();
      assert.equal(reply.status, i < 10 ? 200 : 429);
      if (i < 10) assert.equal(reply.text(), path);
      assert.equal(reply.header('ratelimit')?.startsWith(`"l";r=${Math.max(0, 9 - i)};`), true);
    }
    assert.equal(connection.ended, false);
    assert.equal(upstream.requests, 10);
  });

  it('a refusal is 429 problem+json with Retry-After; to HEAD the same without a body', async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(upstream, '1/1h') });
    assert.equal((await request({ port: gateway.port, method: 'HEAD' })).status, 200);
    const refused = await request({ port: gateway.port });
    const head = await request({ port: gateway.port, method: 'HEAD' });
    for (const reply of [refused, head]) {
      assert.equal(reply.status, 429);
      assert.equal(reply.header('content-type'), 'application/problem+json');
      assert.match(reply.header('retry-after') ?? '', /^[1-9]\d*$/);
      assert.equal(reply.header('ratelimit-policy'), '"l";q=1;w=3600');
    }
    const body = refused.json() as { type: string; 'violated-policies': string[] };
    assert.deepEqual([body.type, body['violated-policies']], [QUOTA, ['l']]);
    assert.equal(head.body.length, 0);
    assert.equal(head.header('content-length'), String(refused.body.length));
  });

  it('a body announced with 100-continue is not asked for when the request is refused', async () => {
    await using upstream = await startUpstream(async (message, response) => {
      for await (const _ of message);
      response.end('got it');
    });
    await using gateway = await startGateway({ config: config(upstream, '1/1h') });
    const head = formatRequest({
      port: gateway.port,
      method: 'PUT',
      headers: { Expect: '100-continue', 'Content-Length': '5' },
    });
    await using connection = await Connection.open(gateway.port);
    connection.write(head);
    assert.equal((await connection.readHead()).status, 100);
    connection.write('hello');
    const admitted = await connection.readReply();
    assert.deepEqual([admitted.status, admitted.text()], [200, 'got it']);

    connection.write(head);
    const refused = await connection.readReply();
    assert.deepEqual([refused.status, refused.interim.length], [429, 0]);
    assert.equal(upstream.requests, 1);
  });

  it('a large upload is refused while it is still being sent, and the client gets to read why', async () => {
    await using upstream = await startUpstream(async (message, response) => {
      let size = 0;
      for await (const piece of message) size += (piece as Buffer).length;
      response.end(String(size));
    });
    await using gateway = await startGateway({ config: config(upstream, '1/1h') });
    const body = Buffer.alloc(8 * 1024 * 1024, 'x');
    const sent = await request({ port: gateway.port, method: 'POST', body });
    assert.deepEqual([sent.status, sent.text()], [200, String(body.length)]);
    const refused = await request({ port: gateway.port, method: 'POST', body });
    assert.deepEqual([refused.status, refused.complete], [429, true]);
    assert.equal((refused.json() as { type: string }).type, QUOTA);
    assert.equal(upstream.requests, 1);
  });

  it('a WebSocket counts as one request, holds its place while it is open, and is refused like any other', async () => {
    await using upstream = await startUpstream();
    const sockets = new WebSocketServer({ server: upstream.server });
    sockets.on('connection', (socket) => socket.on('message', (data) => socket.send(`echo ${String(data)}`)));
    await using gateway = await startGateway({
      config: config(upstream, '', { limits: { l: { key: 'ip', algorithm: 'concurrency', max: 2 } } }),
    });
    const open = async (): Promise<WebSocket> => {
      const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/chat`);
      await once(socket, 'open');
      return socket;
    };
    const first = await open();
    const second = await open();
    for (const socket of [first, second]) {
      const answered = once(socket, 'message');
      socket.send('hi');
      assert.equal(String((await answered)[0]), 'echo hi');
    }
    const refused = new WebSocket(`ws://127.0.0.1:${gateway.port}/chat`);
    const [, response] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage];
    assert.equal(response.statusCode, 429);
    response.socket.destroy();
    assert.equal((await request({ port: gateway.port })).status, 429);
    first.close();
    await eventually('its place is free', async () => (await request({ port: gateway.port })).status === 200);
    second.terminate();
    await eventually('nothing is in flight', async () => (await inFlight(gateway)) === 0);
  });

  it('other proxies ask /v1/check, and share the count with the gateway', async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(upstream, '2/1h') });
    const check = (): ReturnType<typeof request> =>
      request({
        port: gateway.adminPort,
        path: '/v1/check',
        headers: {
          'X-Forwarded-Method': 'GET',
          'X-Forwarded-Proto': 'https',
          'X-Forwarded-Host': 'example.com',
          'X-Forwarded-Uri': '/orders?page=2',
          'X-Forwarded-For': '192.0.2.9',
          'X-Api-Key': 'k',
        },
      });
    const allowed = await check();
    assert.deepEqual([allowed.status, allowed.header('ratelimit')?.slice(0, 7)], [200, '"l";r=1']);
    assert.equal((await request({ port: gateway.port, headers: { 'X-Api-Key': 'k' } })).status, 200);
    const refused = await check();
    assert.equal(refused.status, 429);
    assert.equal((refused.json() as { type: string }).type, QUOTA);
    assert.match(refused.header('retry-after') ?? '', /^\d+$/);
  });
});

const inFlight = (gateway: Gateway): Promise<number> => metric(gateway.adminUrl, /^sluice_requests_in_flight /);

describe('what clients and operators see of every request', { concurrency: 2 }, () => {
  it('faults are problem+json, and every request is counted once, by its outcome', async () => {
    await using upstream = await startUpstream();
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    using _closed = { [Symbol.dispose]: () => void silent.close() };
    await once(silent, 'listening');
    const address = silent.address();
    assert.ok(address !== null && typeof address === 'object');
    const routes = ['app', 'gone', 'silent'].map((name) => ({
      name,
      match: { path: `/${name}/*` },
      upstream: name,
      limits: name === 'app' ? ['l', 'tried'] : [],
    }));
    await using gateway = await startGateway({
      config: config(upstream, '', {
        upstreams: {
          app: { servers: [upstream.url] },
          gone: { servers: [`http://127.0.0.1:${await freePort()}`], retries: 0 },
          silent: { servers: [`http://127.0.0.1:${address.port}`], timeout: '100ms', retries: 0 },
        },
        routes,
        limits: {
          l: { key: 'header:x-api-key', rate: '4/1h', algorithm: 'fixed-window' },
          tried: { key: 'header:x-api-key', rate: '3/1h', algorithm: 'fixed-window', mode: 'shadow' },
        },
      }),
    });
    const { port } = gateway;
    const headers = { 'x-api-key': 'k' };
    const statuses: number[] = [];
    for (let i = 0; i < 6; i++) statuses.push((await request({ port, path: '/app/x', headers })).status);
    assert.deepEqual(statuses, [200, 200, 200, 200, 429, 429]);
    const faults: readonly (readonly [path: string, status: number, code: string])[] = [
      ['/nowhere', 404, 'no_route'],
      ['/gone/x', 502, 'upstream_unreachable'],
      ['/silent/x', 504, 'upstream_timeout'],
      ['/app/%zz', 400, 'bad_path'],
    ];
    for (const [path, status, code] of faults) {
      const reply = await request({ port, path });
      assert.deepEqual([reply.status, reply.header('content-type')], [status, 'application/problem+json'], path);
      const body = reply.json() as { status: number; code: string };
      assert.deepEqual([body.status, body.code], [status, code]);
    }
    await using garbage = await Connection.open(port);
    garbage.write('GET / HTTP/1.1\r\nno colon\r\n\r\n');
    assert.equal((await garbage.readReply()).status, 400);

    await eventually('nothing is in flight', async () => (await inFlight(gateway)) === 0);
    const counted = (route: string, outcome: string): Promise<number> =>
      metric(gateway.adminUrl, new RegExp(`^sluice_requests_total\\{route="${route}",outcome="${outcome}"\\}`));
    assert.equal(await counted('app', 'allowed'), 3);
    assert.equal(await counted('app', 'shadow_denied'), 1);
    assert.equal(await counted('app', 'denied'), 2);
    assert.equal(await counted('gone', 'error'), 1);
    assert.equal(await counted('silent', 'error'), 1);
    assert.equal(await metric(gateway.adminUrl, /^sluice_requests_total\{/), 6 + faults.length + 1);
    assert.equal(await metric(gateway.adminUrl, /^sluice_request_duration_seconds_count/), 6 + faults.length + 1);
    assert.equal(await metric(gateway.adminUrl, /^sluice_upstream_duration_seconds_count\{upstream="app"/), 4);
    assert.equal(await metric(gateway.adminUrl, /^sluice_decisions_total\{limit="l",.*verdict="allowed"/), 4);
    assert.equal(await metric(gateway.adminUrl, /^sluice_decisions_total\{limit="l",.*verdict="denied"/), 2);
  });

  it('access lines tell what happened, and no secret and no key', async () => {
    await using upstream = await startUpstream();
    await using gateway = await startGateway({ config: config(upstream, '2/1h', { log: { level: 'debug' } }) });
    const { port, adminPort } = gateway;
    const secrets = {
      Authorization: 'Bearer s3cr3t-bearer',
      Cookie: 'session=s3cr3t-cookie',
      'X-Api-Key': 's3cr3t-key',
      'Proxy-Authorization': 'Basic s3cr3t-proxy',
    };
    for (let i = 0; i < 3; i++) await request({ port, path: '/orders?token=s3cr3t-query', headers: secrets });
    await request({ port: adminPort, path: '/v1/limits/l/keys/s3cr3t-key' });
    await request({ port: adminPort, method: 'DELETE', path: '/v1/limits/l/keys/s3cr3t-key' });
    await request({ port: adminPort, path: '/v1/nothing?token=s3cr3t-query', headers: secrets });
    assert.equal(await gateway.stop(), 0);
    const lines = gateway
      .stdout()
      .split('\n')
      .filter((line) => line.includes('"msg":"request"'))
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.deepEqual(
      lines.map(({ method, path, status, outcome, client, limits }) => [method, path, status, outcome, client, limits]),
      [
        ['GET', '/orders', 200, 'allowed', '127.0.0.1', undefined],
        ['GET', '/orders', 200, 'allowed', '127.0.0.1', undefined],
        ['GET', '/orders', 429, 'denied', '127.0.0.1', ['l']],
      ],
    );
    assert.doesNotMatch(gateway.stdout() + gateway.stderr(), /s3cr3t/);
  });
});
