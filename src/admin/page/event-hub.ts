/** Server-sent events (WHATWG HTML, section 9.2): one snapshot a second to everybody who listens, nothing when nobody does. */
import type { ServerResponse } from 'node:http';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Logger } from '../../core/logger.ts';

export interface EventHubOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called when the first listener comes: makes the snapshots from then on, until the last one leaves. */
  readonly begin: () => () => object;
  /** Listeners at once. */
  readonly most: number;
}

const INTERVAL_MS = 1_000;
/** Snapshots that a listener may miss in a row because it has not read the one before. */
const MOST_MISSED = 10;
/** How long a browser waits before it connects again, milliseconds. */
const RETRY_MS = 2_000;

interface Listener {
  readonly response: ServerResponse;
  missed: number;
}

/**
 * A snapshot is made once for all listeners. Of a listener who reads slowly one snapshot waits in memory, the next are
 * left out, and after 10 of them it is cut off.
 */
export class EventHub {
  readonly #options: EventHubOptions;
  readonly #listeners = new Set<Listener>();
  #next: (() => object) | undefined;
  #timer: Timer | undefined;
  #last = '';
  #closed = false;

  constructor(options: EventHubOptions) {
    this.#options = options;
  }

  get full(): boolean {
    return this.#listeners.size >= this.#options.most;
  }

  /** Takes over a response whose head is written. */
  add(response: ServerResponse): void {
    const listener: Listener = { response, missed: 0 };
    response.on('error', () => {});
    response.on('close', () => this.#remove(listener));
    if (this.#closed || response.destroyed) {
      response.end();
      return;
    }
    this.#listeners.add(listener);
    response.write(`retry: ${RETRY_MS}\n\n`);
    if (this.#timer === undefined) this.#start();
    else response.write(this.#last);
  }

  /** Ends all streams; those that come later end at once. */
  close(): void {
    this.#closed = true;
    for (const { response } of this.#listeners) response.end();
  }

  #start(): void {
    this.#next = this.#options.begin();
    this.#timer = this.#options.clock.every(INTERVAL_MS, () => this.#tick());
    this.#tick();
  }

  #remove(listener: Listener): void {
    this.#listeners.delete(listener);
    if (this.#listeners.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#next = undefined;
    this.#last = '';
  }

  #tick(): void {
    try {
      this.#last = `event: snapshot\ndata: ${JSON.stringify(this.#next?.() ?? {})}\n\n`;
    } catch (error) {
      // A dashboard must not end a gateway.
      this.#options.logger.error({ err: error }, 'a snapshot for the dashboard failed');
      for (const { response } of this.#listeners) response.destroy();
      return;
    }
    for (const listener of this.#listeners) this.#send(listener);
  }

  #send(listener: Listener): void {
    const { response } = listener;
    if (!response.writableNeedDrain) {
      listener.missed = 0;
      response.write(this.#last);
      return;
    }
    listener.missed += 1;
    if (listener.missed < MOST_MISSED) return;
    this.#options.logger.debug({ missed: listener.missed }, 'a listener to events reads too slowly and was cut off');
    response.destroy();
  }
}
