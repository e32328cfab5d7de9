import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { RequestFacts } from '../../src/limiter/facts.ts';
import type { Outcome } from '../../src/limiter/outcome.ts';
import { UNLIMITED } from '../../src/limiter/outcome.ts';
import {
  answering,
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

const GET = 'GET / HTTP/1.1\r\nHost: h\r\n\r\n';

describe('decisions', { concurrency: true }, () => {
  test('a refused request gets the status, fields and body of the refusal and goes nowhere', async (t) => {
    let asked = 0;
    const upstream = await startUpstream(t, (_req, res) => {
      asked++;
      res.end();
    });
    const { port, event } = await startGateway(t, {
      servers: [upstream.origin],
      limits: limitSet(() => DENIED),
    });
    const response = await exchange(t, port, GET);
    assert.equal(response.status, 429);
    assert.equal(response.body, '{"title":"over the limit"}');
    assert.deepEqual(values(response.fields, 'content-type'), ['application/problem+json']);
    assert.deepEqual(values(response.fields, 'retry-after'), ['60']);
    assert.equal(asked, 0);
    const { outcome, status, violated, upstream: name, route } = await event(0);
    assert.deepEqual(
      { outcome, status, violated, name, route },
      { outcome: 'denied', status: 429, violated: ['test'], name: undefined, route: 'all' },
    );
  });

  test('fields of the limiter replace those of the upstream with the same name', async (t) => {
    const upstream = await startRawUpstream(
      t,
      answering('HTTP/1.1 200 OK\r\nratelimit: theirs\r\nRATELIMIT: again\r\nX: 1\r\nContent-Length: 0\r\n\r\n'),
    );
    const limits = limitSet(() => ({ ...UNLIMITED, headers: ['RateLimit', 'ours'] }));
    const { port } = await startGateway(t, { servers: [upstream.origin], limits });
    const { fields } = await exchange(t, port, GET);
    assert.deepEqual(values(fields, 'ratelimit'), ['ours']);
    assert.deepEqual(values(fields, 'x'), ['1']);
  });

  test('fields of the limiter are on faults of the upstream too', async (t) => {
    const limits = limitSet(() => ({ ...UNLIMITED, headers: ['RateLimit', 'ours'] }));
    const { port } = await startGateway(t, { limits });
    const response = await exchange(t, port, GET);
    assert.equal(response.status, 502);
    assert.deepEqual(values(response.fields, 'ratelimit'), ['ours']);
  });

  test('the limiter sees the request as it is', async (t) => {
    const upstream = await startUpstream(t, echo);
    let seen: RequestFacts | undefined;
    const limits = limitSet((facts) => {
      seen = facts;
      return UNLIMITED;
    });
    const { port } = await startGateway(t, {
      servers: [upstream.origin],
      limits,
      trustedProxies: ['127.0.0.1'],
    });
    await exchange(
      t,
      port,
      'PUT /a%2Fb/%7e?q=%31 HTTP/1.1\r\nHost: H.example:80\r\nX-Api-Key: k\r\nX-Forwarded-For: 9.9.9.9\r\nContent-Length: 0\r\n\r\n',
    );
    assert.ok(seen);
    const { method, path, host, route, clientIp } = seen;
    assert.deepEqual(
      { method, path, host, route, clientIp },
      { method: 'PUT', path: '/a/b/~', host: 'h.example', route: 'all', clientIp: '9.9.9.9' },
    );
    assert.equal(seen.header('x-api-key'), 'k');
    assert.equal(seen.query('q'), '1');
  });

  test('release is called exactly once, however the exchange ends', async (t) => {
    const upstream = await startUpstream(t, (req, res) => {
      if (req.url === '/die') req.socket.destroy();
      else if (req.url === '/half') {
        res.writeHead(200, { 'content-length': 100 });
        res.write('half', () => req.socket.destroy());
      } else if (req.url !== '/hang') res.end('ok');
    });
    const releases = new Map<string, number>();
    const limits = limitSet((facts) => {
      releases.set(facts.path, 0);
      const outcome = facts.path === '/denied' ? DENIED : UNLIMITED;
      return { ...outcome, release: () => void releases.set(facts.path, (releases.get(facts.path) ?? 0) + 1) };
    });
    const { port, gateway } = await startGateway(t, {
      servers: [upstream.origin],
      limits,
      upstream: { retries: 0 },
    });
    for (const path of ['/ok', '/denied', '/die']) await exchange(t, port, `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
    for (const path of ['/half', '/hang']) {
      const raw = await RawClient.open(t, port);
      raw.send(`GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`);
      if (path === '/half') await raw.closed();
      else {
        await until(() => releases.has('/hang'), 'the decision');
        raw.socket.destroy();
      }
    }
    await until(() => gateway.inFlight === 0, 'all to end');
    assert.deepEqual(Object.fromEntries(releases), { '/ok': 1, '/denied': 1, '/die': 1, '/half': 1, '/hang': 1 });
  });

  test('a client that goes away while the decision is pending: the upstream is not asked, and what was held is released', async (t) => {
    let asked = 0;
    const upstream = await startUpstream(t, (_req, res) => {
      asked++;
      res.end();
    });
    let decide: ((outcome: Outcome) => void) | undefined;
    let released = 0;
    const limits = limitSet(
      () =>
        new Promise<Outcome>((resolve) => {
          decide = resolve;
        }),
    );
    const { port, event } = await startGateway(t, { servers: [upstream.origin], limits });
    const raw = await RawClient.open(t, port);
    raw.send(GET);
    await until(() => decide !== undefined, 'the decision to be asked for');
    raw.socket.destroy();
    const { outcome, fault, status } = await event(0);
    assert.deepEqual({ outcome, fault, status }, { outcome: 'error', fault: 'client_aborted', status: 499 });
    decide?.({ ...UNLIMITED, release: () => void released++ });
    await until(() => released === 1, 'the release');
    assert.equal(asked, 0);
  });

  test('what a limit in shadow mode would have refused is reported and forwarded', async (t) => {
    const upstream = await startUpstream(t, echo);
    const limits = limitSet(async () => ({ ...UNLIMITED, shadowViolated: ['test'] }));
    const { port, event } = await startGateway(t, { servers: [upstream.origin], limits });
    assert.equal((await exchange(t, port, GET)).status, 200);
    const { outcome, violated } = await event(0);
    assert.deepEqual({ outcome, violated }, { outcome: 'shadow_denied', violated: ['test'] });
  });

  test('a connection stays usable after a refusal, with a small body read to its end', async (t) => {
    const upstream = await startUpstream(t, echo);
    const limits = limitSet((facts) => (facts.path === '/no' ? DENIED : UNLIMITED));
    const { port } = await startGateway(t, { servers: [upstream.origin], limits });
    const raw = await RawClient.open(t, port);
    raw.send('POST /no HTTP/1.1\r\nHost: h\r\nContent-Length: 20000\r\n\r\n');
    await raw.until((text) => text.includes('over the limit'));
    raw.send(`${'x'.repeat(20_000)}GET /yes HTTP/1.1\r\nHost: h\r\n\r\n`);
    await raw.until((text) => text.includes('"/yes"'));
  });

  test('a refusal reaches a client that is busy sending a large body, and the connection is closed', async (t) => {
    const upstream = await startUpstream(t, echo);
    const { port } = await startGateway(t, {
      servers: [upstream.origin],
      limits: limitSet(() => DENIED),
    });
    for (const framing of ['Content-Length: 100000000', 'Transfer-Encoding: chunked']) {
      const raw = await RawClient.open(t, port);
      raw.send(`POST / HTTP/1.1\r\nHost: h\r\n${framing}\r\n\r\n`);
      const piece = framing.startsWith('C') ? 'x'.repeat(50_000) : `c350\r\n${'x'.repeat(50_000)}\r\n`;
      for (let i = 0; i < 4; i++) raw.send(piece);
      const response = parseResponse(await raw.until((text) => text.includes('over the limit')));
      assert.equal(response.status, 429);
      assert.deepEqual(values(response.fields, 'connection'), ['close']);
      for (let i = 0; i < 4; i++) raw.send(piece);
      await raw.closed();
    }
  });

  test('no route is 404, and counts as an error without a route', async (t) => {
    const { port, event } = await startGateway(t, { routes: [] });
    assert.equal((await exchange(t, port, GET)).status, 404);
    const { outcome, route, fault } = await event(0);
    assert.deepEqual({ outcome, route, fault }, { outcome: 'error', route: '', fault: 'no_route' });
  });
});
