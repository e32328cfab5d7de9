/** Real gateways that share a limit by telling each other, load on all of them, and what they admitted. */
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { ReplicatedSharing } from '../../src/core/types.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { Network } from '../support/network.ts';

export interface PeerFleetOptions {
  readonly sharing: ReplicatedSharing;
  /** Of the shared limit. */
  readonly limit: object;
  readonly upstream: string;
  /** Default 4. */
  readonly hosts?: number;
  /** More of the `peers` block. */
  readonly peers?: object;
  /** The same for one host, by its index. */
  readonly peersOf?: (host: number) => object;
  /** More of the configuration: `redis`, `etcd`. */
  readonly more?: object;
  /** Each host in a namespace of its own. */
  readonly network?: Network;
}

export interface PeerHost {
  /** The process that runs now, or ran last. */
  readonly gateway: Gateway;
  readonly peerAddress: string;
  /** Starts it anew, after it has ended. */
  restart(): Promise<void>;
}

export interface PeerFleet extends AsyncDisposable {
  readonly hosts: readonly PeerHost[];
  /** The list of hosts that all of them watch. */
  readonly list: string;
  /** Waits until each of `of` sees all the others of them, and nobody as lost. */
  together(of?: readonly PeerHost[]): Promise<void>;
}

export interface PeersReport {
  readonly self: { readonly address: string };
  readonly visibleShare: number;
  readonly peers: readonly { readonly address: string; readonly state: string }[];
  readonly leaders: readonly {
    readonly sharing: string;
    readonly slot: number;
    readonly address?: string;
    readonly term?: number;
  }[];
}

export async function peersOf({ gateway }: PeerHost): Promise<PeersReport> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  return (await (await fetch(`${gateway.adminUrl}/v1/peers`, { headers })).json()) as PeersReport;
}

/** Hosts on a network of their own are reached by others too, so their admin listeners ask for one. */
export const TOKEN = 'admin-token-of-the-test';

