import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OriginalRequest } from '../../src/admin/deps.ts';
import type { Outcome } from '../../src/limiter/outcome.ts';
import { UNLIMITED } from '../../src/limiter/outcome.ts';
import { problemOf, startAdmin } from './harness.ts';

/** As Traefik and Caddy send it: GET, the original in X-Forwarded-*, the client's own fields passed along. */
const TRAEFIK = {
  'X-Forwarded-Method': 'POST',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'api.example.com',
  'X-Forwarded-Uri': '/v1/orders?page=2',
  'X-Forwarded-For': '203.0.113.9, 192.0.2.7',
  'X-Api-Key': 'abc',
};

async function watched(outcome: Outcome = UNLIMITED) {
  const asked: OriginalRequest[] = [];
  const running = await startAdmin({
    check: async (original) => {
      asked.push(original);
      return outcome;
    },
  });
  return { asked, running };
}

describe('check, asked about a request', () => {
  it('by Traefik or Caddy', async () => {
    const { asked, running } = await watched();
    await using _ = running;
    const reply = await running.call({ path: '/v1/check', headers: TRAEFIK });
    assert.equal(reply.status, 200);
    assert.equal(reply.body.length, 0);
    const [original] = asked;
    assert.ok(original);
    const { headers, ...rest } = original;
    assert.deepEqual(rest, {
      method: 'POST',
      proto: 'https',
      host: 'api.example.com',
      uri: '/v1/orders?page=2',
      forwardedFor: '203.0.113.9, 192.0.2.7',
      peer: '127.0.0.1',
    });
    assert.equal(headers['x-api-key'], 'abc');
    assert.equal(headers.host, 'api.example.com');
  });

  it('by ingress-nginx', async () => {
    const { asked, running } = await watched();
    await using _ = running;
    const headers = {
      'X-Original-URL': 'https://api.example.com:8443/v1/orders?page=2',
      'X-Original-Method': 'DELETE',
      'X-Forwarded-For': '192.0.2.7',
      'X-Forwarded-Proto': '',
    };
    assert.equal((await running.call({ path: '/v1/check', headers })).status, 200);
    const { method, proto, host, uri } = asked[0] ?? {};
    assert.deepEqual(
      { method, proto, host, uri },
      { method: 'DELETE', proto: 'https', host: 'api.example.com:8443', uri: '/v1/orders?page=2' },
    );
  });

  it('with any method and any body of the original request', async () => {
    const { asked, running } = await watched();
    await using _ = running;
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND', 'HEAD']) {
      const body = ['HEAD', 'OPTIONS'].includes(method) ? {} : { body: '{"no": "json' };
      for (const type of ['application/json', 'text/weird', undefined]) {
        const headers: Record<string, string> = type === undefined ? TRAEFIK : { ...TRAEFIK, 'Content-Type': type };
        const reply = await running.call({ path: '/v1/check', method, headers, ...body });
        assert.equal(reply.status, 200, `${method} ${type}`);
      }
    }
    assert.equal(asked.length, 21);
  });

  it('in a page of another site’s name: what its browser tells of itself is the client’s business', async () => {
    const { running } = await watched();
    await using _ = running;
    const headers = { ...TRAEFIK, Origin: 'https://shop.example', 'Sec-Fetch-Site': 'cross-site' };
    assert.equal((await running.call({ path: '/v1/check', method: 'POST', headers })).status, 200);
  });
});

