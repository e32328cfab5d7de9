import { Redis } from 'ioredis';
import type { Clock } from '../core/clock.ts';
import { StoreError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { LuaScript } from './lua-script-loader.ts';
import { OutageLog } from './outage-log.ts';
import { meaningOf } from './reasons.ts';

export interface ConnectionOptions {
  /** redis:// or rediss:// */
  readonly url: string;
  /** Milliseconds after which a caller has stopped waiting. */
  readonly timeoutMs: number;
  /** Shown in CLIENT LIST. */
  readonly clientName: string;
  readonly clock: Clock;
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
 * unknown: a check that was counted twice would refuse a request that had room. Errors say `redis: ` and what is wrong.
 */
export class RedisConnection implements ScriptRunner {
  readonly #redis: Redis;
  readonly #log: OutageLog;
  #started = false;
  /** Why there is no usable connection, as far as known. */
  #trouble: string | undefined;
  /** Why the server must not be used although it is connected. */
  #refusal: string | undefined;

  constructor(options: ConnectionOptions) {
    const { clock, logger } = options;
    this.#log = new OutageLog({ clock, logger, failing: 'redis: no connection', working: 'redis: connected again' });
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
    this.#redis.on('connect', () => {
      this.#refusal = undefined;
    });
    this.#redis.on('error', (error: unknown) => this.#failed(error));
    this.#redis.on('ready', () => {
      if (this.#refusal !== undefined) return;
      this.#trouble = undefined;
      this.#log.works();
    });
  }

  /**
   * Starts connecting; resolves at the first success or failure. Reconnecting goes on by itself. A failure is not logged:
   * whoever asks first learns of it.
   */
  async start(): Promise<void> {
    await this.#redis.connect().catch((error: unknown) => this.#failed(error));
    this.#started = true;
    if (this.#trouble !== undefined) this.#log.known(this.#trouble);
  }

  get ready(): boolean {
    return this.#redis.status === 'ready';
  }

  shardOf(_key: string): number {
    return 0;
  }

  async run(script: LuaScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    if (this.#refusal !== undefined) throw new StoreError('SLUICE_STORE_REPLY', `redis: ${this.#refusal}`);
    try {
      return await this.#redis.evalsha(script.sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!isNoScript(error)) throw this.#storeError(error);
    }
    try {
      // The server refused before running anything, so nothing can be counted twice.
      return await this.#redis.eval(script.source, keys.length, ...keys, ...args);
    } catch (error) {
      throw this.#storeError(error);
    }
  }

  close(): void {
    this.#redis.disconnect();
  }

  #failed(error: unknown): void {
    const meaning = meaningOf(error);
    if (meaning === undefined) return;
    this.#trouble = meaning;
    // The client would go on in database 0, among the counters of others.
    if (isReply(error) && error.message.includes('DB index')) this.#refusal = meaning;
    if (this.#started) this.#log.failed(meaning);
  }

  #storeError(error: unknown): StoreError {
    const meaning = meaningOf(error);
    if (isReply(error)) return new StoreError('SLUICE_STORE_REPLY', `redis: ${meaning}`, { cause: error });
    if (error instanceof Error && error.message === 'Command timed out') {
      return new StoreError('SLUICE_STORE_TIMEOUT', `redis: ${meaning}`, { cause: error });
    }
    const why = meaning ?? this.#trouble ?? 'not connected yet';
    return new StoreError('SLUICE_STORE_CONNECTION', `redis: ${why}`, { cause: error });
  }
}

function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}

function isNoScript(error: unknown): boolean {
  return isReply(error) && error.message.startsWith('NOSCRIPT');
}
