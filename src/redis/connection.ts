import { Redis } from 'ioredis';
import { reasonOf, StoreError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { LuaScript } from './lua-script-loader.ts';

export interface ConnectionOptions {
  /** redis:// or rediss:// */
  readonly url: string;
  /** Milliseconds after which a caller has stopped waiting. */
  readonly timeoutMs: number;
  /** Shown in CLIENT LIST. */
  readonly clientName: string;
  readonly logger: Logger;
}

/** What the strategies need of Redis: running scripts on the shard that holds a key. */
export interface ScriptRunner {
  /** Which shard holds this key; keys of one shard may share a script call. */
  shardOf(key: string): number;
  /**
   * Runs `script` with `keys` (all of one shard) and `args`; resolves with the raw reply.
   * @throws StoreError when the server cannot be reached, is late, or answers with an error
   */
  run(script: LuaScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown>;
}

/**
 * One connection to one Redis. Its settings make failures show at once and never replay a command whose fate is
 * unknown: a check that was counted twice would refuse a request that had room.
 */
export class RedisConnection implements ScriptRunner {
  readonly #redis: Redis;
  readonly #logger: Logger;
  #lastError = '';

  constructor(options: ConnectionOptions) {
    this.#logger = options.logger;
    this.#redis = new Redis(options.url, {
      lazyConnect: true,
      connectionName: options.clientName,
      connectTimeout: 2_000,
      // Later than the callers' own deadline: only there so that every promise settles.
      commandTimeout: options.timeoutMs * 2,
      // A connection that has swallowed a command and says nothing for this long is dead or frozen: start afresh.
      socketTimeout: Math.max(300, options.timeoutMs * 6),
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      enableAutoPipelining: false,
      retryStrategy: (attempt) => Math.min(25 * 2 ** Math.min(attempt, 6), 1_000),
    });
    this.#redis.on('error', (error: unknown) => this.#report(reasonOf(error)));
    this.#redis.on('ready', () => {
      if (this.#lastError !== '') this.#logger.info({}, 'redis: connected again');
      this.#lastError = '';
    });
  }

  /** Starts connecting; resolves at the first success or failure. Reconnecting goes on by itself. */
  async start(): Promise<void> {
    try {
      await this.#redis.connect();
    } catch (error) {
      this.#report(reasonOf(error));
    }
  }

  get ready(): boolean {
    return this.#redis.status === 'ready';
  }

  shardOf(_key: string): number {
    return 0;
  }

  async run(script: LuaScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await this.#redis.evalsha(script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isNoScript(error)) throw storeError(error);
    }
    try {
      // The server refused before running anything, so nothing can be counted twice.
      return await this.#redis.eval(script.source, keys.length, ...keys, ...args);
    } catch (error) {
      throw storeError(error);
    }
  }

  close(): void {
    this.#redis.disconnect();
  }

  #report(reason: string): void {
    if (reason === this.#lastError) return;
    this.#lastError = reason;
    this.#logger.warn({ reason }, 'redis: connection trouble');
  }
}

function isNoScript(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('NOSCRIPT');
}

function storeError(error: unknown): StoreError {
  const reason = reasonOf(error);
  if (error instanceof Error && error.name === 'ReplyError') {
    return new StoreError('SLUICE_STORE_REPLY', `redis answered: ${reason}`, { cause: error });
  }
  if (reason === 'Command timed out') {
    return new StoreError('SLUICE_STORE_TIMEOUT', 'redis did not answer in time', { cause: error });
  }
  return new StoreError('SLUICE_STORE_CONNECTION', `redis cannot be reached: ${reason}`, { cause: error });
}
