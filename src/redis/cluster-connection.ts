import { Cluster } from 'ioredis';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { RedisAccess } from './client-options.ts';
import { reconnectDelay, strictOptions } from './client-options.ts';
import type { LuaScript } from './lua-script-loader.ts';
import { OutageLog } from './outage-log.ts';
import { meaningOf } from './reasons.ts';
import { runScript, storeError } from './run-script.ts';
import type { ScriptRunner } from './script-runner.ts';
import { hashSlot } from './slot.ts';

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
  readonly #log: OutageLog;
  #started = false;
  #trouble: string | undefined;

  constructor(options: ClusterConnectionOptions) {
    const { clock, logger } = options;
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
    this.#cluster.on('ready', () => {
      this.#trouble = undefined;
      this.#log.works();
    });
  }

  /** As {@link RedisConnection.start}. */
  async start(): Promise<void> {
    await this.#cluster.connect().catch((error: unknown) => this.#failed(error));
    this.#started = true;
    if (this.#trouble !== undefined) this.#log.known(this.#trouble);
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
    this.#trouble = meaningOf(error) ?? this.#trouble;
  }

  #failed(error: unknown): void {
    const last = (error as { lastNodeError?: unknown }).lastNodeError;
    const meaning = meaningOf(last ?? error);
    if (meaning === undefined) return;
    this.#trouble = meaning;
    if (this.#started) this.#log.failed(meaning);
  }
}