/** `/shared` is under the shared limit, `/alone` under one that each host counts for itself. */
export async function startPeerFleet(options: PeerFleetOptions): Promise<PeerFleet> {
  const { network, hosts: count = 4 } = options;
  const directory = mkdtempSync(join(tmpdir(), 'sluice-peers-'));
  const list = join(directory, 'peers.txt');
  writeFileSync(list, '');
  const ports = await Promise.all(Array.from({ length: count * 3 }, () => freePort()));
  const start = async (i: number): Promise<PeerHost> => {
    const place = network?.hosts[i];
    const ip = place?.ip ?? '127.0.0.1';
    const [port, admin, peer] = ports.slice(3 * i, 3 * i + 3);
    const peerAddress = `${ip}:${peer}`;
    appendFileSync(list, `${peerAddress}\n`);
    const config = {
      listen: `${ip}:${port}`,
      admin: { listen: `${ip}:${admin}`, token: TOKEN },
      log: { level: 'info', access: 'off' },
      peers: {
        listen: peerAddress,
        secret: 'a secret of these tests',
        discovery: { file: list },
        ...options.peers,
        ...options.peersOf?.(i),
      },
      upstreams: { app: { servers: [options.upstream] } },
      routes: [
        { match: { path: '/shared' }, upstream: 'app', limits: ['shared'] },
        { match: { path: '/alone' }, upstream: 'app', limits: ['alone'] },
      ],
      limits: {
        shared: { key: 'header:x-api-key', sharing: options.sharing, ...options.limit },
        alone: { key: 'header:x-api-key', ...options.limit, sharing: 'local' },
      },
      ...options.more,
    };
    const launch = (): Promise<Gateway> =>
      startGateway({ config, readyWithin: 30_000, ...(place === undefined ? {} : { netns: place.netns }) });
    let gateway = await launch();
    return {
      get gateway() {
        return gateway;
      },
      peerAddress,
      restart: async () => {
        gateway = await launch();
      },
    };
  };
  const hosts = await Promise.all(Array.from({ length: count }, (_, i) => start(i)));
  return {
    hosts,
    list,
    together: async (of = hosts) => {
      for (const host of of) {
        await eventually(
          `${host.peerAddress} sees the others`,
          async () => {
            const { visibleShare, peers } = await peersOf(host);
            const alive = peers.filter(({ state }) => state === 'alive').map(({ address }) => address);
            return visibleShare === 1 && of.every((each) => each === host || alive.includes(each.peerAddress));
          },
          { within: 30_000, every: 50 },
        );
      }
    },
    [Symbol.asyncDispose]: async () => {
      await Promise.all(hosts.map(({ gateway }) => gateway.kill9().then(() => gateway.stop())));
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** One answer, or that there was none. */
export interface Seen {
  /** When it came, Unix milliseconds. */
  readonly at: number;
  /** Index into the hosts. */
  readonly host: number;
  /** 0: no answer. */
  readonly status: number;
}

export interface Load {
  readonly seen: readonly Seen[];
  /** Requests that were not sent because too many were waiting for that host. */
  readonly skipped: readonly number[];
  /** Waits for what is under way. */
  stop(): Promise<void>;
}

const TICK_MS = 10;
const MOST_WAITING = 100;

/** So many requests a second to each host, evenly, whatever the answers. */
export function startLoad(hosts: readonly PeerHost[], perSecond: number, path = '/shared', key = 'k'): Load {
  const seen: Seen[] = [];
  const skipped = hosts.map(() => 0);
  let running = true;
  const drive = async (host: number, url: string): Promise<void> => {
    const pool = new Pool(url, { connections: 24, pipelining: 1, headersTimeout: 3_000, connectTimeout: 1_000 });
    const waiting = new Set<Promise<void>>();
    const ask = async (): Promise<void> => {
      let status = 0;
      try {
        const response = await pool.request({ path, method: 'GET', headers: { 'x-api-key': key } });
        await response.body.dump();
        status = response.statusCode;
      } catch {
        // It has ended, or cannot be reached.
      }
      seen.push({ at: Date.now(), host, status });
    };
    const started = performance.now();
    for (let sent = 0; running; ) {
      const due = Math.floor(((performance.now() - started) * perSecond) / 1_000);
      for (; sent < due; sent++) {
        if (waiting.size >= MOST_WAITING) {
          skipped[host] = (skipped[host] ?? 0) + 1;
          continue;
        }
        const asked: Promise<void> = ask().finally(() => waiting.delete(asked));
        waiting.add(asked);
      }
      await sleep(TICK_MS);
    }
    await Promise.all(waiting);
    await pool.destroy();
  };
  const driving = hosts.map(({ gateway }, i) => drive(i, gateway.url));
  return {
    seen,
    skipped,
    stop: async () => {
      running = false;
      await Promise.all(driving);
    },
  };
}

/** Requests admitted in each whole window that lies within the load, windows aligned to Unix time, oldest first. */
export function admittedPerWindow(
  seen: readonly Seen[],
  windowMs: number,
): readonly { start: number; count: number }[] {
  const counts = new Map<number, number>();
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for (const { at } of seen) {
    const index = Math.floor(at / windowMs);
    if (index < first) first = index;
    if (index > last) last = index;
  }
  for (let index = first + 1; index < last; index++) counts.set(index, 0);
  for (const { at, status } of seen) {
    const index = Math.floor(at / windowMs);
    const count = counts.get(index);
    if (count !== undefined && status === 200) counts.set(index, count + 1);
  }
  return [...counts].map(([index, count]) => ({ start: index * windowMs, count }));
}

export interface BoundOf {
  readonly sharing: ReplicatedSharing;
  readonly hosts: number;
  readonly limit: number;
  /** Requests a second, all hosts together. */
  readonly offered: number;
  readonly intervalMs: number;
  /** What a message takes, and a machine that is busy with all of these processes. */
  readonly delayMs: number;
}

/** Most that may be admitted above a limit of a window: the formula of docs/sharing.md. */
export function mostExcess({ sharing, hosts, limit, offered, intervalMs, delayMs }: BoundOf): number {
  return Math.min((offered * newsMs(sharing, hosts, intervalMs, delayMs)) / 1_000, (hosts - 1) * limit);
}

/** Until a count is known everywhere. */
function newsMs(sharing: ReplicatedSharing, hosts: number, intervalMs: number, delayMs: number): number {
  switch (sharing) {
    case 'mesh':
      return intervalMs + delayMs;
    case 'leader':
    case 'random-leaders':
      return 2 * (intervalMs + delayMs);
    case 'gossip': {
      const rounds = Math.ceil(Math.log(hosts) / Math.log(4) + Math.log(hosts) / 3 + 1);
      return rounds * (intervalMs + delayMs);
    }
  }
}
