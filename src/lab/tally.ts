/**
 * Many values of one kind, in buckets a tenth apart: quantiles to within 5 %, in bounded memory, the same for the same values in
 * any order.
 */
export class Tally {
  readonly #buckets = new Map<number, number>();
  #zeros = 0;
  #count = 0;
  #most = 0;

  add(value: number): void {
    this.#count += 1;
    this.#most = Math.max(this.#most, value);
    if (value <= 0) {
      this.#zeros += 1;
      return;
    }
    const bucket = Math.floor(Math.log(value) / STEP);
    this.#buckets.set(bucket, (this.#buckets.get(bucket) ?? 0) + 1);
  }

  /** 0 when there is no value. */
  quantile(q: number): number {
    if (this.#count === 0) return 0;
    let left = Math.ceil(q * this.#count) - this.#zeros;
    if (left <= 0) return 0;
    for (const [bucket, count] of this.#sorted()) {
      left -= count;
      if (left <= 0) return Math.min(this.#most, Math.exp((bucket + 0.5) * STEP));
    }
    return this.#most;
  }

  /** Upper edge of each bucket that holds something, and how many values it holds; zeros first. */
  histogram(): { readonly upTo: number; readonly count: number }[] {
    const zeros = this.#zeros === 0 ? [] : [{ upTo: 0, count: this.#zeros }];
    return [...zeros, ...this.#sorted().map(([bucket, count]) => ({ upTo: Math.exp((bucket + 1) * STEP), count }))];
  }

  #sorted(): [number, number][] {
    return [...this.#buckets].sort(([a], [b]) => a - b);
  }
}

const STEP = Math.log(1.1);
