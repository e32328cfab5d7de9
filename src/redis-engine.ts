/** Composes everything that talks to Redis from its part of the configuration. */
import type { RedisConfig } from './config/types.ts';
import type { Clock } from './core/clock.ts';
import type { Logger } from './core/logger.ts';
import type { Telemetry } from './core/telemetry.ts';
import { NO_ACCESS } from './redis/client-options.ts';
import { RedisConnection } from './redis/connection.ts';
import { Heartbeat } from './redis/heartbeat.ts';
import { keyLayout } from './redis/keys.ts';
import { loadScript } from './redis/lua-script-loader.ts';
import type { ScriptRunner } from './redis/script-runner.ts';
import { RedisStrategy } from './sharing/redis.ts';

export interface RedisEngineDeps {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** This instance, unique among those that share the prefix. */
  readonly instance: string;
  /** Remembered denials are void. */
  readonly onReset: () => void;
}

/** Connections, strategy and heartbeat; start them in this order, end them in the other. */
export interface RedisEngine {
  readonly connection: ScriptRunner & { start(): Promise<void>; close(): void };
  readonly strategy: RedisStrategy;
  readonly heartbeat: Heartbeat;
}

export function createRedisEngine(config: RedisConfig, deps: RedisEngineDeps): RedisEngine {
  const { clock, telemetry, logger, instance, onReset } = deps;
  const { timeoutMs } = config;
  const clientName = `sluice-${instance}`;
  const keys = keyLayout(config.keyPrefix);
  const connection = new RedisConnection({
    address: { url: config.url },
    access: NO_ACCESS,
    timeoutMs,
    clientName,
    clock,
    logger,
  });
  const scripts = {
    check: loadScript('check'),
    settle: loadScript('settle'),
    peek: loadScript('peek'),
    reset: loadScript('reset'),
    announceReset: loadScript('announce_reset'),
  };
  const strategy = new RedisStrategy({ clock, runner: connection, scripts, keys, timeoutMs, telemetry, logger });
  const heartbeat = new Heartbeat({
    clock,
    runner: connection,
    script: loadScript('heartbeat'),
    keys,
    instance,
    onReset,
  });
  return { connection, strategy, heartbeat };
}
