import type { Clock, Timer } from '../core/clock.ts';
import type { KeyLayout } from './keys.ts';
import type { LuaScript } from './lua-script-loader.ts';
import type { ScriptRunner } from './script-runner.ts';

export interface HeartbeatOptions {
  readonly clock: Clock;
  readonly runner: ScriptRunner;
  readonly script: LuaScript;
  readonly keys: KeyLayout;
  /** This instance, unique. */
  readonly instance: string;
  /** Live instances to assume until Redis has told. */
  readonly assumed: number;
  /** Counters were reset by an operator, or lost with Redis' data: remembered denials are void. */
  readonly onReset: () => void;
  /** Somebody asks for the busiest keys of these limits. Must not throw. */
  readonly onTopWanted?: (limits: readonly string[]) => void;
}

const INTERVAL_MS = 1_000;
/** An instance that was not heard of for this long is gone. */
const LEASE_MS = 5_000;

/**
 * Tells Redis that this instance lives and learns how many do, so that each knows its share when Redis is gone: the last
 * number heard stays in force then. After a loss of Redis' data a smaller number is believed only when all others have
 * had the time to join again.
 */
export class Heartbeat {
  readonly #options: HeartbeatOptions;
  #timer: Timer | undefined;
  #live: number;
  /** Nothing below `#before` is believed until then, on the monotonic clock. */
  #before = 1;
  #doubtedUntil = Number.NEGATIVE_INFINITY;
  #resets: number | undefined;

  constructor(options: HeartbeatOptions) {
    this.#options = options;
    this.#live = Math.max(1, options.assumed);
  }

  /** Live instances, this one included, as last heard. At least 1. */
  get live(): number {
    if (this.#live >= this.#before || this.#options.clock.monotonic() >= this.#doubtedUntil) return this.#live;
    return this.#before;
  }

  async start(): Promise<void> {
    this.#timer = this.#options.clock.every(INTERVAL_MS, () => void this.#beat(LEASE_MS));
    await this.#beat(LEASE_MS);
  }

  /** Leaves, so that the others' shares grow at once. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    await this.#beat(0);
  }

  async #beat(leaseMs: number): Promise<void> {
    const { clock, runner, script, keys, instance, onReset, onTopWanted } = this.#options;
    try {
      const reply = await runner.run(script, [keys.instances, keys.resets, keys.topWanted], [instance, leaseMs]);
      const [live, resets, joined, wanted] = Array.isArray(reply) ? (reply as unknown[]) : [];
      if (typeof live !== 'number' || typeof resets !== 'number') return;
      // Having to join anew, it was forgotten: the data is gone, or it was silent for long.
      const forgotten = this.#resets !== undefined && joined === 1;
      if (forgotten) {
        this.#before = this.live;
        this.#doubtedUntil = clock.monotonic() + LEASE_MS;
      }
      this.#live = Math.max(1, live);
      if (this.#resets !== undefined && (forgotten || resets !== this.#resets)) onReset();
      this.#resets = resets;
      if (Array.isArray(wanted) && wanted.length > 0) onTopWanted?.(wanted.map(String));
    } catch {
      // Missing beats are the store's trouble, reported where checks are made; the last number stays.
    }
  }
}
