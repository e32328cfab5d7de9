/** Every query of every dashboard, and every alert, on a real Prometheus that scrapes real gateways under load. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { BOARDS } from '../../dashboards/files.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Upstream } from '../support/http.ts';
import { startUpstream } from '../support/http.ts';
import type { Prometheus } from '../support/prometheus.ts';
import { startPrometheus } from '../support/prometheus.ts';
import type { Redis } from '../support/redis.ts';
import { startRedis } from '../support/redis.ts';

const RULES = fileURLToPath(new URL('../../helm/sluice/rules/sluice.rules.yaml', import.meta.url));

function config(redisUrl: string, upstream: string, peerPort: number, peersFile: string): object {
  const rate = '20/1s';
  return {
    listen: '127.0.0.1:0',
    admin: { listen: '127.0.0.1:0' },
    log: { level: 'warn', access: 'off' },
    redis: { url: redisUrl, timeout: '2s' },
    peers: { listen: `127.0.0.1:${peerPort}`, interval: '50ms', discovery: { file: peersFile } },
    upstreams: { app: { servers: [upstream] } },
    routes: [{ name: 'all', upstream: 'app', limits: ['alone', 'watched', 'meshed', 'gossiped', 'exact'] }],
    limits: {
      alone: { key: 'global', rate: '1000/1s', sharing: 'local' },
      watched: { key: 'global', rate: '1/1m', sharing: 'local', mode: 'shadow' },
      meshed: { key: 'header:x-api-key', rate: '1000/1s', sharing: 'mesh' },
      gossiped: { key: 'header:x-api-key', rate: '1000/1s', sharing: 'gossip' },
      exact: { key: 'header:x-api-key', rate, sharing: 'redis', lease: 'auto' },
    },
  };
}

describe('dashboards and alerts on a real Prometheus', () => {
  const agent = new Agent({ connections: 16, pipelining: 1 });
  const folder = mkdtempSync(join(tmpdir(), 'sluice-dashboards-'));
  let redis: Redis;
  let upstream: Upstream;
  let gateways: Gateway[] = [];
  let prometheus: Prometheus;
  let loading = true;
  let load: Promise<unknown>;

  before(async () => {
    redis = await startRedis();
    // One request in ten fails, so that errors have something to show.
    let served = 0;
    upstream = await startUpstream((_request, response) => {
      served += 1;
      response.writeHead(served % 10 === 0 ? 500 : 200).end('ok');
    });
    const ports = [await freePort(), await freePort()];
    const list = join(folder, 'peers.txt');
    writeFileSync(list, ports.map((port) => `127.0.0.1:${port}\n`).join(''));
    gateways = await Promise.all(
      ports.map((port) => startGateway({ config: config(redis.url, upstream.url, port, list) })),
    );
    const targets = gateways.map(({ adminPort }) => `127.0.0.1:${adminPort}`);
    prometheus = await startPrometheus({ targets, rules: [RULES], everyMs: 250 });
    load = Promise.all(gateways.map(({ url }) => offer(url)));
  });

  after(async () => {
    loading = false;
    await load;
    await agent.close();
    await prometheus?.[Symbol.asyncDispose]();
    await Promise.all(gateways.map((gateway) => gateway.stop()));
    await upstream?.[Symbol.asyncDispose]();
    await redis?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Some 100 requests a second, most of one key, until told to stop. */
  async function offer(url: string): Promise<void> {
    for (let i = 0; loading; i++) {
      const headers = { 'x-api-key': i % 4 === 0 ? `key-${i % 40}` : 'busy' };
      const { body } = await request(url, { dispatcher: agent, headers });
      await body.dump();
      await sleep(10);
    }
  }

  for (const { title, rows } of BOARDS) {
    it(`${title}: every panel shows something`, { timeout: 60_000 }, async () => {
      for (const panel of rows.flatMap((row) => row.panels)) {
        for (const { expr } of panel.queries) {
          const asked = chosen(expr);
          await eventually(
            `${panel.title}: ${asked}`,
            async () => {
              const found = await prometheus.query(asked);
              return found.some(({ value }) => Number.isFinite(value));
            },
            { within: 20_000, every: 100 },
          );
        }
      }
    });
  }

  it('the rules are evaluated without an error, and nothing calls anybody while all is well', async () => {
    await eventually('recorded series', async () => (await prometheus.query('sluice:denied:ratio_rate5m')).length > 0, {
      within: 20_000,
      every: 100,
    });
    const { data } = (await (await fetch(`${prometheus.url}/api/v1/rules`)).json()) as {
      data: { groups: { rules: { name: string; health: string; lastError?: string }[] }[] };
    };
    const rules = data.groups.flatMap((group) => group.rules);
    assert.ok(rules.length > 20);
    for (const { name, health, lastError } of rules) assert.equal(lastError ?? health, 'ok', name);
    const firing = await prometheus.query(
      'ALERTS{alertstate="firing",severity="critical",alertname!~"SluiceUpstream.*"}',
    );
    assert.deepEqual(firing, []);
  });
});

/** As Grafana would ask with everything chosen. */
function chosen(expr: string): string {
  return expr.replaceAll('$job', '.*').replaceAll('$instance', '.*').replaceAll('$__rate_interval', '5s');
}
