/** A callback with its time. */
export interface Due {
  /** When, on whatever timeline the owner keeps. */
  readonly at: number;
  /** Ties go by it, lowest first. */
  readonly order: number;
  /** Undefined: taken back. */
  fn: (() => void) | undefined;
}

/** Entries taken back that may lie around before it is worth while to look for them. */
const MIN_CANCELLED = 512;

/**
 * A binary heap (J. W. J. Williams, Algorithm 232, CACM 1964) of callbacks by time and order. Adding and taking cost
 * O(log n). One that is taken back stays as an empty shell until its time, or until the shells outnumber the rest: O(1), amortised.
 */
export class EventHeap {
  #heap: Due[] = [];
  #cancelled = 0;

  /** Entries not taken back. */
  get size(): number {
    return this.#heap.length - this.#cancelled;
  }

  /** The first entry that has not been taken back; stays in. */
  first(): Due | undefined {
    for (;;) {
      const top = this.#heap[0];
      if (top === undefined || top.fn !== undefined) return top;
      this.#dropTop();
      this.#cancelled -= 1;
    }
  }

  /** Takes out what {@link first} returned. */
  shift(): void {
    this.#dropTop();
  }

  push(entry: Due): void {
    this.#heap.push(entry);
    this.#rise(this.#heap.length - 1, entry);
  }

  /** Takes `entry` back; nothing when it has run or been taken back. */
  cancel(entry: Due): void {
    if (entry.fn === undefined) return;
    entry.fn = undefined;
    this.#cancelled += 1;
    if (this.#cancelled >= MIN_CANCELLED && this.#cancelled * 2 > this.#heap.length) this.#compact();
  }

  #compact(): void {
    this.#heap = this.#heap.filter((entry) => entry.fn !== undefined);
    this.#cancelled = 0;
    for (let i = (this.#heap.length >> 1) - 1; i >= 0; i--) {
      const entry = this.#heap[i];
      if (entry !== undefined) this.#sink(i, entry);
    }
  }

  #dropTop(): void {
    const last = this.#heap.pop();
    if (last !== undefined && this.#heap.length > 0) this.#sink(0, last);
  }

  #rise(from: number, entry: Due): void {
    const heap = this.#heap;
    let at = from;
    while (at > 0) {
      const up = (at - 1) >> 1;
      const parent = heap[up];
      if (parent === undefined || isBefore(parent, entry)) break;
      heap[at] = parent;
      at = up;
    }
    heap[at] = entry;
  }

  #sink(from: number, entry: Due): void {
    const heap = this.#heap;
    let at = from;
    for (;;) {
      let down = 2 * at + 1;
      let child = heap[down];
      if (child === undefined) break;
      const other = heap[down + 1];
      if (other !== undefined && isBefore(other, child)) {
        down += 1;
        child = other;
      }
      if (isBefore(entry, child)) break;
      heap[at] = child;
      at = down;
    }
    heap[at] = entry;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
