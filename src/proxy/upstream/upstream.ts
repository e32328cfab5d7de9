import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { UpstreamOptions } from '../options.ts';
import type { UpstreamClient } from './client.ts';
import { H1Client } from './h1-client.ts';
import { ServerHealth } from './server-health.ts';

/** One server of an upstream. */
export interface UpstreamServer {
  readonly origin: string;
  /** `host:port` as a Host field says it. */
  readonly authority: string;
  readonly client: UpstreamClient;
  readonly health: ServerHealth;
}

/** A service: several servers taking turns. */
export class Upstream {
  readonly options: UpstreamOptions;
  readonly servers: readonly UpstreamServer[];
  #turn: number;

  /** @param previous the same upstream before a reload: its servers keep connections and health where nothing changed */
  constructor(options: UpstreamOptions, clock: Clock, random: Random, previous: Upstream | undefined) {
    this.options = options;
    // Instances that start together do not all begin with the same server.
    this.#turn = random.below(options.servers.length);
    const kept = previous !== undefined && sameConnections(previous.options, options) ? previous.servers : [];
    this.servers = options.servers.map(
      (origin) => kept.find((server) => server.origin === origin) ?? newServer(origin, options, clock),
    );
  }

  /**
   * The next server in turn that is available, but not `except` if there is another. When none is, the next in turn all
   * the same: an answer that may fail is better than none.
   */
  pick(now: number, except: UpstreamServer | undefined): UpstreamServer | undefined {
    const count = this.servers.length;
    let fallback: UpstreamServer | undefined;
    for (let i = 0; i < count; i++) {
      const server = this.servers[(this.#turn + i) % count];
      if (server === undefined || server === except) continue;
      if (server.health.available(now)) {
        // A retry takes no turn: otherwise two servers would fall into step, the dead one always asked first.
        if (except === undefined) this.#turn = (this.#turn + i + 1) % count;
        server.health.sent(now);
        return server;
      }
      fallback ??= server;
    }
    if (except?.health.available(now) === true) fallback = except;
    const chosen = fallback ?? except;
    chosen?.health.sent(now);
    return chosen;
  }

  /** @returns whether the failure ejected the server */
  failed(server: UpstreamServer, now: number): boolean {
    const spare = this.servers.some((other) => other !== server && other.health.inRotation);
    return server.health.failed(now, spare);
  }
}

function sameConnections(a: UpstreamOptions, b: UpstreamOptions): boolean {
  return (
    a.connectTimeoutMs === b.connectTimeoutMs &&
    a.maxConnections === b.maxConnections &&
    a.ejectAfter === b.ejectAfter &&
    a.ejectForMs === b.ejectForMs
  );
}

function newServer(origin: string, options: UpstreamOptions, clock: Clock): UpstreamServer {
  const { maxConnections, connectTimeoutMs, ejectAfter, ejectForMs } = options;
  return {
    origin,
    authority: new URL(origin).host,
    client: new H1Client({ origin, maxConnections, connectTimeoutMs }, clock),
    health: new ServerHealth(ejectAfter, ejectForMs),
  };
}
