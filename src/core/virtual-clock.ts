import type { Clock, Timer } from './clock.ts';

interface Pending {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
}

/**
 * A clock that stands still until told to move. Callbacks run in order of their time, ties in order of registration,
 * so one sequence of calls gives one run.
 */
export class VirtualClock implements Clock {
  #now: number;
  readonly #origin: number;
  #order = 0;
  #skew = 0;
  #pending: Pending[] = [];

  /** @param startMs Unix milliseconds at which the clock starts */
  constructor(startMs = 1_700_000_000_000) {
    this.#now = startMs;
    this.#origin = startMs;
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
    const entry: Pending = { at: this.#now + Math.max(0, ms), order: this.#order++, fn };
    this.#pending.push(entry);
    return {
      cancel: () => {
        this.#pending = this.#pending.filter((p) => p !== entry);
      },
    };
  }
  every(ms: number, fn: () => void): Timer {
    let timer: Timer;
    const tick = (): void => {
      timer = this.after(ms, tick);
      fn();
    };
    timer = this.after(ms, tick);
    return { cancel: () => timer.cancel() };
  }
  endOfTurn(fn: () => void): void {
    this.after(0, fn);
  }
  /** Lets `ms` milliseconds pass, running everything that falls due. */
  advance(ms: number): void {
    const until = this.#now + ms;
    for (;;) {
      let next: Pending | undefined;
      for (const p of this.#pending) {
        if (p.at > until) continue;
        if (next === undefined || p.at < next.at || (p.at === next.at && p.order < next.order)) next = p;
      }
      if (next === undefined) break;
      const due = next;
      this.#pending = this.#pending.filter((p) => p !== due);
      this.#now = due.at;
      due.fn();
    }
    this.#now = until;
  }
}
