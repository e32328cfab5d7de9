/** A configuration changed under a running gateway: by an editor, by Kubernetes, by signal, by request. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { Agent } from 'undici';
import { eventually } from '../support/eventually.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Upstream } from '../support/http.ts';
import { request, startUpstream } from '../support/http.ts';
import { metric } from '../support/metrics.ts';
import { startRedis } from '../support/redis.ts';
import { ask } from './fleet.ts';

interface Report {
  readonly status: number;
  readonly faults?: readonly string[];
}

const KEY = { 'x-api-key': 'k' };
const status = async (gateway: Gateway, headers: Record<string, string> = KEY): Promise<number> =>
  (await request({ port: gateway.port, headers })).status;
const reloads = (gateway: Gateway, result: string): Promise<number> =>
  metric(gateway.adminUrl, new RegExp(`^sluice_config_reloads_total\\{result="${result}"\\}`));

async function reload(gateway: Gateway): Promise<Report> {
  const reply = await request({ method: 'POST', port: gateway.adminPort, path: '/v1/reload' });
  return { ...(reply.json() as Report), status: reply.status };
}

/** Writes the configuration and has it taken up, by the request or by the watcher, whoever comes first. */
async function change(gateway: Gateway, config: object): Promise<void> {
  assert.ok(gateway.configFile);
  // Unlike an edit in place, a rename is never seen half done.
  const written = `${gateway.configFile}.new`;
  writeFileSync(written, JSON.stringify(config));
  renameSync(written, gateway.configFile);
  const { status, faults = [] } = await reload(gateway);
  assert.equal(status, 200, faults.join('\n'));
}

