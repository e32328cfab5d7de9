import type { ConnectionOptions as TlsOptions } from 'node:tls';
import { Redis } from 'ioredis';
import { reconnectDelay } from './client-options.ts';

export interface SentinelWatchOptions {
  /** Name of the primary. */
  readonly name: string;
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  /** Credentials, TLS and timeouts of the connections to the sentinels. */
  readonly client: {
    readonly connectionName: string;
    readonly connectTimeout: number;
    readonly username?: string;
    readonly password?: string;
    readonly tls?: TlsOptions;
  };
  /** The sentinels have made another server the primary. */
  readonly onSwitch: () => void;
}

const CHANNEL = '+switch-master';

/**
 * Listens to the sentinels, so that a primary which lost its office is left at once, also when it goes on answering. A
 * sentinel that is gone is no trouble: the others know the same.
 */
export class SentinelWatch {
  readonly #clients: readonly Redis[];

  constructor({ name, nodes, client, onSwitch }: SentinelWatchOptions) {
    this.#clients = nodes.map(({ host, port }) => {
      const sentinel = new Redis({ ...client, host, port, lazyConnect: true, retryStrategy: reconnectDelay });
      sentinel.on('error', () => {});
      sentinel.on('message', (...[, message]: unknown[]) => {
        if (String(message).startsWith(`${name} `)) onSwitch();
      });
      return sentinel;
    });
  }

  start(): void {
    // The client subscribes anew after each reconnection.
    for (const client of this.#clients) client.subscribe(CHANNEL).catch(() => {});
  }

  stop(): void {
    for (const client of this.#clients) client.disconnect();
  }
}
