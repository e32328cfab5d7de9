interface Entry {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
}

/** What is to happen when, in virtual milliseconds. Ties in the order in which they were put down. */
export class Agenda {
  now = 0;
  /** Set when a promise has been settled: whoever waits for it goes first. */
  settling = false;
  #order = 0;
  readonly #heap: Entry[] = [];

  at(at: number, fn: () => void): void {
    const entry = { at: Math.max(at, this.now), order: this.#order++, fn };
    const heap = this.#heap;
    heap.push(entry);
    for (let i = heap.length - 1; i > 0; ) {
      const parent = (i - 1) >> 1;
      if (!this.#swapIfLater(parent, i)) break;
      i = parent;
    }
  }

  async run(ms: number): Promise<void> {
    const until = this.now + ms;
    for (;;) {
      const next = this.#heap[0];
      if (next === undefined || next.at > until) break;
      this.#takeFirst();
      this.now = next.at;
      next.fn();
      if (!this.settling) continue;
      this.settling = false;
      await new Promise((resolve) => setImmediate(resolve));
    }
    this.now = until;
  }

  #takeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    heap[0] = last;
    for (let i = 0; ; ) {
      const left = 2 * i + 1;
      const smaller = isLater(heap[left], heap[left + 1]) ? left + 1 : left;
      if (!this.#swapIfLater(i, smaller)) return;
      i = smaller;
    }
  }

  #swapIfLater(a: number, b: number): boolean {
    const [first, second] = [this.#heap[a], this.#heap[b]];
    if (first === undefined || second === undefined || !isLater(first, second)) return false;
    this.#heap[a] = second;
    this.#heap[b] = first;
    return true;
  }
}

function isLater(a: Entry | undefined, b: Entry | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.at > b.at || (a.at === b.at && a.order > b.order);
}
