import type { Redis } from 'ioredis';
import { Cluster } from 'ioredis';
import type { Clock, Timer } from '../core/clock.ts';
import { withDeadline } from '../core/deadline.ts';
import type { Logger } from '../core/logger.ts';
import { OutageLog } from '../core/outage-log.ts';
import type { RedisAccess } from './client-options.ts';
import { reconnectDelay, strictOptions } from './client-options.ts';
import type { LuaScript } from './lua-script-loader.ts';
import type { Trouble } from './reasons.ts';
import { troubleOf } from './reasons.ts';
import { isClosedBehindRedirection, runScript, storeError } from './run-script.ts';
import type { ScriptRunner } from './script-runner.ts';
import { hashSlot } from './slot.ts';
import { startClient } from './start-client.ts';

export interface ClusterConnectionOptions {
  /** Some of the cluster's nodes; the others are learnt from them. */
  readonly nodes: readonly NodeAddress[];
  readonly access: RedisAccess;
  /** Milliseconds after which a caller has stopped waiting. */
  readonly timeoutMs: number;
  /** Shown in CLIENT LIST. */
  readonly clientName: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface NodeAddress {
  readonly host: string;
  readonly port: number;
}

/** How often to ask which node serves which slot, beside what redirections tell. */
const REFRESH_MS = 1_000;

/**
 * Connections to the primaries of a Redis Cluster. A redirection (MOVED, ASK) is followed once, MOVED also to a node that
 * we were not connected to yet: the node that redirects has counted nothing. No other command is ever sent again.
 */
export class ClusterConnection implements ScriptRunner {
  readonly #cluster: Cluster;
  readonly #clock: Clock;
  readonly #log: OutageLog;
  readonly #timeoutMs: number;
  /** Those that there is a connection to, or will be, by name. */
  readonly #nodes = new Map<string, Redis>();
  /** Servers that we are connecting to, as {@link serverOf} names them. */
  readonly #connecting = new Map<string, Promise<void>>();
  /** Where else the cluster was seen, for when all of the configured nodes are gone. */
  #seen: readonly NodeAddress[] = [];
  #refreshing: Promise<void> | undefined;
  #timer: Timer | undefined;
  #started = false;
  #closed = false;
  #trouble: Trouble | undefined;

