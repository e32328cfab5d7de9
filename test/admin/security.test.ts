import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problemOf, startAdmin } from './harness.ts';

const TOKEN = 'correct-horse-battery';
const FORWARDED = {
  'x-forwarded-method': 'GET',
  'x-forwarded-host': 'api.example.com',
  'x-forwarded-uri': '/',
  'x-forwarded-for': '192.0.2.7',
};

describe('with a token', () => {
  it('healthz, readyz and metrics ask for none', async () => {
    await using running = await startAdmin({ token: TOKEN });
    for (const path of ['/healthz', '/readyz', '/metrics']) {
      assert.equal((await running.call({ path, headers: { host: 'any.example' } })).status, 200, path);
    }
  });

  it('everything else does, also what does not exist', async () => {
    await using running = await startAdmin({ token: TOKEN });
    const routes = [
      ['GET', '/'],
      ['GET', '/openapi.json'],
      ['GET', '/page/main.js'],
      ['GET', '/v1/events'],
      ['GET', '/v1/limits'],
      ['GET', '/v1/limits/per-client/keys/a'],
      ['DELETE', '/v1/limits/per-client/keys/a'],
      ['POST', '/v1/explain'],
      ['POST', '/v1/reload'],
      ['GET', '/nothing'],
      ['PUT', '/v1/limits'],
    ] as const;
    for (const [method, path] of routes) {
      for (const authorization of ['', TOKEN, 'Bearer', 'Bearer wrong', `Bearer ${TOKEN}x`, `Basic ${btoa('a:b')}`]) {
        const headers = authorization === '' ? undefined : { authorization };
        const reply = await running.call({ method, path, ...(headers && { headers }) });
        assert.equal(reply.status, 401, `${method} ${path} ${authorization}`);
        assert.match(reply.header('www-authenticate') ?? '', /^(Bearer|Basic) realm="sluice"/);
        assert.doesNotMatch(reply.text(), new RegExp(TOKEN));
        problemOf(reply);
      }
      // A stream does not end by itself; events.test.ts opens it.
      if (path === '/v1/events') continue;
      const reply = await running.call({ method, path, headers: { authorization: `bearer ${TOKEN}` } });
      assert.notEqual(reply.status, 401, `${method} ${path}`);
    }
  });

  it('a browser may give it as password, for the page and what it asks, never for a change', async () => {
    await using running = await startAdmin({ token: TOKEN });
    const headers = { authorization: `Basic ${btoa(`me:${TOKEN}`)}` };
    for (const path of ['/', '/page/main.js', '/v1/limits/per-client/keys/a']) {
      assert.equal((await running.call({ path, headers })).status, 200, path);
    }
    const body = JSON.stringify({ url: 'http://a.example/' });
    const json = { 'content-type': 'application/json' };
    const explain = { path: '/v1/explain', method: 'POST', body };
    assert.equal((await running.call({ ...explain, headers: { ...headers, ...json } })).status, 200);
    const elsewhere = { ...headers, ...json, origin: 'http://evil.example' };
    assert.equal((await running.call({ ...explain, headers: elsewhere })).status, 403);
    const key = '/v1/limits/per-client/keys/a';
    assert.equal((await running.call({ path: key, method: 'DELETE', headers })).status, 401);
    assert.equal((await running.call({ path: '/v1/reload', method: 'POST', headers })).status, 401);
  });

  it('a proxy shows it in a field of its own, and the client’s Authorization is none of it', async () => {
    const seen: unknown[] = [];
    await using running = await startAdmin({
      token: TOKEN,
      check: async ({ headers }) => {
        seen.push(headers.authorization, headers['x-sluice-token']);
        return { rejection: undefined, headers: [], violated: [], shadowViolated: [], release: undefined };
      },
    });
    const check = (headers: Record<string, string>) =>
      running.call({ path: '/v1/check', headers: { ...FORWARDED, ...headers } });
    assert.equal((await check({ authorization: `Bearer ${TOKEN}` })).status, 401);
    assert.equal((await check({ 'x-sluice-token': 'wrong' })).status, 401);
    assert.equal((await check({ 'x-sluice-token': TOKEN, authorization: 'Bearer of-the-client' })).status, 200);
    assert.deepEqual(seen, ['Bearer of-the-client', undefined]);
  });
});

describe('without a token', () => {
  it('a page that rebinds its name to this machine is refused, an address or localhost is not', async () => {
    await using running = await startAdmin();
    const status = async (host: string, path = '/v1/limits') => {
      const headers = { ...FORWARDED, host };
      return (await running.call({ path, headers })).status;
    };
    for (const host of ['evil.example', 'evil.example:9090', 'localhost.evil.example', '127.0.0.1.evil.example']) {
      assert.equal(await status(host), 403, host);
      assert.equal(await status(host, '/'), 403, host);
      assert.equal(await status(host, '/v1/check'), 403, host);
    }
    for (const host of [
      'localhost',
      'LOCALHOST:9090',
      'sluice.localhost:1',
      '127.0.0.1:9090',
      '[::1]:9090',
      '10.0.0.1',
    ]) {
      assert.equal(await status(host), 200, host);
    }
  });
});

describe('changes', () => {
  it('on behalf of another site’s page are refused, even to a browser that knows a token', async () => {
    await using running = await startAdmin({ token: TOKEN });
    const status = async (method: string, path: string, headers: Record<string, string>) =>
      (await running.call({ method, path, headers: { authorization: `Bearer ${TOKEN}`, ...headers } })).status;
    const own = `http://127.0.0.1:${running.port}`;
    for (const [method, path] of [
      ['POST', '/v1/reload'],
      ['DELETE', '/v1/limits/per-client/keys/a'],
    ] as const) {
      assert.equal(await status(method, path, { origin: 'http://evil.example' }), 403);
      assert.equal(await status(method, path, { origin: 'null' }), 403);
      assert.equal(await status(method, path, { 'sec-fetch-site': 'cross-site' }), 403);
      assert.equal(await status(method, path, { 'sec-fetch-site': 'same-site' }), 403);
      assert.equal(await status(method, path, { origin: own, 'sec-fetch-site': 'cross-site' }), 403);
      assert.equal(await status(method, path, { origin: own, 'sec-fetch-site': 'same-origin' }), 200);
      assert.equal(await status(method, path, {}), 200);
    }
  });

  it('cannot be sent by a form or without asking first: no answer allows another origin, explain takes JSON alone', async () => {
    await using running = await startAdmin();
    const preflight = await running.call({
      method: 'OPTIONS',
      path: '/v1/reload',
      headers: { host: 'localhost', 'access-control-request-method': 'POST' },
    });
    assert.equal(preflight.status, 405);
    assert.equal(preflight.header('access-control-allow-origin'), undefined);
  });
});
