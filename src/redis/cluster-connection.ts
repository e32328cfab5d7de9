import type { Redis } from 'ioredis';
import { Cluster } from 'ioredis';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { RedisAccess } from './client-options.ts';
import { reconnectDelay, strictOptions } from './client-options.ts';
import type { LuaScript } from './lua-script-loader.ts';
import { OutageLog } from './outage-log.ts';
import type { Trouble } from './reasons.ts';
import { troubleOf } from './reasons.ts';
import { runScript, storeError } from './run-script.ts';
import type { ScriptRunner } from './script-runner.ts';
import { hashSlot } from './slot.ts';
import { startClient } from './start-client.ts';

export interface ClusterConnectionOptions {
  /** Some of the cluster's nodes; the others are learnt from them. */
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly access: RedisAccess;
  /** Milliseconds after which a caller has stopped waiting. */
  readonly timeoutMs: number;
  /** Shown in CLIENT LIST. */
  readonly clientName: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often to ask which node serves which slot, beside what redirections tell. */
const REFRESH_MS = 1_000;

/**
 * Connections to the primaries of a Redis Cluster. A redirection (MOVED, ASK) is followed once: the node that redirects
 * has counted nothing. No other command is ever sent again.
 */
export class ClusterConnection implements ScriptRunner {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #log: OutageLog;
  #started = false;
  #trouble: Trouble | undefined;

  constructor(options: ClusterConnectionOptions) {
    const { clock, logger } = options;
    this.#clock = clock;
    this.#log = new OutageLog({ clock, logger, failing: 'redis: no cluster', working: 'redis: cluster found again' });
    const { enableOfflineQueue, ...node } = strictOptions(options.timeoutMs, options.clientName, options.access);
    this.#cluster = new Cluster([...options.nodes], {
      redisOptions: node,
      lazyConnect: true,
      enableOfflineQueue,
      enableReadyCheck: true,
      slotsRefreshInterval: REFRESH_MS,
      slotsRefreshTimeout: 500,
      maxRedirections: 1,
      // Zero: never again by itself. What failed is decided by the limit's policy, at once.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      retryDelayOnTryAgain: 0,
      retryDelayOnMoved: 0,
      clusterRetryStrategy: reconnectDelay,
      // Names that a private address hides behind are resolved by whoever runs the cluster.
      dnsLookup: (address, callback) => callback(null, address),
    });
    this.#cluster.on('error', (error: unknown) => this.#failed(error));
    this.#cluster.on('node error', (error: unknown) => this.#nodeFailed(error));
    // Left to itself the client connects when it is asked first, and whoever asks meanwhile fails.
    this.#cluster.on('+node', (node: Redis) => {
      if (node.options.readOnly !== true && node.status === 'wait') node.connect().catch(() => {});
    });
    let checking = false;
    this.#cluster.on('connect', () => {
      checking = true;
    });
    this.#cluster.on('close', () => {
      if (checking) this.#failed(new Error('CLUSTERDOWN cluster_state:fail'));
      checking = false;
    });
    this.#cluster.on('ready', () => {
      checking = false;
      this.#trouble = undefined;
      this.#log.works();
    });
  }

  /** As {@link RedisConnection.start}. */
  async start(): Promise<void> {
    await startClient(this.#cluster, this.#clock, (error) => this.#failed(error));
    this.#started = true;
    if (this.#trouble !== undefined) this.#log.known(this.#trouble.text);
  }

  slotOf(key: string): number {
    return hashSlot(key);
  }

  serverOf(slot: number): string | undefined {
    return this.#cluster.slots[slot]?.[0];
  }

  together(send: () => void): void {
    const streams = this.#cluster.nodes('master').map((node) => node.stream);
    for (const stream of streams) stream?.cork?.();
    try {
      send();
    } finally {
      for (const stream of streams) stream?.uncork?.();
    }
  }

  async run(script: LuaScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    try {
      return await runScript(this.#cluster, script, keys, args);
    } catch (error) {
      throw storeError(error, this.#trouble);
    }
  }

  close(): void {
    this.#cluster.disconnect();
  }

  /** One node's trouble shows in the circuit of its shard; it is kept only as the reason why there may be no cluster. */
  #nodeFailed(error: unknown): void {
    this.#trouble = troubleOf(error) ?? this.#trouble;
  }

  #failed(error: unknown): void {
    const last = (error as { lastNodeError?: unknown }).lastNodeError;
    const trouble = troubleOf(last ?? error);
    if (trouble === undefined) return;
    this.#trouble = trouble;
    if (this.#started) this.#log.failed(trouble.text);
  }
}
