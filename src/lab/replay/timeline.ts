/** Counts over a time of unknown length, in bounded memory: when there are too many buckets, each two become one. */

const MOST_BUCKETS = 120;
const STEPS_MS = [1_000, 5_000, 15_000, 60_000, 300_000, 900_000, 3_600_000, 21_600_000, 86_400_000] as const;

export interface TimelineReport {
  readonly bucketSeconds: number;
  /** Unix milliseconds of the first bucket's start. */
  readonly fromMs: number;
  readonly requests: readonly number[];
  readonly refused: readonly number[];
}

export class Timeline {
  #bucketMs: number = STEPS_MS[0];
  readonly #buckets = new Map<number, { requests: number; refused: number }>();
  #first = Number.POSITIVE_INFINITY;
  #last = Number.NEGATIVE_INFINITY;

  /** @param at Unix milliseconds */
  add(at: number, refused: boolean): void {
    let index = Math.floor(at / this.#bucketMs);
    this.#first = Math.min(this.#first, index);
    this.#last = Math.max(this.#last, index);
    while (this.#last - this.#first >= MOST_BUCKETS) {
      this.#widen();
      index = Math.floor(at / this.#bucketMs);
    }
    const bucket = this.#buckets.get(index) ?? { requests: 0, refused: 0 };
    this.#buckets.set(index, bucket);
    bucket.requests += 1;
    if (refused) bucket.refused += 1;
  }

  report(): TimelineReport {
    const count = this.#buckets.size === 0 ? 0 : this.#last - this.#first + 1;
    const at = (i: number) => this.#buckets.get(this.#first + i) ?? { requests: 0, refused: 0 };
    return {
      bucketSeconds: this.#bucketMs / 1_000,
      fromMs: count === 0 ? 0 : this.#first * this.#bucketMs,
      requests: Array.from({ length: count }, (_, i) => at(i).requests),
      refused: Array.from({ length: count }, (_, i) => at(i).refused),
    };
  }

  /** To the next length that people think in; from days on to twice as much. */
  #widen(): void {
    const before = this.#bucketMs;
    this.#bucketMs = STEPS_MS.find((step) => step > before) ?? before * 2;
    const old = [...this.#buckets];
    this.#buckets.clear();
    for (const [index, { requests, refused }] of old) {
      const wider = Math.floor((index * before) / this.#bucketMs);
      const bucket = this.#buckets.get(wider) ?? { requests: 0, refused: 0 };
      this.#buckets.set(wider, bucket);
      bucket.requests += requests;
      bucket.refused += refused;
    }
    this.#first = Math.floor((this.#first * before) / this.#bucketMs);
    this.#last = Math.floor((this.#last * before) / this.#bucketMs);
  }
}

export interface PeakReport {
  readonly count: number;
  /** Unix milliseconds of its start. */
  readonly fromMs: number;
}

/** The span, aligned to Unix time, in which most happened. Times must not go back. */
export class Peak {
  readonly #spanMs: number;
  #index = Number.NEGATIVE_INFINITY;
  #count = 0;
  #best: PeakReport | undefined;

  constructor(spanMs: number) {
    this.#spanMs = spanMs;
  }

  add(at: number): void {
    const index = Math.floor(at / this.#spanMs);
    if (index !== this.#index) [this.#index, this.#count] = [index, 0];
    this.#count += 1;
    if (this.#count > (this.#best?.count ?? 0)) this.#best = { count: this.#count, fromMs: index * this.#spanMs };
  }

  /** Of several the first; undefined when nothing happened. */
  get report(): PeakReport | undefined {
    return this.#best;
  }
}
