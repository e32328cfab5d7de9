/** Composes everything that talks to Redis from its part of the configuration. */
import { hostname } from 'node:os';
import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { ClientTls, RedisConfig } from './config/types.ts';
import type { Clock } from './core/clock.ts';
import type { Logger } from './core/logger.ts';
import type { Telemetry } from './core/telemetry.ts';
import type { TopSummary } from './core/top-summary.ts';
import { checkAccess } from './redis/access-check.ts';
import { ClusterConnection } from './redis/cluster-connection.ts';
import { RedisConnection } from './redis/connection.ts';
import { RedisFleetTop } from './redis/fleet-top.ts';
import { Heartbeat } from './redis/heartbeat.ts';
import { keyLayout } from './redis/keys.ts';
import { loadScript } from './redis/lua-script-loader.ts';
import { PeerRegistry } from './redis/peer-registry.ts';
import type { ScriptRunner } from './redis/script-runner.ts';
import { LeasedStrategy } from './sharing/leased.ts';
import { RedisStrategy } from './sharing/redis.ts';
import type { Strategy } from './sharing/strategy.ts';

export interface RedisEngineDeps {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** This instance, unique among those that share the prefix. */
  readonly instance: string;
  /** Remembered denials are void. */
  readonly onReset: () => void;
  /** The busiest keys of a limit on this instance; undefined: no limit of that name. */
  readonly top: (limit: string) => TopSummary | undefined;
}

/** Connections, strategy and heartbeat. */
export interface RedisEngine {
  readonly strategy: Strategy;
  /** Started by whoever knows that this instance can serve. */
  readonly heartbeat: Heartbeat;
  /** Where hosts that share counts among themselves write down that they live. */
  readonly registry: PeerRegistry;
  readonly fleetTop: RedisFleetTop;
  /**
   * Connects; resolves in any case but one.
   * @throws StoreError SLUICE_STORE_REFUSED when a server has answered that it does not let us count
   */
  start(): Promise<void>;
  stop(): Promise<void>;
}

type Connection = ScriptRunner & { start(): Promise<void>; close(): void };

export function createRedisEngine(config: RedisConfig, deps: RedisEngineDeps): RedisEngine {
  const { clock, telemetry, logger, instance, onReset, top } = deps;
  const { timeoutMs } = config;
  const keys = keyLayout(config.keyPrefix);
  const connection = connect(config, deps);
  const scripts = {
    check: loadScript('check'),
    settle: loadScript('settle'),
    peek: loadScript('peek'),
    reset: loadScript('reset'),
    announceReset: loadScript('announce_reset'),
  };
  const inner = new RedisStrategy({ clock, runner: connection, scripts, keys, timeoutMs, telemetry, logger });
  const strategy = new LeasedStrategy({ clock, inner, telemetry, timeoutMs, liveInstances: () => heartbeat.live });
  const fleetTop = new RedisFleetTop({
    clock,
    runner: connection,
    scripts: { ask: loadScript('top_ask'), publish: loadScript('top_publish'), read: loadScript('top_read') },
    keys,
    instance,
    host: hostname(),
    own: top,
  });
  const heartbeat = new Heartbeat({
    clock,
    runner: connection,
    script: loadScript('heartbeat'),
    keys,
    instance,
    assumed: config.instances,
    onReset: () => {
      strategy.forgetAll();
      onReset();
    },
    onTopWanted: (limits) => fleetTop.publish(limits),
  });
  return {
    strategy,
    heartbeat,
    registry: new PeerRegistry({ runner: connection, script: loadScript('peer_registry'), keys }),
    fleetTop,
    start: async () => {
      await connection.start();
      await checkAccess({ runner: connection, script: loadScript('permissions'), keys });
      await strategy.start();
    },
    stop: async () => {
      await heartbeat.stop();
      await strategy.close();
      connection.close();
    },
  };
}

function connect(config: RedisConfig, { clock, logger, instance }: RedisEngineDeps): Connection {
  const { servers, username, password, tls, timeoutMs } = config;
  const common = {
    access: { username, password, tls: tls === undefined ? undefined : tlsOptions(tls) },
    timeoutMs,
    clientName: `sluice-${instance}`,
    clock,
    logger,
  };
  switch (servers.kind) {
    case 'single':
      return new RedisConnection({ ...common, address: { ...servers.address, database: servers.database } });
    case 'cluster':
      return new ClusterConnection({ ...common, nodes: servers.nodes });
    case 'sentinel':
      return new RedisConnection({ ...common, address: { sentinel: servers } });
  }
}

function tlsOptions({ ca, cert, key, servername }: ClientTls): TlsOptions {
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(servername === undefined ? {} : { servername }),
  };
}