  constructor(options: ClusterConnectionOptions) {
    const { clock, logger } = options;
    this.#clock = clock;
    this.#timeoutMs = options.timeoutMs;
    this.#log = new OutageLog({ clock, logger, failing: 'redis: no cluster', working: 'redis: cluster found again' });
    const { enableOfflineQueue, ...node } = strictOptions(options.timeoutMs, options.clientName, options.access);
    this.#cluster = new Cluster([...options.nodes], {
      redisOptions: node,
      lazyConnect: true,
      enableOfflineQueue,
      // A cluster that is down says so to whoever asks, each shard for itself.
      enableReadyCheck: false,
      slotsRefreshTimeout: 500,
      maxRedirections: 1,
      // Zero: never again by itself. What failed is decided by the limit's policy, at once.
      retryDelayOnFailover: 0,
      retryDelayOnClusterDown: 0,
      retryDelayOnTryAgain: 0,
      retryDelayOnMoved: 0,
      clusterRetryStrategy: (attempt) => {
        // The client's own way to be sent elsewhere: what it starts from is read anew at each attempt.
        Object.assign(this.#cluster, { startupNodes: [...options.nodes, ...this.#seen] });
        return reconnectDelay(attempt);
      },
      // Names that a private address hides behind are resolved by whoever runs the cluster.
      dnsLookup: (address, callback) => callback(null, address),
    });
    this.#cluster.on('error', (error: unknown) => this.#failed(error));
    this.#cluster.on('node error', (error: unknown) => this.#nodeFailed(error));
    this.#cluster.on('+node', (node: Redis) => {
      this.#nodes.set(nameOf(node), node);
      this.#meet(node);
    });
    this.#cluster.on('-node', (node: Redis) => {
      if (this.#nodes.get(nameOf(node)) === node) this.#nodes.delete(nameOf(node));
    });
    // A replica that has become a primary is no new node.
    this.#cluster.on('refresh', () => {
      this.#meetAll();
      const seen = this.#cluster.nodes('all').flatMap(({ options: { host, port } }) => {
        const isConfigured = options.nodes.some((each) => each.host === host && each.port === port);
        return host === undefined || port === undefined || isConfigured ? [] : [{ host, port }];
      });
      if (seen.length > 0) this.#seen = seen;
    });
    this.#cluster.on('ready', () => {
      this.#trouble = undefined;
      this.#log.works();
    });
  }

  /** As {@link RedisConnection.start}. */
  async start(): Promise<void> {
    // The client's own timer for this survives a disconnect in the midst of a refresh, and with it the process.
    this.#timer = this.#clock.every(REFRESH_MS, () => {
      if (this.#cluster.status === 'ready') void this.#refresh();
    });
    await startClient(this.#cluster, this.#clock, (error) => this.#failed(error));
    this.#meetAll();
    this.#started = true;
    // Without a cluster there is no shard that anybody could ask and learn it from.
    if (this.#trouble !== undefined && this.#cluster.status !== 'ready') this.#log.failed(this.#trouble.text);
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
    const slot = hashSlot(keys[0] ?? '');
    const deadline = this.#clock.monotonic() + this.#timeoutMs;
    try {
      if (this.#isGone(slot)) await this.#inTime(deadline, this.#refresh());
      if (this.#connecting.size > 0) await this.#connected(slot, deadline);
      // Left to itself the client would bother a server that is well, only to be sent to the one that is gone.
      if (this.#isGone(slot)) throw new Error('Connection is closed.');
      try {
        return await runScript(this.#cluster, script, keys, args);
      } catch (error) {
        // Sent on by a server that has run nothing, to one that nothing could be sent to yet.
        if (!isClosedBehindRedirection(error) || !this.#isNew(slot)) throw error;
        await this.#connected(slot, deadline);
        if (this.#isGone(slot)) throw error;
      }
      return await runScript(this.#cluster, script, keys, args);
    } catch (error) {
      throw storeError(error, this.#trouble);
    }
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
    this.#cluster.disconnect();
  }

  #meetAll(): void {
    for (const node of this.#cluster.nodes('master')) this.#meet(node);
  }

  /** Left to itself the client would connect when it is asked first, and fail whoever asks meanwhile. */
  #meet(node: Redis): void {
    const server = nameOf(node);
    // A late redirection may bring a node after the end.
    if (this.#closed) {
      node.disconnect();
      return;
    }
    if (node.options.readOnly === true || node.status === 'ready' || this.#connecting.has(server)) return;
    const settled = new Promise<void>((resolve) => {
      node.once('ready', resolve);
      node.once('end', resolve);
    });
    this.#connecting.set(
      server,
      settled.then(() => void this.#connecting.delete(server)),
    );
    if (node.status === 'wait') node.connect().catch(() => {});
  }

  /** Waits until the slot's server is connected or not to be had; nothing is sent for whoever has stopped waiting. */
  async #connected(slot: number, deadline: number): Promise<void> {
    const settled = this.#connecting.get(this.serverOf(slot) ?? '');
    if (settled !== undefined) await this.#inTime(deadline, settled);
  }

  /** Whether the slot is said to be served by a server that there is no connection to, nor will be. */
  #isGone(slot: number): boolean {
    const server = this.serverOf(slot);
    return server !== undefined && !this.#nodes.has(server);
  }

  /** Whether the slot's server is being connected to; a connection that is lost is never made anew, so nothing was ever sent on it. */
  #isNew(slot: number): boolean {
    const node = this.#nodes.get(this.serverOf(slot) ?? '');
    // A replica that has become a primary has been known, and not been connected to.
    if (node !== undefined && ['wait', 'connecting', 'connect'].includes(node.status)) this.#meet(node);
    return node !== undefined && this.#connecting.has(nameOf(node));
  }

  /** Asks who serves which slot, once for all who want to know. */
  #refresh(): Promise<void> {
    this.#refreshing ??= new Promise<unknown>((resolve) => this.#cluster.refreshSlotsCache(resolve)).then((error) => {
      this.#refreshing = undefined;
      if (error) this.#startOver();
    });
    return this.#refreshing;
  }

  /** Left to itself the client would go on asking replicas that are gone, where they are all that it has left. */
  #startOver(): void {
    const isReady = [...this.#nodes.values()].some(({ status }) => status === 'ready');
    if (!isReady && !this.#closed && this.#cluster.status === 'ready') this.#cluster.disconnect(true);
  }

  #inTime<T>(deadline: number, work: Promise<T>): Promise<T> {
    return withDeadline(this.#clock, Math.max(0, deadline - this.#clock.monotonic()), work, late);
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

function late(): Error {
  return new Error('Command timed out');
}

/** As the slots name it. */
function nameOf({ options }: Redis): string {
  return `${options.host}:${options.port}`;
}