describe('a changed configuration', { concurrency: 3 }, () => {
  let upstream: Upstream;
  before(async () => {
    upstream = await startUpstream();
  });
  after(async () => {
    await upstream.close();
  });

  function config(limit: object, more: object = {}): object {
    return {
      listen: '127.0.0.1:0',
      admin: { listen: '127.0.0.1:0' },
      log: { access: 'off' },
      upstreams: { app: { servers: [upstream.url] } },
      routes: [{ upstream: 'app', limits: ['l'] }],
      limits: { l: { key: 'header:x-api-key', algorithm: 'fixed-window', sharing: 'local', ...limit } },
      ...more,
    };
  }
  const text = (rate: string): string => JSON.stringify(config({ rate }));
  const policy = async (gateway: Gateway): Promise<string | undefined> =>
    (await request({ port: gateway.port, headers: KEY })).header('ratelimit-policy');

  it('is seen when the file is edited in place, and when it is replaced', async () => {
    await using gateway = await startGateway({ config: config({ rate: '10/1h' }) });
    assert.ok(gateway.configFile);
    assert.equal(await policy(gateway), '"l";q=10;w=3600');
    writeFileSync(gateway.configFile, text('20/1h'));
    await eventually('20', async () => (await policy(gateway)) === '"l";q=20;w=3600');
    writeFileSync(`${gateway.configFile}~`, text('30/1h'));
    renameSync(`${gateway.configFile}~`, gateway.configFile);
    await eventually('30', async () => (await policy(gateway)) === '"l";q=30;w=3600');
    assert.equal(await reloads(gateway, 'success'), 2);
    assert.equal(await reloads(gateway, 'failure'), 0);
    // A line of the log waits up to a quarter of a second for its batch.
    await eventually('it is logged', () => /"changes":\["limit l: rate 10\/1h → 20\/1h"\]/.test(gateway.stdout()));
  });

  it('is seen when Kubernetes swaps the volume it lies in', async () => {
    const volume = mkdtempSync(join(tmpdir(), 'sluice-volume-'));
    try {
      const publish = (version: string, rate: string): void => {
        mkdirSync(join(volume, version));
        writeFileSync(join(volume, version, 'sluice.yaml'), text(rate));
        symlinkSync(version, join(volume, '..data_tmp'));
        renameSync(join(volume, '..data_tmp'), join(volume, '..data'));
      };
      publish('..2025_1', '10/1h');
      symlinkSync('..data/sluice.yaml', join(volume, 'sluice.yaml'));
      await using gateway = await startGateway({ args: ['--config', join(volume, 'sluice.yaml')] });
      assert.equal(await policy(gateway), '"l";q=10;w=3600');
      publish('..2025_2', '20/1h');
      rmSync(join(volume, '..2025_1'), { recursive: true });
      await eventually('20', async () => (await policy(gateway)) === '"l";q=20;w=3600', { within: 2_500 });
    } finally {
      rmSync(volume, { recursive: true, force: true });
    }
  });

  it('is refused when it has faults: said with its position, counted, and the old limits hold', async () => {
    await using gateway = await startGateway({ config: config({ rate: '2/1h' }) });
    assert.ok(gateway.configFile);
    assert.equal(await status(gateway), 200);
    writeFileSync(gateway.configFile, 'listen: 127.0.0.1:0\nlimits:\n  l: { key: ip, rate: lots }\n');
    await eventually('it is refused', async () => (await reloads(gateway, 'failure')) === 1);
    await eventually('it is said', () => gateway.stdout().includes('reload refused'));
    assert.match(
      gateway.stdout(),
      /"level":"error".*sluice\.yaml:3:\d+: .*lots.*reload refused; the old configuration stays/,
    );
    assert.deepEqual([await status(gateway), await status(gateway)], [200, 429]);
    const ready = await request({ port: gateway.adminPort, path: '/readyz' });
    assert.equal(ready.status, 200);
    const { status: refused, faults } = await reload(gateway);
    assert.equal(refused, 422);
    assert.match(faults?.join('\n') ?? '', /sluice\.yaml:3:/);

    rmSync(gateway.configFile);
    assert.match((await reload(gateway)).faults?.join('\n') ?? '', /there is no such file/);
    writeFileSync(gateway.configFile, text('3/1h'));
    await eventually('a sound one is taken', async () => (await policy(gateway)) === '"l";q=3;w=3600');
    assert.equal(gateway.stderr(), '');
  });

  it('is refused when it would count in a Redis that this process has not', async () => {
    await using gateway = await startGateway({ config: config({ rate: '2/1h' }) });
    assert.ok(gateway.configFile);
    const redis = { url: 'redis://127.0.0.1:1' };
    writeFileSync(gateway.configFile, JSON.stringify(config({ rate: '2/1h', sharing: 'redis' }, { redis })));
    const { status: refused, faults } = await reload(gateway);
    assert.equal(refused, 422);
    assert.match(faults?.[0] ?? '', /limit l is shared through Redis, which this process started without: restart it/);
    assert.equal(await status(gateway), 200);
  });

  it('is looked for on SIGHUP, which does no harm when nothing has changed or there is no file', async () => {
    await using gateway = await startGateway({ config: config({ rate: '10/1h' }) });
    gateway.signal('SIGHUP');
    await eventually('it has looked', async () => (await reloads(gateway, 'unchanged')) === 1);
    await eventually('it has said so', () => gateway.stdout().includes('reload: nothing has changed'));
    const flags = ['--upstream', upstream.url, '--limit', '1/1h', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'];
    await using bare = await startGateway({ args: flags });
    bare.signal('SIGHUP');
    await eventually('it has looked', async () => (await reloads(bare, 'unchanged')) === 1);
    assert.deepEqual([await status(bare), await status(bare)], [200, 429]);
  });

  it('says which changes wait for a restart, and does the others', async () => {
    await using gateway = await startGateway({ config: config({ rate: '10/1h' }) });
    await change(gateway, config({ rate: '20/1h' }, { listen: '127.0.0.1:1', memory: { maxKeys: 5_000 } }));
    const line = await eventually('it is said', () =>
      gateway
        .stdout()
        .split('\n')
        .find((text) => text.includes('"reloaded"')),
    );
    const { changes } = JSON.parse(line) as { changes: string[] };
    const waiting = changes.filter((text) => text.endsWith('(takes effect after a restart)'));
    assert.equal(waiting.length, 2, changes.join('\n'));
    assert.match(waiting.join('\n'), /listen 127\.0\.0\.1:0 → 127\.0\.0\.1:1/);
    assert.match(waiting.join('\n'), /maxKeys/);
    assert.deepEqual(
      changes.filter((text) => !waiting.includes(text)),
      ['limit l: rate 10/1h → 20/1h'],
    );
    assert.equal(await policy(gateway), '"l";q=20;w=3600');
  });

  it('of a header style is in force at once', async () => {
    await using gateway = await startGateway({ config: config({ rate: '10/1h' }) });
    await change(gateway, config({ rate: '10/1h' }, { headers: 'legacy' }));
    const reply = await request({ port: gateway.port, headers: KEY });
    assert.deepEqual([reply.header('ratelimit'), reply.header('x-ratelimit-limit')], [undefined, '10']);
  });

  for (const sharing of ['local', 'redis']) {
    it(`${sharing}: keeps what was counted, unless the window is another`, async () => {
      await using redis = await startRedis();
      const more = { redis: { url: redis.url } };
      const at = (limit: object, extra: object = {}): object => config({ sharing, ...limit }, { ...more, ...extra });
      await using gateway = await startGateway({ config: at({ rate: '2/1h' }) });
      assert.deepEqual([await status(gateway), await status(gateway), await status(gateway)], [200, 200, 429]);

      await change(gateway, at({ rate: '2/1h' }, { shutdownDelay: '1s', shutdownTimeout: '9s' }));
      assert.equal(await status(gateway), 429, 'used up stays used up');
      await change(gateway, at({ rate: '4/1h' }));
      assert.deepEqual(
        [await status(gateway), await status(gateway), await status(gateway)],
        [200, 200, 429],
        'raised',
      );
      await change(gateway, at({ rate: '3/1h' }));
      assert.equal(await status(gateway), 429, 'lowered below what is used');
      await change(gateway, at({ rate: '1/1d' }));
      assert.deepEqual([await status(gateway), await status(gateway)], [200, 429], 'another window starts anew');
      await change(gateway, at({ rate: '1/1d', overrides: [{ key: 'k', unlimited: true }] }));
      assert.deepEqual([await status(gateway), await status(gateway)], [200, 200]);
      await change(gateway, at({ rate: '1/1d', mode: 'shadow' }));
      assert.equal(await status(gateway), 200, 'shadow refuses nobody');
      await change(gateway, at({ rate: '1/1d' }));
      assert.equal(await status(gateway), 429, 'and back');
    });
  }

  it('moves routes and upstreams under load, and no request fails', async () => {
    const names = ['a', 'b'];
    const upstreams = await Promise.all(
      names.map((name) =>
        startUpstream(async (message, response) => {
          for await (const _ of message);
          response.end(name);
        }),
      ),
    );
    const servers = upstreams.map(({ url }) => url);
    const at = (i: number): object =>
      config(
        { rate: `${100_000 + i}/1m` },
        {
          upstreams: { [`app-${i % 3}`]: { servers: [servers[i % 2]] } },
          routes: [{ match: { path: '/*' }, name: `r${i % 2}`, upstream: `app-${i % 3}`, limits: ['l'] }],
        },
      );
    await using gateway = await startGateway({ config: at(0) });
    const agent = new Agent({ connections: 8, pipelining: 1 });
    const seen = new Map<string, number>();
    let over = false;
    const load = Array.from({ length: 8 }, async () => {
      while (!over) {
        const answer = await ask(agent, gateway.url, 'k');
        const what = `${answer.status} ${answer.body}`;
        seen.set(what, (seen.get(what) ?? 0) + 1);
      }
    });
    for (let i = 1; i <= 12; i++) {
      const before = upstreams[i % 2]?.requests ?? 0;
      await change(gateway, at(i));
      await eventually('the new upstream is asked', () => (upstreams[i % 2]?.requests ?? 0) > before + 5);
    }
    over = true;
    await Promise.all(load);
    assert.deepEqual([...seen.keys()].sort(), ['200 a', '200 b']);
    await eventually('connections to servers that left are closed', () => upstreams[1]?.connections === 0);
    assert.equal(await metric(gateway.adminUrl, /^sluice_requests_total\{.*outcome="error"/), 0);
    const sent = [...seen.values()].reduce((sum, n) => sum + n, 0);
    assert.equal(await metric(gateway.adminUrl, /^sluice_requests_total\{/), sent);
    await agent.close();
    await Promise.all(upstreams.map((each) => each.close()));
  });
});
