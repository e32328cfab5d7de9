/** Requests in the order of their times, although logs are written in the order in which requests end. */
import type { LogEntry } from './log-entry.ts';

/** A request and where it came from. */
export interface Logged {
  readonly entry: LogEntry;
  readonly file: string;
  readonly line: number;
}

/** A request at its time; times never go back. */
export interface Timed extends Logged {
  /** Whole Unix milliseconds. */
  readonly at: number;
}

export interface Disorder {
  /** Requests that were logged after later ones. */
  readonly outOfOrder: number;
  /** Of those the ones that were too late to be sorted in: they are judged at the time of the request before. */
  readonly late: number;
  /** By how much the latest of them was, milliseconds. */
  readonly latestMs: number;
}

/** Requests held to be sorted: two minutes of some hundred a second. */
const HELD = 20_000;
/** Requests of one whole second that are spread over it together; more of them come in several goes. */
const SECOND = 50_000;

/**
 * Sorts within a window of {@link HELD} requests. Requests of which only the second is known are spread evenly over it, in the order of
 * the log, so that no limit sees them come all at once.
 */
export class InOrder {
  readonly #held: number;
  readonly #heap: { readonly at: number; readonly order: number; readonly logged: Logged }[] = [];
  #order = 0;
  #latest = Number.NEGATIVE_INFINITY;
  #released = Number.NEGATIVE_INFINITY;
  #now = Number.NEGATIVE_INFINITY;
  #second: Logged[] = [];
  #secondAt = 0;
  #outOfOrder = 0;
  #late = 0;
  #latestMs = 0;

  constructor(held = HELD) {
    this.#held = held;
  }

  get disorder(): Disorder {
    return { outOfOrder: this.#outOfOrder, late: this.#late, latestMs: this.#latestMs };
  }

  /** Takes one in; returns those that are next, if any. */
  push(logged: Logged): readonly Timed[] {
    const at = logged.entry.atMs;
    if (at < this.#latest) this.#outOfOrder += 1;
    else this.#latest = at;
    this.#add(at, logged);
    return this.#heap.length > this.#held ? this.#release() : NONE;
  }

  /** All that are left. */
  *end(): Generator<Timed> {
    while (this.#heap.length > 0) yield* this.#release();
    yield* this.#spread();
  }

  #release(): readonly Timed[] {
    const next = this.#take();
    if (next === undefined) return NONE;
    if (next.at < this.#released) {
      this.#late += 1;
      this.#latestMs = Math.max(this.#latestMs, this.#released - next.at);
    } else this.#released = next.at;
    const { entry } = next.logged;
    const joins = entry.wholeSecond && this.#second.length > 0 && entry.atMs === this.#secondAt;
    const before = joins && this.#second.length < SECOND ? NONE : this.#spread();
    if (entry.wholeSecond) {
      this.#second.push(next.logged);
      this.#secondAt = entry.atMs;
      return before;
    }
    return [...before, this.#timed(next.logged, entry.atMs)];
  }

  #spread(): Timed[] {
    const together = this.#second;
    this.#second = [];
    return together.map((logged, i) => this.#timed(logged, this.#secondAt + (i * 1_000) / together.length));
  }

  #timed(logged: Logged, at: number): Timed {
    this.#now = Math.max(this.#now, Math.floor(at));
    return { ...logged, at: this.#now };
  }

  #add(at: number, logged: Logged): void {
    const heap = this.#heap;
    const node = { at, order: this.#order++, logged };
    let i = heap.length;
    heap.push(node);
    while (i > 0) {
      const above = (i - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, node)) break;
      heap[i] = parent;
      i = above;
    }
    heap[i] = node;
  }

  #take() {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (top === undefined || last === undefined || heap.length === 0) return top;
    let i = 0;
    for (;;) {
      const [left, right] = [heap[2 * i + 1], heap[2 * i + 2]];
      const goesRight = left !== undefined && right !== undefined && isBefore(right, left);
      const child = goesRight ? right : left;
      if (child === undefined || isBefore(last, child)) break;
      heap[i] = child;
      i = 2 * i + (goesRight ? 2 : 1);
    }
    heap[i] = last;
    return top;
  }
}

const NONE: readonly never[] = [];

function isBefore(a: { at: number; order: number }, b: { at: number; order: number }): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
