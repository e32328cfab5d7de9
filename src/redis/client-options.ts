import type { ConnectionOptions as TlsOptions } from 'node:tls';
import type { CommonRedisOptions } from 'ioredis';

/** Who we are to Redis and how the line is secured. */
export interface RedisAccess {
  /** ACL user; undefined: the default user. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** undefined: plain TCP. */
  readonly tls: TlsOptions | undefined;
}

/**
 * Settings that make failures show at once and never replay a command whose fate is unknown: a check that was counted
 * twice would refuse a request that had room. The library's defaults queue, wait and send again.
 */
export function strictOptions(timeoutMs: number, clientName: string, access: RedisAccess) {
  return {
    connectionName: clientName,
    connectTimeout: 2_000,
    // Later than the callers' own deadline: only there so that every promise settles.
    commandTimeout: timeoutMs * 2,
    // A connection that has swallowed a command and says nothing for this long is dead or frozen: start afresh.
    socketTimeout: Math.max(300, timeoutMs * 6),
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableAutoPipelining: false,
    ...(access.username === undefined ? {} : { username: access.username }),
    ...(access.password === undefined ? {} : { password: access.password }),
    ...(access.tls === undefined ? {} : { tls: access.tls }),
  } satisfies CommonRedisOptions;
}

/** Milliseconds before the nth attempt to connect again: 50 ms, doubled up to a second. */
export function reconnectDelay(attempt: number): number {
  return Math.min(25 * 2 ** Math.min(attempt, 6), 1_000);
}
