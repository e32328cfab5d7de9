/**
 * A map of counters in bounded memory. Expired entries go by a slow sweep; when the cap is reached, an entry not used
 * since it was last looked at goes first (the CLOCK policy: F. J. Corbató, A Paging Experiment with the Multics System,
 * 1968), which approximates least recently used at the cost of one flag a use.
 */
export interface CounterEntry {
  /** Unix ms from which the entry is worth nothing. */
  expiresAt: number;
  /** Used since the hand last passed. Set by {@link CounterMap.get}. */
  used: boolean;
  /** Must stay, whatever its age. */
  pinned: boolean;
}

/** Entries the hand passes in search of one to evict, before it takes an unpinned one regardless. */
const HAND_STEPS = 64;

export class CounterMap<Entry extends CounterEntry> {
  readonly #entries = new Map<string, Entry>();
  readonly #cap: number;
  readonly #onEvict: (entry: Entry) => void;
  readonly #onGone: ((entry: Entry) => void) | undefined;
  #sweep: MapIterator<[string, Entry]>;

  /**
   * @param cap most entries kept; pinned ones may exceed it
   * @param onEvict called for each entry that had to go before its time
   * @param onGone called for each entry that is gone, for whatever reason
   */
  constructor(cap: number, onEvict: (entry: Entry) => void, onGone?: (entry: Entry) => void) {
    this.#cap = cap;
    this.#onEvict = onEvict;
    this.#onGone = onGone;
    this.#sweep = this.#entries.entries();
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Entry | undefined {
    const entry = this.#entries.get(key);
    if (entry !== undefined) entry.used = true;
    return entry;
  }

  set(key: string, entry: Entry): void {
    if (this.#entries.size >= this.#cap && !this.#entries.has(key)) this.evictOne();
    this.#entries.set(key, entry);
  }

  delete(key: string): boolean {
    const entry = this.#entries.get(key);
    if (entry === undefined) return false;
    this.#entries.delete(key);
    this.#onGone?.(entry);
    return true;
  }

  /** In no particular order. */
  values(): IterableIterator<Entry> {
    return this.#entries.values();
  }

  /** Looks at up to `steps` entries, going on where the last call ended, and drops those that expired. */
  dropExpired(now: number, steps: number): void {
    for (let i = 0; i < steps; i++) {
      const next = this.#sweep.next();
      if (next.done) {
        this.#sweep = this.#entries.entries();
        return;
      }
      const [key, entry] = next.value;
      if (entry.expiresAt <= now && !entry.pinned) this.delete(key);
    }
  }

  /** Makes room before time; false when everything looked at is pinned. */
  evictOne(): boolean {
    let victim: string | undefined;
    let steps = 0;
    for (const [key, entry] of this.#entries) {
      if (!entry.pinned) {
        victim ??= key;
        if (!entry.used) {
          victim = key;
          break;
        }
      }
      if (++steps >= HAND_STEPS) break;
      // Behind the hand: to the end of the map, with one more chance.
      entry.used = false;
      this.#entries.delete(key);
      this.#entries.set(key, entry);
    }
    const entry = victim === undefined ? undefined : this.#entries.get(victim);
    if (victim === undefined || entry === undefined) return false;
    this.delete(victim);
    this.#onEvict(entry);
    return true;
  }
}
