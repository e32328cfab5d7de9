/** Requests traced through a real gateway to a real collector: parentage, sampling, what goes on and what is told. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingHttpHeaders } from 'node:http';
import { after, before, describe, it } from 'node:test';
import { WebSocket, WebSocketServer } from 'ws';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Reply, RequestOptions, Upstream } from '../support/http.ts';
import { Connection, formatRequest, request, startUpstream } from '../support/http.ts';
import type { Collector, ReceivedSpan } from '../support/otlp-collector.ts';
import { startCollector } from '../support/otlp-collector.ts';
import type { Redis } from '../support/redis.ts';
import { startRedis } from '../support/redis.ts';

const CALLER = '00f067aa0ba902b7';

/** A trace that nobody else uses, as a caller sends it. */
let traces = 0;
function caller(flags: string): { readonly traceId: string; readonly parent: string } {
  traces += 1;
  const traceId = traces.toString(16).padStart(32, 'a');
  return { traceId, parent: `00-${traceId}-${CALLER}-${flags}` };
}

describe('tracing', { concurrency: 4 }, () => {
  let collector: Collector;
  let upstream: Upstream;
  let redis: Redis;
  let gateway: Gateway;
  let deadPort: number;
  /** What the service got, by the path. */
  const received = new Map<string, IncomingHttpHeaders>();

  before(async () => {
    collector = await startCollector();
    redis = await startRedis();
    deadPort = await freePort();
    upstream = await startUpstream((message, response) => {
      received.set(message.url ?? '', message.headers);
      if (message.url === '/fails') response.statusCode = 503;
      if (message.url !== '/plain/slow') response.end('ok');
    });
    const sockets = new WebSocketServer({ server: upstream.server });
    sockets.on('connection', (socket, message) => {
      received.set(message.url ?? '', message.headers);
      socket.on('message', (data) => socket.send(data));
    });
    const dead = `http://127.0.0.1:${deadPort}`;
    gateway = await startGateway({
      config: {
        listen: '127.0.0.1:0',
        admin: { listen: '127.0.0.1:0' },
        redis: { url: `redis://127.0.0.1:${redis.port}`, timeout: '2s' },
        tracing: {
          endpoint: collector.url,
          serviceName: 'edge',
          sample: 0,
          headers: { authorization: 'Bearer very secret' },
        },
        upstreams: {
          app: { servers: [upstream.url] },
          gone: { servers: [dead] },
          half: { servers: [dead, upstream.url], ejectAfter: 1_000_000 },
        },
        routes: [
          { name: 'orders', match: { path: '/v1/*' }, upstream: 'app', limits: ['shared', 'own', 'tried'] },
          { name: 'gone', match: { path: '/gone' }, upstream: 'gone' },
          { name: 'half', match: { path: '/half/*' }, upstream: 'half' },
          { name: 'plain', match: { path: '/plain/*' }, upstream: 'app' },
          { name: 'fails', match: { path: '/fails' }, upstream: 'app' },
        ],
        limits: {
          shared: { key: 'header:x-api-key', rate: '1000/1h', sharing: 'redis' },
          own: { key: 'header:x-api-key', rate: '2/1h', algorithm: 'fixed-window', sharing: 'local' },
          tried: { key: 'header:x-api-key', rate: '1/1h', algorithm: 'fixed-window', sharing: 'local', mode: 'shadow' },
        },
      },
    });
  });
  after(async () => {
    await gateway[Symbol.asyncDispose]();
    await Promise.all([collector, upstream, redis].map((one) => one[Symbol.asyncDispose]()));
  });

  const spansOf = (traceId: string): readonly ReceivedSpan[] => collector.spans.filter((s) => s.traceId === traceId);
  const ask = (path: string, parent: string, more: Partial<RequestOptions> = {}): Promise<Reply> =>
    request({ port: gateway.port, path, ...more, headers: { traceparent: parent, ...more.headers } });
  /** The spans of a trace by their names, once there are so many. */
  const traced = async (traceId: string, count: number): Promise<readonly ReceivedSpan[]> => {
    await eventually(`${count} spans`, () => spansOf(traceId).length >= count, { within: 10_000 });
    const spans = spansOf(traceId);
    assert.equal(spans.length, count, JSON.stringify(spans.map(({ name }) => name)));
    return spans;
  };
  const one = (spans: readonly ReceivedSpan[], name: string, kind?: string): ReceivedSpan => {
    const found = spans.filter((span) => span.name === name && (kind === undefined || span.kind === kind));
    assert.equal(found.length, 1, `${found.length} spans are called ${name}`);
    return found[0] as ReceivedSpan;
  };

  it('one server span for a request, below it the decision, the store and the call to the service', async () => {
    const { traceId, parent } = caller('01');
    const headers = { tracestate: 'rojo=1', 'x-api-key': 'hush-7', 'user-agent': 'hush-8' };
    const reply = await ask('/v1/orders?token=hush-9', parent, { headers });
    assert.equal(reply.status, 200);
    const spans = await traced(traceId, 4);
    const server = one(spans, 'GET /v1/*', 'server');
    const decision = one(spans, 'sluice.decide', 'internal');
    const store = one(spans, 'sluice.ask redis', 'client');
    const call = one(spans, 'GET', 'client');
    assert.deepEqual(
      [server, decision, store, call].map(({ parentId }) => parentId),
      [CALLER, server.spanId, decision.spanId, server.spanId],
    );
    assert.deepEqual(server.attributes, {
      'url.scheme': 'http',
      'url.path': '/v1/orders',
      'network.protocol.version': '1.1',
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'http.route': '/v1/*',
      'server.address': '127.0.0.1',
      'server.port': gateway.port,
      'sluice.outcome': 'allowed',
      'sluice.route': 'orders',
      'sluice.upstream': 'app',
    });
    assert.deepEqual(decision.attributes, {
      'sluice.verdict': 'allowed',
      'sluice.limits': ['shared', 'own', 'tried'],
      'sluice.sharings': ['redis', 'local', 'local'],
      'sluice.verdicts': ['allowed', 'allowed', 'allowed'],
    });
    assert.deepEqual(store.attributes, { 'sluice.sharing': 'redis', 'db.system.name': 'redis' });
    assert.deepEqual(call.attributes, {
      'url.full': `${upstream.url}/v1/orders`,
      'http.request.method': 'GET',
      'http.response.status_code': 200,
      'server.address': '127.0.0.1',
      'server.port': upstream.port,
      'sluice.upstream': 'app',
    });
    for (const span of spans) {
      assert.ok(span.start <= span.end && !span.failed && span.state === 'rojo=1');
      assert.ok(span.start >= server.start && span.end <= server.end, `${span.name} is outside of its request`);
    }
    assert.equal(server.resource['service.name'], 'edge');
    assert.doesNotMatch(JSON.stringify(collector.spans), /hush/);
    const got = received.get('/v1/orders?token=hush-9');
    assert.equal(got?.['traceparent'], `00-${traceId}-${call.spanId}-01`);
    assert.equal(got?.['tracestate'], 'rojo=1');
    assert.equal(collector.fields()['authorization'], 'Bearer very secret');
    await eventually('the access line', () => gateway.stdout().includes(`"trace_id":"${traceId}"`));
  });

  it('a caller that records nothing: nothing is recorded, and its trace goes on unrecorded', async () => {
    const { traceId, parent } = caller('00');
    await ask('/plain/unsampled', parent, { headers: { tracestate: 'rojo=1' } });
    const got = String(received.get('/plain/unsampled')?.['traceparent']);
    assert.match(got, new RegExp(`^00-${traceId}-[0-9a-f]{16}-00$`));
    assert.ok(!got.includes(CALLER), 'the parent is the gateway');
    assert.equal(received.get('/plain/unsampled')?.['tracestate'], 'rojo=1');
    await eventually('the access line', () => gateway.stdout().includes(`"trace_id":"${traceId}"`));
    const next = caller('01');
    await ask('/plain/after', next.parent);
    await traced(next.traceId, 2);
    assert.deepEqual(spansOf(traceId), []);
  });

  it('without a caller’s trace the gateway decides: sample: 0 records none, and the service is told so', async () => {
    await request({ port: gateway.port, path: '/plain/alone', headers: { tracestate: 'a=1' } });
    assert.match(String(received.get('/plain/alone')?.['traceparent']), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
    assert.equal(received.get('/plain/alone')?.['tracestate'], undefined);
  });

  it('what is malformed starts a trace anew, and goes no further', async () => {
    const { traceId, parent } = caller('01');
    const malformed = [parent.toUpperCase(), `${parent}-00`, parent.replace(CALLER, '0'.repeat(16))];
    for (const [i, wrong] of malformed.entries()) {
      const path = `/plain/malformed-${i}`;
      await ask(path, wrong, { headers: { tracestate: 'a=1' } });
      const got = received.get(path);
      assert.match(String(got?.['traceparent']), /^00-[0-9a-f]{32}-[0-9a-f]{16}-00$/);
      assert.ok(!String(got?.['traceparent']).includes(traceId));
      assert.equal(got?.['tracestate'], undefined);
    }
    const path = '/plain/malformed-twice';
    await request({
      port: gateway.port,
      path,
      headers: [
        ['traceparent', parent],
        ['Traceparent', parent],
      ],
    });
    assert.ok(!String(received.get(path)?.['traceparent']).includes(traceId));
    await ask('/plain/bad-state', parent, { headers: { tracestate: 'no list' } });
    assert.ok(String(received.get('/plain/bad-state')?.['traceparent']).includes(traceId));
    assert.equal(received.get('/plain/bad-state')?.['tracestate'], undefined);
  });

  it('429: who refused, and no call to the service', async () => {
    const headers = { 'x-api-key': 'busy' };
    for (let i = 0; i < 2; i++) await request({ port: gateway.port, path: '/v1/busy', headers });
    const { traceId, parent } = caller('01');
    assert.equal((await ask('/v1/busy', parent, { headers })).status, 429);
    const spans = await traced(traceId, 2);
    const server = one(spans, 'GET /v1/*');
    const decision = one(spans, 'sluice.decide');
    assert.equal(server.attributes['http.response.status_code'], 429);
    assert.equal(server.attributes['sluice.outcome'], 'denied');
    assert.equal(server.failed, false, 'a refusal is no failure of the server');
    assert.deepEqual(decision.attributes, {
      'sluice.verdict': 'denied',
      'sluice.limits': ['own', 'tried'],
      'sluice.sharings': ['local', 'local'],
      'sluice.verdicts': ['denied', 'shadow_denied'],
    });
  });

  it('404: one span, without a route', async () => {
    const { traceId, parent } = caller('01');
    assert.equal((await ask('/nowhere', parent, { method: 'DELETE' })).status, 404);
    const [server] = await traced(traceId, 1);
    assert.equal(server?.name, 'DELETE');
    assert.equal(server?.attributes['sluice.fault'], 'no_route');
    assert.equal(server?.attributes['http.route'], undefined);
    assert.equal(server?.failed, false);
  });

  it('a method that is out of the ordinary names no span', async () => {
    const { traceId, parent } = caller('01');
    await ask('/plain/x', parent, { method: 'PURGE' });
    const spans = await traced(traceId, 2);
    const server = one(spans, 'HTTP /plain/*');
    assert.equal(server.attributes['http.request.method'], '_OTHER');
    assert.equal(server.attributes['http.request.method_original'], 'PURGE');
    one(spans, 'HTTP', 'client');
  });

  it('502: server and call have failed, and say why', async () => {
    const { traceId, parent } = caller('01');
    assert.equal((await ask('/gone', parent)).status, 502);
    const spans = await traced(traceId, 2);
    for (const span of spans) {
      assert.equal(span.failed, true);
      assert.equal(span.attributes['error.type'], 'upstream_unreachable');
    }
    assert.equal(one(spans, 'GET', 'client').attributes['http.response.status_code'], undefined);
  });

  it('a service’s own 503 is told as it is', async () => {
    const { traceId, parent } = caller('01');
    assert.equal((await ask('/fails', parent)).status, 503);
    const spans = await traced(traceId, 2);
    for (const span of spans) assert.deepEqual([span.failed, span.attributes['error.type']], [true, '503']);
  });

  it('each attempt is a call of its own, and the service gets the one that reached it', async () => {
    // The servers take turns: of two requests in a row at least one meets the dead one first.
    const both = [caller('01'), caller('01')];
    for (const { parent, traceId } of both) assert.equal((await ask(`/half/${traceId}`, parent)).status, 200);
    const calls = async (traceId: string): Promise<readonly ReceivedSpan[]> => {
      await eventually('the server span', () => spansOf(traceId).some(({ kind }) => kind === 'server'));
      return spansOf(traceId).filter(({ kind }) => kind === 'client');
    };
    const all = await Promise.all(both.map(async ({ traceId }) => ({ traceId, made: await calls(traceId) })));
    const retried = all.find(({ made }) => made.length === 2);
    assert.ok(retried !== undefined, 'no request met the dead server');
    const [first, second] = retried.made;
    assert.equal(first?.attributes['server.port'], deadPort);
    assert.equal(first?.attributes['error.type'], 'upstream_unreachable');
    assert.equal(first?.attributes['http.request.resend_count'], undefined);
    assert.equal(second?.attributes['http.request.resend_count'], 1);
    assert.equal(second?.failed, false);
    const got = received.get(`/half/${retried.traceId}`)?.['traceparent'];
    assert.equal(got, `00-${retried.traceId}-${second?.spanId}-01`);
  });

  it('a client that leaves: the call has ended for its sake, and nothing has failed', async () => {
    const { traceId, parent } = caller('01');
    const connection = await Connection.open(gateway.port);
    connection.write(formatRequest({ port: gateway.port, path: '/plain/slow', headers: { traceparent: parent } }));
    await eventually('the service is asked', () => received.has('/plain/slow'));
    connection.socket.destroy();
    const spans = await traced(traceId, 2);
    const server = one(spans, 'GET /plain/*');
    assert.equal(server.attributes['http.response.status_code'], 499);
    assert.equal(server.attributes['sluice.fault'], 'client_aborted');
    assert.equal(server.failed, false);
    assert.equal(one(spans, 'GET', 'client').attributes['error.type'], 'client_aborted');
  });

  it('a WebSocket is one request, which ends when it is closed', async () => {
    const { traceId, parent } = caller('01');
    const socket = new WebSocket(`ws://127.0.0.1:${gateway.port}/plain/socket`, { headers: { traceparent: parent } });
    await once(socket, 'open');
    socket.send('hello');
    await once(socket, 'message');
    assert.deepEqual(spansOf(traceId), []);
    socket.close();
    const spans = await traced(traceId, 2);
    const server = one(spans, 'GET /plain/*');
    const call = one(spans, 'GET', 'client');
    for (const span of spans) assert.equal(span.attributes['http.response.status_code'], 101);
    assert.equal(server.failed || call.failed, false);
    assert.equal(received.get('/plain/socket')?.['traceparent'], `00-${traceId}-${call.spanId}-01`);
  });
});
