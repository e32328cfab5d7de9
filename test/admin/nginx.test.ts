/** Forward auth asked by a real nginx, configured as the documentation says. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import type { OriginalRequest } from '../../src/admin/deps.ts';
import type { Outcome } from '../../src/limiter/outcome.ts';
import { end, hasEnded, spawnOwned } from '../support/child.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { request } from '../support/http.ts';
import { requireServer } from '../support/servers.ts';
import { startAdmin } from './harness.ts';

const REFUSAL = JSON.stringify({ type: 'about:blank', title: 'Too Many Requests', status: 429, detail: 'no' });

/** Admits `room` requests, refuses the rest. */
async function adminWithRoomFor(room: number, token?: string) {
  const asked: OriginalRequest[] = [];
  const running = await startAdmin({
    token,
    check: async (original): Promise<Outcome> => {
      asked.push(original);
      const left = room - asked.length;
      const headers = [
        'RateLimit-Policy',
        '"per-client";q=2;w=60',
        'RateLimit',
        `"per-client";r=${Math.max(0, left)};t=60`,
      ];
      const common = { violated: [], shadowViolated: [], release: undefined };
      if (left >= 0) return { ...common, rejection: undefined, headers };
      return { ...common, rejection: { status: 429, body: REFUSAL }, headers: [...headers, 'Retry-After', '60'] };
    },
  });
  return { asked, running };
}

