/** `sluice healthcheck`: what it says of a gateway that runs, drains, hangs or is not there. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { runSluice, startGateway } from '../support/gateway-process.ts';
import { request, startUpstream } from '../support/http.ts';

const config = (admin: object, upstream = 'http://127.0.0.1:1'): object => ({
  listen: '127.0.0.1:0',
  admin,
  upstreams: { app: { servers: [upstream] } },
  routes: [{ upstream: 'app', limits: ['l'] }],
  limits: { l: { key: 'ip', rate: '1000/1m' } },
});

describe('sluice healthcheck of a gateway that runs', { concurrency: 3 }, () => {
  let gateway: Gateway;
  before(async () => {
    gateway = await startGateway({ config: config({ listen: '0.0.0.0:0', token: 'a-token-long-enough' }) });
  });
  after(() => gateway.stop());

  it('is 0 and one line, and needs no token', async () => {
    const url = `http://127.0.0.1:${gateway.adminPort}/readyz`;
    assert.deepEqual(await runSluice(['healthcheck', '--admin', `127.0.0.1:${gateway.adminPort}`]), {
      code: 0,
      stdout: `healthy: ${url} answered 200\n`,
      stderr: '',
    });
  });

  it('asks on loopback where the listener takes every address', async () => {
    const { code, stdout } = await runSluice(['healthcheck', '--admin', `0.0.0.0:${gateway.adminPort}`]);
    assert.deepEqual([code, stdout], [0, `healthy: http://127.0.0.1:${gateway.adminPort}/readyz answered 200\n`]);
  });
});

describe('sluice healthcheck --config', { concurrency: 3 }, () => {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-healthcheck-'));
  after(() => rmSync(dir, { recursive: true }));

  it('finds the listener in the file, also when the file has faults that the gateway refused', async () => {
    const port = await freePort();
    await using gateway = await startGateway({ config: config({ listen: `127.0.0.1:${port}` }) });
    const file = gateway.configFile ?? '';
    const healthy = `healthy: http://127.0.0.1:${port}/readyz answered 200\n`;
    assert.equal((await runSluice(['healthcheck', '--config', file])).stdout, healthy);
    writeFileSync(file, `admin: { listen: "127.0.0.1:${port}" }\nrotues: []\nlimits: { l: { rate: often } }\n`);
    assert.equal((await runSluice(['healthcheck', '-c', file])).stdout, healthy);
  });

  const bad: readonly (readonly [what: string, text: string, said: RegExp])[] = [
    ['names no address', 'admin: { listen: nowhere }\n', /^unhealthy: \S+:1:18: "nowhere" is not an address[^\n]*\n$/],
    ['is no YAML', 'admin: {\n', /^unhealthy: \S+:\d+:\d+: [^\n]+\n$/],
  ];
  for (const [what, text, said] of bad) {
    it(`is 1 and one line when the file ${what}`, async () => {
      const file = join(dir, `${what.replaceAll(/\W/g, '-')}.yaml`);
      writeFileSync(file, text);
      const { code, stdout, stderr } = await runSluice(['healthcheck', '--config', file]);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, said);
    });
  }

  it('is 1 and one line when there is no file', async () => {
    const { code, stderr } = await runSluice(['healthcheck', '--config', join(dir, 'none.yaml')]);
    assert.deepEqual([code, stderr], [1, `unhealthy: ${dir}/none.yaml: cannot be read: there is no such file\n`]);
  });
});

describe('sluice healthcheck of a gateway that does not take requests', { concurrency: 3 }, () => {
  it('that drains: 1, and the reason', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    await using upstream = await startUpstream(async (_request, response) => {
      await promise;
      response.end('finished');
    });
    await using gateway = await startGateway({ config: config({ listen: '127.0.0.1:0' }, upstream.url) });
    const running = request({ port: gateway.port });
    await eventually('the request is upstream', () => upstream.requests === 1);
    gateway.signal('SIGTERM');
    const said = await eventually('it drains', async () => {
      const { code, stderr } = await runSluice(['healthcheck', '--admin', `127.0.0.1:${gateway.adminPort}`]);
      return code === 1 ? stderr : undefined;
    });
    assert.match(said, /^unhealthy: http:\/\/127\.0\.0\.1:\d+\/readyz answered 503: [^\n]+\n$/);
    resolve();
    assert.equal((await running).status, 200);
  });

  it('that is not there: 1', async () => {
    const port = await freePort();
    const { code, stderr } = await runSluice(['healthcheck', '--admin', `127.0.0.1:${port}`]);
    assert.equal(code, 1);
    assert.equal(
      stderr,
      `unhealthy: http://127.0.0.1:${port}/readyz cannot be reached: connect ECONNREFUSED 127.0.0.1:${port}\n`,
    );
  });

  it('that hangs: 1, after 3 s', async () => {
    const server = createServer(() => {});
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const { code, stderr } = await runSluice(['healthcheck', '--admin', `127.0.0.1:${port}`]);
    server.close();
    assert.equal(code, 1);
    assert.match(stderr, /cannot be reached: no answer within 3000 ms\n$/);
  });
});
