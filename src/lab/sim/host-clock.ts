import type { Clock, Timer } from '../../core/clock.ts';
import { repeating } from '../../core/clock.ts';
import type { VirtualClock } from '../../core/virtual-clock.ts';

export interface HostClockOptions {
  /** The one true time of the simulation. */
  readonly base: VirtualClock;
  /** How far this host's wall clock is ahead of true time, milliseconds. */
  readonly skewMs: number;
  /** How much faster than true time it runs, parts per million. */
  readonly driftPpm: number;
}

/**
 * What one process of a simulated host knows of time. While the process is paused (SIGSTOP, a machine that swaps) its timers
 * wait and the clocks go on; after {@link kill} nothing runs any more.
 */
export class HostClock implements Clock {
  readonly #base: VirtualClock;
  readonly #rate: number;
  readonly #startedAt: number;
  #skewMs: number;
  #paused = false;
  #dead = false;
  #held: (() => void)[] = [];

  constructor({ base, skewMs, driftPpm }: HostClockOptions) {
    this.#base = base;
    this.#rate = 1 + driftPpm / 1e6;
    this.#startedAt = base.now() - base.monotonic();
    this.#skewMs = skewMs;
  }

  get paused(): boolean {
    return this.#paused;
  }
  get dead(): boolean {
    return this.#dead;
  }

  now(): number {
    return Math.floor(this.#startedAt + this.#base.monotonic() * this.#rate + this.#skewMs);
  }
  monotonic(): number {
    return this.#base.monotonic() * this.#rate;
  }
  after(ms: number, fn: () => void): Timer {
    let live = true;
    const timer = this.#base.after(ms / this.#rate, () => {
      this.run(() => {
        if (!live) return;
        live = false;
        fn();
      });
    });
    return {
      cancel: () => {
        live = false;
        timer.cancel();
      },
    };
  }
  /** As Node's: ticks missed in a pause are one tick at its end. */
  every(ms: number, fn: () => void): Timer {
    return repeating(this, ms, fn);
  }
  endOfTurn(fn: () => void): void {
    this.after(0, fn);
  }

  /** Runs `fn` now, or at the end of the pause; not at all once the process is dead. */
  run(fn: () => void): void {
    if (this.#dead) return;
    if (this.#paused) this.#held.push(fn);
    else fn();
  }

  /** Sets the wall clock forward (or back), as an operator or NTP would. */
  stepWall(ms: number): void {
    this.#skewMs += ms;
  }
  pause(): void {
    this.#paused = true;
  }
  /** Runs what has waited, in its order. */
  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    const held = this.#held;
    this.#held = [];
    for (const fn of held) this.run(fn);
  }
  kill(): void {
    this.#dead = true;
    this.#held = [];
  }
}