describe('check, answering', () => {
  it('lets pass with the limits’ fields', async () => {
    const { running } = await watched({ ...UNLIMITED, headers: ['RateLimit', '"per-client";r=9;t=60'] });
    await using _ = running;
    const reply = await running.call({ path: '/v1/check', headers: TRAEFIK });
    assert.equal(reply.status, 200);
    assert.equal(reply.header('ratelimit'), '"per-client";r=9;t=60');
  });

  for (const status of [429, 503, 400]) {
    it(`refuses with ${status}, with the limits’ fields and body`, async () => {
      const body = JSON.stringify({
        type: 'about:blank',
        title: 'No',
        status,
        detail: 'no',
        'violated-policies': ['a'],
      });
      const { running } = await watched({
        ...UNLIMITED,
        rejection: { status, body },
        headers: ['Retry-After', '3'],
        violated: ['a'],
      });
      await using _ = running;
      const reply = await running.call({ path: '/v1/check', headers: TRAEFIK });
      assert.equal(reply.status, status);
      assert.equal(reply.header('retry-after'), '3');
      assert.equal(reply.text(), body);
      assert.equal(reply.header('content-security-policy'), undefined, 'a proxy hands it to its client');
      problemOf(reply);
      const forNginx = await running.call({ path: '/v1/check?refusal=403', headers: TRAEFIK });
      assert.equal(forNginx.status, 403);
      assert.equal(forNginx.header('retry-after'), '3');
      assert.equal(forNginx.text(), body);
    });
  }

  it('ends what a concurrency limit holds, once', async () => {
    let released = 0;
    const { running } = await watched({ ...UNLIMITED, release: () => void released++ });
    await using _ = running;
    await running.call({ path: '/v1/check', headers: TRAEFIK });
    assert.equal(released, 1);
  });

  it('knows no other refusal', async () => {
    const { running, asked } = await watched();
    await using _ = running;
    const reply = await running.call({ path: '/v1/check?refusal=200', headers: TRAEFIK });
    assert.equal(reply.status, 400);
    problemOf(reply);
    assert.equal(asked.length, 0);
  });
});

describe('check, told too little or two things', () => {
  it('names the fields that are missing and the line that nginx needs for each', async () => {
    const { running, asked } = await watched();
    await using _ = running;
    for (const missing of ['X-Forwarded-Method', 'X-Forwarded-Host', 'X-Forwarded-Uri', 'X-Forwarded-For'] as const) {
      const { [missing]: _left, ...headers } = TRAEFIK;
      const reply = await running.call({ path: '/v1/check', headers });
      assert.equal(reply.status, 400);
      const { detail, hint } = problemOf(reply);
      assert.equal(detail, `the proxy must tell which request it asks about; missing: ${missing}`);
      assert.match(hint ?? '', new RegExp(`^nginx: proxy_set_header ${missing} \\$\\w+;$`));
    }
    assert.equal(asked.length, 0);
  });

  it('refuses what a client may have made up: two fields that disagree, or one that comes twice', async () => {
    const { running, asked } = await watched();
    await using _ = running;
    const made: Record<string, string>[] = [
      { 'X-Original-URI': '/unlimited' },
      { 'X-Original-Method': 'GET' },
      { 'X-Original-URL': 'https://other.example.com/v1/orders?page=2' },
      { 'X-Original-URL': 'https://api.example.com/unlimited' },
      { 'X-Original-URL': 'not a url' },
    ];
    for (const extra of made) {
      const reply = await running.call({ path: '/v1/check', headers: { ...TRAEFIK, ...extra } });
      assert.equal(reply.status, 400, JSON.stringify(extra));
      problemOf(reply);
    }
    const twice = [...Object.entries(TRAEFIK), ['X-Forwarded-Uri', '/unlimited'] as const];
    assert.equal((await running.call({ path: '/v1/check', headers: twice })).status, 400);
    assert.equal(asked.length, 0);
    const agreeing = {
      ...TRAEFIK,
      'X-Original-URI': '/v1/orders?page=2',
      'X-Original-URL': 'https://API.example.com:443/v1/orders?page=2',
    };
    assert.equal((await running.call({ path: '/v1/check', headers: agreeing })).status, 200);
    const comma = { ...TRAEFIK, 'X-Forwarded-Uri': '/v1/orders?ids=1,2' };
    assert.equal((await running.call({ path: '/v1/check', headers: comma })).status, 200);
  });
});
