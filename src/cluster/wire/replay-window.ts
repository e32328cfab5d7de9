const WORD_BITS = 32;

/**
 * Which sequence numbers of one sender have been seen: a number is taken once, in any order, as long as it lies within the
 * last `size` of the highest. A ring of bit blocks, so that moving on clears blocks and shifts nothing (RFC 6479).
 */
export class ReplayWindow {
  readonly #words: Uint32Array;
  readonly #size: number;
  #highest = 0;

  /** @param size how many numbers back are told apart, a multiple of 32; costs `size / 8` bytes */
  constructor(size: number) {
    // One block more than the window: the block in which the highest number lies is only partly in use.
    this.#words = new Uint32Array(size / WORD_BITS + 1);
    this.#size = size;
  }

  /** Whether `sequence` (whole, 1 or more) is new; it is not from then on. */
  take(sequence: number): boolean {
    if (sequence < 1 || sequence + this.#size <= this.#highest) return false;
    const block = Math.floor(sequence / WORD_BITS);
    if (sequence > this.#highest) {
      const from = Math.floor(this.#highest / WORD_BITS);
      const blocks = Math.min(block - from, this.#words.length);
      for (let i = 1; i <= blocks; i++) this.#words[(from + i) % this.#words.length] = 0;
      this.#highest = sequence;
    }
    const at = block % this.#words.length;
    const word = this.#words[at] ?? 0;
    const bit = 1 << (sequence % WORD_BITS);
    if ((word & bit) !== 0) return false;
    this.#words[at] = word | bit;
    return true;
  }
}
