/** A histogram with fixed edges, as Prometheus keeps it. */
export class Buckets {
  readonly #edges: readonly { readonly upTo: number; readonly count: number }[];

  /** @param cumulative values at most so large, by edge */
  constructor(cumulative: ReadonlyMap<number, number>) {
    let before = 0;
    this.#edges = [...cumulative]
      .sort(([a], [b]) => a - b)
      .map(([upTo, count]) => {
        const own = { upTo, count: count - before };
        before = count;
        return own;
      });
  }

  get count(): number {
    return this.#edges.reduce((sum, { count }) => sum + count, 0);
  }

  /** Even within a bucket; beyond the last edge, that edge. 0 when there is no value. */
  quantile(q: number): number {
    let left = q * this.count;
    let from = 0;
    for (const { upTo, count } of this.#edges) {
      if (count > 0 && left <= count) return Number.isFinite(upTo) ? from + ((upTo - from) * left) / count : from;
      left -= count;
      if (Number.isFinite(upTo)) from = upTo;
    }
    return from;
  }

  /** Buckets that hold something; what lies beyond the last edge counts in it. */
  histogram(): { readonly upTo: number; readonly count: number }[] {
    const last = this.#edges.findLast(({ upTo }) => Number.isFinite(upTo))?.upTo ?? 0;
    const counts = new Map<number, number>();
    for (const { upTo, count } of this.#edges) {
      if (count > 0) counts.set(Math.min(upTo, last), (counts.get(Math.min(upTo, last)) ?? 0) + count);
    }
    return [...counts].map(([upTo, count]) => ({ upTo, count }));
  }
}
