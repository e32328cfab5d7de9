/** Real gateways, each a process, with all ways of sharing side by side: one limit and one path for each. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '../../core/clock.ts';
import { formatDuration } from '../../core/duration.ts';
import { formatRate } from '../../core/rate.ts';
import { shareOf } from '../../limiter/failure.ts';
import type { Scenario } from '../scenario.ts';
import type { Way } from '../ways.ts';
import { isBaseline } from '../ways.ts';
import type { Processes, Running } from './processes.ts';
import { freePort, pause } from './processes.ts';
import type { Server, Upstream } from './servers.ts';
import { startEtcd, startRedis, startUpstream } from './servers.ts';

export interface FleetOptions {
  readonly clock: Clock;
  readonly processes: Processes;
  /** The command line's entry point: a file that Node runs. */
  readonly program: string;
  readonly scenario: Scenario;
  readonly ways: readonly Way[];
  readonly hosts: number;
}

export interface Host {
  readonly port: number;
  readonly adminUrl: string;
  readonly peer: string;
  running: Running;
}

/** The header that carries the key. */
export const KEY_HEADER = 'x-lab-key';
const TOGETHER_WITHIN_MS = 60_000;

export class Fleet {
  readonly hosts: Host[] = [];
  redis: Server | undefined;
  etcd: Server | undefined;
  readonly #options: FleetOptions;
  #upstream: Upstream | undefined;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /** Resolves when every host sees all others, and leaders are elected. */
  async start(): Promise<void> {
    const { processes, ways, hosts } = this.#options;
    this.#upstream = await startUpstream();
    [this.redis, this.etcd] = await Promise.all([
      ways.includes('redis') ? startRedis(processes) : undefined,
      ways.includes('leader') ? startEtcd(processes) : undefined,
    ]);
    const places: { port: number; admin: number; peer: number }[] = [];
    for (let i = 0; i < hosts; i++) {
      places.push({ port: await freePort(), admin: await freePort(), peer: await freePort() });
    }
    writeFileSync(this.#list, places.map(({ peer }) => `127.0.0.1:${peer}\n`).join(''));
    for (const [i, { port, admin, peer }] of places.entries()) {
      writeFileSync(this.#fileOf(i), JSON.stringify(this.#config(port, admin, peer)));
      const adminUrl = `http://127.0.0.1:${admin}`;
      this.hosts.push({ port, adminUrl, peer: `127.0.0.1:${peer}`, running: this.#launch(i) });
    }
    await Promise.all(this.hosts.map((host) => this.#ready(host)));
    await this.together();
  }

  /** Ends a host at once. */
  async kill(host: number): Promise<void> {
    await this.hosts[host]?.running.kill();
  }

  /** Starts a host again that has ended. */
  async restart(index: number): Promise<void> {
    const host = this.hosts[index];
    if (host === undefined) return;
    host.running = this.#launch(index);
    await this.#ready(host);
  }

  /** Waits until every host sees all others and knows a leader where one is elected. */
  async together(): Promise<void> {
    const { clock, ways } = this.#options;
    if (!ways.some(talksToPeers)) return;
    const deadline = clock.monotonic() + TOGETHER_WITHIN_MS;
    for (const host of this.hosts) {
      while (!(await this.#seesAll(host))) {
        if (clock.monotonic() > deadline) throw new Error(`gateways did not find each other within a minute`);
        await pause(clock, 50);
      }
    }
  }

  /** The host that leads the slot, as the others know. */
  async leaderOf(slot: number): Promise<number | undefined> {
    for (const host of this.hosts) {
      const { leaders } = await peersOf(host).catch(() => NOBODY);
      const found = leaders.find((leader) => leader.sharing === 'leader' && leader.slot === slot)?.address;
      if (found !== undefined) return this.hosts.findIndex(({ peer }) => peer === found);
    }
    return undefined;
  }

  close(): void {
    this.#upstream?.close();
  }

  get #list(): string {
    return join(this.#options.processes.folder, `peers-${this.#options.hosts}.txt`);
  }

  #fileOf(host: number): string {
    return join(this.#options.processes.folder, `host-${this.#options.hosts}-${host}.yaml`);
  }

  #launch(host: number): Running {
    const args = [this.#options.program, 'run', '--config', this.#fileOf(host)];
    return this.#options.processes.start(`gateway ${host + 1}`, process.execPath, args);
  }

  async #ready({ running, adminUrl }: Host): Promise<void> {
    await this.#options.processes.until(running, async () => {
      const answer = await fetch(`${adminUrl}/readyz`).catch(() => undefined);
      return answer?.ok === true;
    });
  }

  async #seesAll(host: Host): Promise<boolean> {
    const { visibleShare, peers, leaders } = await peersOf(host).catch(() => NOBODY);
    const alive = peers.filter(({ state }) => state === 'alive').map(({ address }) => address);
    const all = this.hosts.every((each) => each === host || alive.includes(each.peer));
    const led = (sharing: Way): boolean =>
      !this.#options.ways.includes(sharing) ||
      leaders.some((each) => each.sharing === sharing && each.address !== undefined);
    return visibleShare === 1 && all && led('leader') && led('random-leaders');
  }

  #config(port: number, admin: number, peer: number): object {
    const { ways, scenario, hosts } = this.#options;
    const { policy, onFailure } = scenario;
    const limitOf = (way: Way): object => {
      const own = way === 'split' ? shareOf(policy, hosts) : policy;
      return {
        key: `header:${KEY_HEADER}`,
        rate: formatRate({ count: own.limit, windowMs: own.windowMs }),
        algorithm: own.algorithm,
        ...(own.algorithm === 'sliding-window' ? { buckets: own.buckets } : {}),
        ...(own.algorithm === 'token-bucket' ? { burst: own.burst } : {}),
        sharing: isBaseline(way) ? 'local' : way,
        onFailure,
        ...(scenario.loads.some(({ cost }) => cost !== 1) ? { cost: `header:x-lab-cost` } : {}),
      };
    };
    const peers = {
      listen: `127.0.0.1:${peer}`,
      secret: 'of the lab, on loopback only',
      interval: formatDuration(scenario.intervalMs),
      fanout: scenario.fanout,
      ...(scenario.leaders === 1 ? {} : { leaders: scenario.leaders }),
      discovery: { file: this.#list },
    };
    return {
      listen: `127.0.0.1:${port}`,
      admin: { listen: `127.0.0.1:${admin}` },
      log: { level: 'error', access: 'off' },
      ...(this.redis === undefined
        ? {}
        : {
            redis: {
              url: `redis://127.0.0.1:${this.redis.port}`,
              timeout: formatDuration(scenario.storeTimeoutMs),
            },
          }),
      ...(this.etcd === undefined ? {} : { etcd: { endpoints: [`http://127.0.0.1:${this.etcd.port}`] } }),
      ...(ways.some(talksToPeers) ? { peers } : {}),
      upstreams: { service: { servers: [this.#upstream?.url] } },
      routes: ways.map((way) => ({ match: { path: `/${way}` }, upstream: 'service', limits: [way] })),
      limits: Object.fromEntries(ways.map((way) => [way, limitOf(way)])),
    };
  }
}

function talksToPeers(way: Way): boolean {
  return !isBaseline(way) && way !== 'redis';
}

interface PeersAnswer {
  readonly visibleShare: number;
  readonly peers: readonly { readonly address: string; readonly state: string }[];
  readonly leaders: readonly { readonly sharing: string; readonly slot: number; readonly address?: string }[];
}

const NOBODY: PeersAnswer = { visibleShare: 0, peers: [], leaders: [] };

async function peersOf({ adminUrl }: Host): Promise<PeersAnswer> {
  return (await (await fetch(`${adminUrl}/v1/peers`)).json()) as PeersAnswer;
}
