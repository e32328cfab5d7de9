import type { ReplicaHost } from './replica-hosts.ts';

const FIRST_SIZE = 16;

/** When hosts said what is known of them, and which origins of the message that is being taken in brought news. */
export class ReplicaSayings {
  /** By number of the host; milliseconds of the monotonic clock. */
  #saidAt = new Float64Array(FIRST_SIZE).fill(Number.NEGATIVE_INFINITY);
  #news = new Uint8Array(FIRST_SIZE);

  /** A message with so many origins. */
  begin(origins: number): void {
    if (origins > this.#news.length) this.#news = new Uint8Array(origins * 2);
    else this.#news.fill(0, 0, origins);
  }

  news(origin: number): void {
    this.#news[origin] = 1;
  }

  isNews(origin: number): boolean {
    return this.#news[origin] === 1;
  }

  said({ number }: ReplicaHost, at: number): void {
    const before = this.#saidAt[number];
    if (before === undefined) {
      const longer = new Float64Array(Math.ceil((number + 1) * 1.5)).fill(Number.NEGATIVE_INFINITY);
      longer.set(this.#saidAt);
      this.#saidAt = longer;
    } else if (before >= at) {
      return;
    }
    this.#saidAt[number] = at;
  }

  saidAt({ number }: ReplicaHost): number {
    return this.#saidAt[number] ?? Number.NEGATIVE_INFINITY;
  }

  /** The number will be another host's. */
  forget({ number }: ReplicaHost): void {
    if (number < this.#saidAt.length) this.#saidAt[number] = Number.NEGATIVE_INFINITY;
  }
}
