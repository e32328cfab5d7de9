/** Two real gateways that share limits, a Redis, a service, a Prometheus with our rules, and load: what the dashboards are about. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { freePort } from '../test/support/free-port.ts';
import type { Gateway } from '../test/support/gateway-process.ts';
import { startGateway } from '../test/support/gateway-process.ts';
import type { Upstream } from '../test/support/http.ts';
import { startUpstream } from '../test/support/http.ts';
import type { Prometheus } from '../test/support/prometheus.ts';
import { startPrometheus } from '../test/support/prometheus.ts';
import type { Redis } from '../test/support/redis.ts';
import { startRedis } from '../test/support/redis.ts';
import { Load } from './load.ts';
import type { Ports } from './options.ts';

const RULES = fileURLToPath(new URL('../helm/sluice/rules/sluice.rules.yaml', import.meta.url));

export interface StackOptions {
  readonly perSecond: number;
  readonly scrapeEveryMs: number;
  readonly ports: Ports;
}

export interface Stack extends AsyncDisposable {
  readonly gateways: readonly Gateway[];
  readonly redis: Redis;
  readonly prometheus: Prometheus;
  readonly load: Load;
}

/** Resolves when everything runs. Whatever had been started is ended when something cannot be. */
export async function startStack({ perSecond, scrapeEveryMs, ports }: StackOptions): Promise<Stack> {
  await using parts = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'sluice-demo-'));
  parts.defer(() => rmSync(folder, { recursive: true, force: true }));
  const redis = parts.use(await startRedis(ports.redis === undefined ? {} : { port: ports.redis }));
  const service = parts.use(await startService());
  const peerPorts = [await freePort(), await freePort()] as const;
  const peers = join(folder, 'peers.txt');
  writeFileSync(peers, peerPorts.map((port) => `127.0.0.1:${port}\n`).join(''));
  const gateways: Gateway[] = [];
  for (const i of [0, 1] as const) {
    const listen = `127.0.0.1:${ports.gateways[i] ?? 0}`;
    const admin = `127.0.0.1:${ports.admins[i] ?? 0}`;
    const config = configOf(redis.url, service.url, { listen, admin, peers: `127.0.0.1:${peerPorts[i]}`, list: peers });
    gateways.push(parts.use(await startGateway({ config })));
  }
  const prometheus = parts.use(
    await startPrometheus({
      targets: gateways.map(({ adminPort }) => `127.0.0.1:${adminPort}`),
      rules: [RULES],
      everyMs: scrapeEveryMs,
      ...(ports.prometheus === undefined ? {} : { port: ports.prometheus }),
    }),
  );
  const urls = gateways.map(({ url }) => url);
  const load = parts.use(new Load(urls, perSecond));
  const everything = parts.move();
  return { gateways, redis, prometheus, load, [Symbol.asyncDispose]: () => everything.disposeAsync() };
}

/** One request in ten fails, so that errors have something to show. */
async function startService(): Promise<Upstream> {
  let served = 0;
  return await startUpstream((_request, response) => {
    served += 1;
    response.writeHead(served % 10 === 0 ? 500 : 200).end('ok');
  });
}

interface Addresses {
  readonly listen: string;
  readonly admin: string;
  readonly peers: string;
  /** The file that names all hosts. */
  readonly list: string;
}

/** A limit of most ways of sharing; only `exact` and `meshed` refuse. */
function configOf(redisUrl: string, service: string, { listen, admin, peers, list }: Addresses): object {
  return {
    listen,
    admin: { listen: admin },
    log: { level: 'warn', access: 'off' },
    redis: { url: redisUrl, timeout: '2s' },
    peers: { listen: peers, interval: '50ms', discovery: { file: list } },
    upstreams: { app: { servers: [service] } },
    routes: [{ name: 'all', upstream: 'app', limits: ['alone', 'watched', 'meshed', 'gossiped', 'exact'] }],
    limits: {
      alone: { key: 'global', rate: '10000/1s', sharing: 'local' },
      watched: { key: 'global', rate: '1/1m', sharing: 'local', mode: 'shadow' },
      meshed: {
        key: 'header:x-api-key',
        rate: '10000/1s',
        sharing: 'mesh',
        overrides: [{ key: 'eager', rate: '10/1s' }],
      },
      gossiped: { key: 'header:x-api-key', rate: '10000/1s', sharing: 'gossip' },
      exact: { key: 'header:x-api-key', rate: '20/1s', sharing: 'redis', lease: 'auto' },
    },
  };
}