/** nginx in front of a site that says hello, asking `locations` first. */
async function startNginx(locations: string) {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-nginx-'));
  mkdirSync(join(dir, 'temp'));
  const [port, site] = [await freePort(), await freePort()];
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((n) => `${n}_temp_path ${dir}/temp/${n};`);
  const config = join(dir, 'nginx.conf');
  writeFileSync(
    config,
    `daemon off; master_process off; pid ${dir}/pid; error_log ${dir}/error.log info;
     events { worker_connections 64; }
     http {
       access_log off; ${temp.join(' ')}
       server { listen 127.0.0.1:${site}; location / { return 200 "hello\\n"; } location /forbidden { return 403 "the site says no\\n"; } }
       server { listen 127.0.0.1:${port}; ${locations.replaceAll('SITE', `http://127.0.0.1:${site}`)} }
     }`,
  );
  const program = requireServer('nginx');
  const test = spawnSync(program, ['-t', '-p', dir, '-c', config, '-e', join(dir, 'error.log')], { encoding: 'utf8' });
  assert.equal(test.status, 0, test.stderr);
  const child = spawnOwned(program, ['-p', dir, '-c', config, '-e', join(dir, 'error.log')], { stdio: 'ignore' });
  await eventually('nginx answers', async () => {
    assert.ok(!hasEnded(child), readFileSync(join(dir, 'error.log'), 'utf8'));
    return (await request({ port: site })).status === 200;
  });
  return {
    port,
    log: () => readFileSync(join(dir, 'error.log'), 'utf8'),
    async [Symbol.asyncDispose]() {
      await end(child, 'SIGTERM');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** The subrequest, with everything that check must be told. */
const asking = (admin: number, query: string, extra = '') => `
  location = /_sluice {
    internal;
    proxy_pass http://127.0.0.1:${admin}/v1/check${query};
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
    proxy_set_header X-Forwarded-Method $request_method;
    proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host;
    proxy_set_header X-Forwarded-Uri $request_uri;
    proxy_set_header X-Forwarded-For $remote_addr;
    ${extra}
  }`;

/** The configuration to recommend: the refusal arrives as 403, which nginx knows, and leaves as 429. */
const RECOMMENDED = (admin: number, extra = '') => `
  location / {
    auth_request /_sluice;
    auth_request_set $ratelimit $upstream_http_ratelimit;
    auth_request_set $ratelimit_policy $upstream_http_ratelimit_policy;
    auth_request_set $retry_after $upstream_http_retry_after;
    add_header RateLimit $ratelimit always;
    add_header RateLimit-Policy $ratelimit_policy always;
    error_page 403 = @refused;
    proxy_pass SITE;
  }
  ${asking(admin, '?refusal=403', extra)}
  location @refused {
    add_header RateLimit $ratelimit always;
    add_header RateLimit-Policy $ratelimit_policy always;
    add_header Retry-After $retry_after always;
    default_type application/problem+json;
    return 429 '{"type":"https://iana.org/assignments/http-problem-types#quota-exceeded","status":429}';
  }`;

describe('nginx auth_request', () => {
  it('lets pass what check allows and refuses the rest with 429, with the limits’ fields', async () => {
    const { asked, running } = await adminWithRoomFor(2);
    await using _ = running;
    await using nginx = await startNginx(RECOMMENDED(running.port));
    const send = () =>
      request({
        port: nginx.port,
        method: 'POST',
        path: '/v1/orders?page=2',
        headers: { Host: 'api.example.com', 'X-Api-Key': 'abc', Origin: 'https://shop.example' },
        body: 'a body that stays with nginx',
      });
    const first = await send();
    assert.equal(first.status, 200);
    assert.equal(first.text(), 'hello\n');
    assert.equal(first.header('ratelimit'), '"per-client";r=1;t=60');
    assert.equal((await send()).status, 200);
    const refused = await send();
    assert.equal(refused.status, 429);
    assert.equal(refused.header('ratelimit'), '"per-client";r=0;t=60');
    assert.equal(refused.header('ratelimit-policy'), '"per-client";q=2;w=60');
    assert.equal(refused.header('retry-after'), '60');
    assert.match(refused.header('content-type') ?? '', /^application\/problem\+json/);
    const [original] = asked;
    assert.ok(original);
    const { method, proto, host, uri, forwardedFor, peer, headers } = original;
    assert.deepEqual(
      { method, proto, host, uri, forwardedFor, peer, key: headers['x-api-key'] },
      {
        method: 'POST',
        proto: 'http',
        host: 'api.example.com',
        uri: '/v1/orders?page=2',
        forwardedFor: '127.0.0.1',
        peer: '127.0.0.1',
        key: 'abc',
      },
    );
    assert.doesNotMatch(nginx.log(), /\[error\]/, 'a refusal is no error in nginx’s log');
  });

  it('leaves the site’s own 403 alone', async () => {
    const { running } = await adminWithRoomFor(9);
    await using _ = running;
    await using nginx = await startNginx(RECOMMENDED(running.port));
    const reply = await request({ port: nginx.port, path: '/forbidden' });
    assert.equal(reply.status, 403);
    assert.equal(reply.text(), 'the site says no\n');
  });

  it('shows the token in a field of its own, beside the client’s Authorization', async () => {
    const { asked, running } = await adminWithRoomFor(9, 'secret-token');
    await using _ = running;
    await using nginx = await startNginx(RECOMMENDED(running.port, 'proxy_set_header X-Sluice-Token secret-token;'));
    const headers = { Authorization: 'Bearer of-the-client' };
    assert.equal((await request({ port: nginx.port, headers })).status, 200);
    assert.equal(asked[0]?.headers.authorization, 'Bearer of-the-client');
  });

  it('cannot be talked into another request by fields that a client makes up', async () => {
    const { asked, running } = await adminWithRoomFor(9);
    await using _ = running;
    await using nginx = await startNginx(RECOMMENDED(running.port));
    const spoofed = {
      'X-Forwarded-Uri': '/unlimited',
      'X-Forwarded-Method': 'OPTIONS',
      'X-Forwarded-For': '10.0.0.1',
      'X-Forwarded-Host': 'internal',
    };
    assert.equal(
      (await request({ port: nginx.port, path: '/v1', headers: { Host: 'a.example', ...spoofed } })).status,
      200,
    );
    const { method, host, uri, forwardedFor } = asked[0] ?? {};
    assert.deepEqual([method, host, uri, forwardedFor], ['GET', 'a.example', '/v1', '127.0.0.1']);
    const extra = await request({ port: nginx.port, path: '/v1', headers: { 'X-Original-URI': '/unlimited' } });
    assert.equal(extra.status, 500, 'refused; nginx calls anything but 2xx, 401 and 403 an error');
    assert.equal(asked.length, 1);
  });

  it('as its manual configures it, without the client’s address and method, is told what is missing', async () => {
    const { running } = await adminWithRoomFor(9);
    await using _ = running;
    await using nginx = await startNginx(`
      location / { auth_request /auth; proxy_pass SITE; }
      location = /auth {
        proxy_pass http://127.0.0.1:${running.port}/v1/check;
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header X-Original-URI $request_uri;
      }`);
    assert.equal((await request({ port: nginx.port })).status, 500);
    assert.match(nginx.log(), /auth request unexpected status: 400/);
  });

  it('with plain 429 can tell refusals by the status, at the price of an error line each', async () => {
    const { running } = await adminWithRoomFor(1);
    await using _ = running;
    await using nginx = await startNginx(`
      location / {
        auth_request /_sluice;
        auth_request_set $sluice_status $upstream_status;
        error_page 500 = @unexpected;
        proxy_pass SITE;
      }
      ${asking(running.port, '')}
      location @unexpected { if ($sluice_status = 429) { return 429; } return 500; }`);
    assert.equal((await request({ port: nginx.port })).status, 200);
    assert.equal((await request({ port: nginx.port })).status, 429);
    assert.match(nginx.log(), /\[error\].*auth request unexpected status: 429/);
  });
});
