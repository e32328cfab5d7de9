import type { RedisOptions } from 'ioredis';
import { Redis } from 'ioredis';
import type { Clock } from '../core/clock.ts';
import { StoreError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { OutageLog } from '../core/outage-log.ts';
import type { RedisAccess } from './client-options.ts';
import { reconnectDelay, strictOptions } from './client-options.ts';
import type { LuaScript } from './lua-script-loader.ts';
import type { Trouble } from './reasons.ts';
import { troubleOf } from './reasons.ts';
import { isReplyError, runScript, storeError } from './run-script.ts';
import type { ScriptRunner } from './script-runner.ts';
import { SentinelWatch } from './sentinel-watch.ts';
import { startClient } from './start-client.ts';

/** Where the one primary is. */
export type PrimaryAddress =
  | { readonly host: string; readonly port: number; readonly database: number }
  | {
      readonly sentinel: {
        /** Name of the primary that the sentinels watch. */
        readonly name: string;
        readonly nodes: readonly { readonly host: string; readonly port: number }[];
        readonly username: string | undefined;
        readonly password: string | undefined;
      };
    };

export interface ConnectionOptions {
  readonly address: PrimaryAddress;
  readonly access: RedisAccess;
  /** Milliseconds after which a caller has stopped waiting. */
  readonly timeoutMs: number;
  /** Shown in CLIENT LIST. */
  readonly clientName: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How long to wait when the client has stopped trying. */
const GAVE_UP_MS = 1_000;

/**
 * One connection to one primary: at a fixed address, or wherever the sentinels say it is. Errors say `redis: ` and what
 * is wrong.
 */
export class RedisConnection implements ScriptRunner {
  readonly #redis: Redis;
  readonly #watch: SentinelWatch | undefined;
  readonly #clock: Clock;
  readonly #log: OutageLog;
  readonly #server: string;
  #started = false;
  #closed = false;
  /** Why there is no usable connection, as far as known. */
  #trouble: Trouble | undefined;
  /** Why the server must not be used although it is connected. */
  #refusal: Trouble | undefined;

  constructor(options: ConnectionOptions) {
    const { address, access, clock, logger } = options;
    this.#clock = clock;
    this.#log = new OutageLog({ clock, logger, failing: 'redis: no connection', working: 'redis: connected again' });
    this.#server = 'sentinel' in address ? `primary "${address.sentinel.name}"` : 'the server';
    const strict = strictOptions(options.timeoutMs, options.clientName, access);
    this.#watch = watchSentinels(address, strict, () => this.#leave());
    this.#redis = createClient(address, {
      ...strict,
      lazyConnect: true,
      retryStrategy: reconnectDelay,
      // Demoted while we were connected: connect anew, to whoever is the primary now. Nothing is sent again.
      reconnectOnError: (error) => error.message.startsWith('READONLY'),
    });
    this.#redis.on('connect', () => {
      this.#refusal = undefined;
    });
    this.#redis.on('error', (error: unknown) => this.#failed(error));
    this.#redis.on('end', () => {
      if (!this.#closed) clock.after(GAVE_UP_MS, () => this.#again());
    });
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
    this.#watch?.start();
    await startClient(this.#redis, this.#clock, (error) => this.#failed(error));
    this.#started = true;
    if (this.#trouble !== undefined) this.#log.known(this.#trouble.text);
  }

  get ready(): boolean {
    return this.#redis.status === 'ready';
  }

  slotOf(_key: string): number {
    return 0;
  }

  serverOf(_slot: number): string {
    return this.#server;
  }

  together(send: () => void): void {
    send();
  }

  async run(script: LuaScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    if (this.#refusal !== undefined) throw new StoreError('SLUICE_STORE_REFUSED', `redis: ${this.#refusal.text}`);
    try {
      return await runScript(this.#redis, script, keys, args);
    } catch (error) {
      if (isReplyError(error) && /^(?:MOVED|ASK) /.test(error.message)) throw NOT_ONE_SERVER;
      throw storeError(error, this.#trouble);
    }
  }

  close(): void {
    this.#closed = true;
    this.#watch?.stop();
    this.#redis.disconnect();
  }

  /** The client has given up, which it should not. */
  #again(): void {
    if (!this.#closed && this.#redis.status === 'end')
      this.#redis.connect().catch((error: unknown) => this.#failed(error));
  }

  /** Connects anew. While it is connecting it must be left alone: interrupted, the client gives up for good. */
  #leave(): void {
    if (this.#redis.status === 'ready') this.#redis.disconnect(true);
  }

  #failed(error: unknown): void {
    const trouble = troubleOf(error);
    if (trouble === undefined) return;
    this.#trouble = trouble;
    // The client would go on in database 0, among the counters of others.
    if (isReplyError(error) && error.message.includes('DB index')) this.#refusal = trouble;
    if (this.#started) this.#log.failed(trouble.text);
  }
}

const NOT_ONE_SERVER = new StoreError(
  'SLUICE_STORE_REPLY',
  'redis: it is a node of a Redis Cluster: name some of its nodes in redis.cluster',
);

type ClientOptions = ReturnType<typeof strictOptions> &
  Required<Pick<RedisOptions, 'lazyConnect' | 'retryStrategy' | 'reconnectOnError'>>;

function createClient(address: PrimaryAddress, options: ClientOptions): Redis {
  if (!('sentinel' in address)) {
    const { host, port, database } = address;
    return new Redis({ ...options, host, port, db: database });
  }
  const { name, nodes, username, password } = address.sentinel;
  return new Redis({
    ...options,
    name,
    role: 'master',
    sentinels: nodes.map(({ host, port }) => ({ host, port })),
    ...(username === undefined ? {} : { sentinelUsername: username }),
    ...(password === undefined ? {} : { sentinelPassword: password }),
    ...(options.tls === undefined ? {} : { enableTLSForSentinelMode: true, sentinelTLS: options.tls }),
    // A sentinel that hangs must not hold up the others.
    sentinelCommandTimeout: 500,
    sentinelRetryStrategy: reconnectDelay,
  });
}

/** The client has such a thing (failoverDetector), which writes every sentinel that is gone to standard error. */
function watchSentinels(
  address: PrimaryAddress,
  options: ReturnType<typeof strictOptions>,
  onSwitch: () => void,
): SentinelWatch | undefined {
  if (!('sentinel' in address)) return undefined;
  const { name, nodes, username, password } = address.sentinel;
  const { connectionName, connectTimeout, tls } = { tls: undefined, ...options };
  const client = {
    connectionName,
    connectTimeout,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  };
  return new SentinelWatch({ name, nodes, client, onSwitch });
}
