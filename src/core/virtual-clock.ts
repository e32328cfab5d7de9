import type { Clock, Timer } from './clock.ts';
import { repeating } from './clock.ts';
import type { Due } from './event-heap.ts';
import { EventHeap } from './event-heap.ts';

/**
 * A clock that stands still until told to move. Callbacks run in order of their time, ties in order of registration,
 * so one sequence of calls gives one run. Setting and running a timer costs O(log n), taking one back O(1).
 */
export class VirtualClock implements Clock {
  #now: number;
  readonly #origin: number;
  #order = 0;
  #skew = 0;
  #ran = 0;
  readonly #pending = new EventHeap();

  /** @param startMs Unix milliseconds at which the clock starts */
  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
    this.#origin = startMs;
  }

  /** Callbacks run so far. */
  get ran(): number {
    return this.#ran;
  }
  /** Callbacks waiting for their time. */
  get waiting(): number {
    return this.#pending.size;
  }

  now(): number {
    return Math.floor(this.#now + this.#skew);
  }
  monotonic(): number {
    return this.#now - this.#origin;
  }
  /** Steps the wall clock by `ms` without letting time pass, as an operator or NTP would. */
  stepWall(ms: number): void {
    this.#skew += ms;
  }
  after(ms: number, fn: () => void): Timer {
    const entry: Due = { at: this.#now + Math.max(0, ms), order: this.#order++, fn };
    this.#pending.push(entry);
    return { cancel: () => this.#pending.cancel(entry) };
  }
  every(ms: number, fn: () => void): Timer {
    return repeating(this, ms, fn);
  }
  endOfTurn(fn: () => void): void {
    this.after(0, fn);
  }
  /** Lets `ms` milliseconds pass, running everything that falls due. */
  advance(ms: number): void {
    const until = this.monotonic() + ms;
    while (this.step(until));
  }
  /**
   * Runs the next callback if it falls due by `until` (as {@link monotonic} tells time), else lets the time until then
   * pass. False when there was none: it is `until` now.
   */
  step(until: number): boolean {
    const limit = this.#origin + until;
    const due = this.#pending.first();
    if (due === undefined || due.at > limit) {
      if (limit > this.#now) this.#now = limit;
      return false;
    }
    this.#pending.shift();
    const { fn } = due;
    // So that taking it back from now on does nothing.
    due.fn = undefined;
    this.#now = due.at;
    this.#ran += 1;
    fn?.();
    return true;
  }
}
