import type { Random } from '../core/random.ts';

/** Bytes drawn at once: asking the system for a few costs nearly as much as for all of these. */
const DRAWN = 1_024;

/** Random names of traces and spans, in hexadecimal. */
export class Ids {
  readonly #random: Random;
  #digits = '';
  #at = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  trace(): string {
    return this.#take(32);
  }

  span(): string {
    return this.#take(16);
  }

  #take(count: number): string {
    if (this.#at + count > this.#digits.length) {
      this.#digits = this.#random.hex(DRAWN);
      this.#at = 0;
    }
    this.#at += count;
    return this.#digits.slice(this.#at - count, this.#at);
  }
}
