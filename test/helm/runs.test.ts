/** What the chart renders, run for real on this machine: the Redis to try with, a gateway, its probes, `helm test`. */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { end, spawnOwned } from '../support/child.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { runSluice, startGateway } from '../support/gateway-process.ts';
import type { Upstream } from '../support/http.ts';
import { request, startUpstream } from '../support/http.ts';
import { requireServer } from '../support/servers.ts';
import type { Rendered } from './chart.ts';
import { at, config, configOf, container, list, render } from './chart.ts';

describe('a release with its own Redis', () => {
  let rendered: Rendered;
  let upstream: Upstream;
  let gateway: Gateway;
  let redis: ReturnType<typeof spawnOwned>;

  const secret = (key: string): string =>
    Buffer.from(String(at(rendered.one('Secret'), 'data', key)), 'base64').toString();
  const test = (name: string): readonly string[] => {
    const found = list(at(rendered.one('Pod'), 'spec', 'containers')).find((each) => at(each, 'name') === name);
    return list(at(found, 'args')).map(String);
  };

  before(async () => {
    upstream = await startUpstream((_request, response) => void response.end('hello'));
    const limits = { 'per-client': { key: 'ip', rate: '3/1h', onFailure: 'deny' } };
    const upstreams = { orders: { servers: [upstream.url] } };
    rendered = await render({ values: { redis: { enabled: true }, config: config({ limits, upstreams }) } });

    const port = await freePort();
    const pod = at(rendered.one('Deployment', '-redis'), 'spec', 'template', 'spec', 'containers', 0);
    const args = list(at(pod, 'args')).map((arg) => String(arg).replace('$(REDIS_PASSWORD)', secret('redis-password')));
    redis = spawnOwned(requireServer('redis-server'), [...args, '--port', String(port), '--bind', '127.0.0.1'], {
      cwd: '/',
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let said = '';
    redis.stdout?.on('data', (piece: Buffer) => {
      said += piece.toString();
    });
    await eventually('Redis is ready', () => said.includes('Ready to accept connections'), { within: 10_000 });

    const text = configOf(rendered)
      .replace('redis://rel-sluice-redis:6379', `redis://127.0.0.1:${port}`)
      .replace('0.0.0.0:8080', '127.0.0.1:0')
      .replace('0.0.0.0:9090', '0.0.0.0:0');
    const env = { SLUICE_ADMIN_TOKEN: secret('admin-token'), SLUICE_REDIS_PASSWORD: secret('redis-password') };
    gateway = await startGateway({ config: text, env });
  });
  after(async () => {
    await gateway?.stop();
    await end(redis, 'SIGTERM');
    await upstream?.[Symbol.asyncDispose]();
  });

  it('limits through that Redis', async () => {
    const statuses: number[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await request({ port: gateway.port })).status);
    assert.deepEqual(statuses, [200, 200, 200, 429]);
  });

  it('answers its probes, without a token', async () => {
    for (const probe of ['startupProbe', 'readinessProbe', 'livenessProbe']) {
      const path = String(at(container(rendered), probe, 'httpGet', 'path'));
      assert.equal((await request({ port: gateway.adminPort, path })).status, 200, path);
    }
  });

  it('asks for the token of its Secret', async () => {
    const limits = (headers: Record<string, string>) =>
      request({ port: gateway.adminPort, path: '/v1/limits', headers });
    assert.equal((await limits({})).status, 401);
    assert.equal((await limits({ authorization: `Bearer ${secret('admin-token')}` })).status, 200);
  });

  it('passes helm test, and fails it when it is gone', async () => {
    const ready = test('ready').map((arg) => arg.replace('rel-sluice-admin:9090', `127.0.0.1:${gateway.adminPort}`));
    assert.equal((await runSluice(ready)).code, 0);
    const answers = (port: number): Promise<{ stdout: string }> => {
      const args = test('answers').map((arg) => arg.replace('http://rel-sluice:80/', `http://127.0.0.1:${port}/`));
      return promisify(execFile)(process.execPath, args, { timeout: 20_000 });
    };
    assert.match((await answers(gateway.port)).stdout, /^http:\/\/127\.0\.0\.1:\d+\/ answered (200|429)\n$/);
    await assert.rejects(answers(await freePort()), /cannot be reached: connect ECONNREFUSED/);
  });
});
