import type { Clock, Timer } from '../core/clock.ts';
import type { ProxySnapshot, ServerOptions } from './options.ts';

const SHORTEST_MS = 10;
const LONGEST_MS = 500;

/**
 * One timer for the time limits of all exchanges instead of one each: limits are kept to within a tick, an eighth of the
 * shortest limit.
 */
export class Ticker {
  readonly #clock: Clock;
  readonly #visit: (now: number) => void;
  #timer: Timer | undefined;
  now: number;
  periodMs = LONGEST_MS;

  constructor(clock: Clock, visit: (now: number) => void) {
    this.#clock = clock;
    this.#visit = visit;
    this.now = clock.monotonic();
  }

  /** Starts, or goes on with another period. */
  start(periodMs: number): void {
    if (this.#timer !== undefined && periodMs === this.periodMs) return;
    this.stop();
    this.periodMs = periodMs;
    this.now = this.#clock.monotonic();
    this.#timer = this.#clock.every(periodMs, () => {
      this.now = this.#clock.monotonic();
      this.#visit(this.now);
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}

/** The period that fits the limits in force. */
export function tickPeriod(server: ServerOptions, snapshot: ProxySnapshot): number {
  let shortest = LONGEST_MS * 8;
  const consider = (ms: number): void => {
    if (ms > 0 && ms < shortest) shortest = ms;
  };
  consider(server.streamIdleTimeoutMs);
  for (const upstream of snapshot.upstreams) {
    consider(upstream.timeoutMs);
    consider(upstream.bodyTimeoutMs);
  }
  return Math.min(LONGEST_MS, Math.max(SHORTEST_MS, Math.floor(shortest / 8)));
}
