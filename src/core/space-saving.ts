/** One key of a summary. It was counted at least `count − error` and at most `count` times. */
export interface HeavyKey {
  readonly key: string;
  readonly count: number;
  readonly error: number;
}

/** The keys counted most, most first. */
export interface Summary {
  readonly keys: readonly HeavyKey[];
  /** A key that is not among them was counted at most so many times. */
  readonly floor: number;
}

interface Slot {
  key: string;
  count: number;
  error: number;
  /** Its place in the heap. */
  at: number;
}

/**
 * Finds the keys counted most in a stream of any number of keys, in the memory of `capacity` of them: Space-Saving
 * (A. Metwally, D. Agrawal, A. El Abbadi, Efficient Computation of Frequent and Top-k Elements in Data Streams, ICDT 2005).
 * A new key takes the place of the one counted least and inherits its count as its possible error. After n counts
 * no count is more than n / capacity too high and none too low, and every key counted more often than that is there.
 *
 * A binary heap holds the least at its root: O(log capacity) a count.
 */
export class SpaceSaving {
  readonly #capacity: number;
  readonly #slots = new Map<string, Slot>();
  readonly #heap: Slot[] = [];

  /** @param capacity keys kept, 1 or more */
  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  add(key: string): void {
    const known = this.#slots.get(key);
    if (known !== undefined) {
      known.count += 1;
      this.#sink(known);
      return;
    }
    const least = this.#heap[0];
    if (this.#heap.length < this.#capacity || least === undefined) {
      const slot: Slot = { key, count: 1, error: 0, at: this.#heap.length };
      this.#slots.set(key, slot);
      this.#heap.push(slot);
      this.#rise(slot);
      return;
    }
    this.#slots.delete(least.key);
    least.key = key;
    least.error = least.count;
    least.count += 1;
    this.#slots.set(key, least);
    this.#sink(least);
  }

  summary(): Summary {
    const full = this.#heap.length >= this.#capacity;
    const keys = this.#heap.map(({ key, count, error }) => ({ key, count, error })).sort(mostFirst);
    return { keys, floor: full ? (this.#heap[0]?.count ?? 0) : 0 };
  }

  #rise(slot: Slot): void {
    while (slot.at > 0) {
      const above = this.#heap[(slot.at - 1) >> 1];
      if (above === undefined || above.count <= slot.count) return;
      this.#swap(above, slot);
    }
  }

  #sink(slot: Slot): void {
    for (;;) {
      const left = this.#heap[2 * slot.at + 1];
      const right = this.#heap[2 * slot.at + 2];
      const below = right !== undefined && left !== undefined && right.count < left.count ? right : left;
      if (below === undefined || below.count >= slot.count) return;
      this.#swap(slot, below);
    }
  }

  #swap(upper: Slot, lower: Slot): void {
    const { at } = upper;
    upper.at = lower.at;
    lower.at = at;
    this.#heap[upper.at] = upper;
    this.#heap[lower.at] = lower;
  }
}

/**
 * One summary of several streams together (P. K. Agarwal et al., Mergeable Summaries, PODS 2012): a key that one of them does not
 * hold may have been counted there up to its floor. Bounds stay bounds.
 */
export function mergeSummaries(summaries: readonly Summary[]): Summary {
  const floor = summaries.reduce((sum, each) => sum + each.floor, 0);
  const merged = new Map<string, { key: string; count: number; error: number }>();
  for (const { keys, floor: own } of summaries) {
    for (const { key, count, error } of keys) {
      const entry = merged.get(key) ?? { key, count: floor, error: floor };
      // Until now this stream stood in it with its floor.
      entry.count += count - own;
      entry.error += error - own;
      merged.set(key, entry);
    }
  }
  return { keys: [...merged.values()].sort(mostFirst), floor };
}

function mostFirst(a: HeavyKey, b: HeavyKey): number {
  return b.count - a.count || a.error - b.error || (a.key < b.key ? -1 : 1);
}
