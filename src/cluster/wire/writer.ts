const FIRST_SIZE = 512;

/**
 * Builds one message. Grows as needed up to a bound; what goes beyond it is not written, and {@link overflowed} says so,
 * so that a caller can try, look, and go back to a mark.
 *
 * Numbers are whole, 0 to 2^53 − 1, in LEB128: seven bits a byte, the lowest first, the top bit set on all but the last.
 */
export class Writer {
  #bytes: Buffer;
  #length = 0;
  #overflowed = false;
  readonly #max: number;

  /** @param maxBytes more are never held */
  constructor(maxBytes: number) {
    this.#max = maxBytes;
    this.#bytes = Buffer.allocUnsafe(Math.min(maxBytes, FIRST_SIZE));
  }

  get length(): number {
    return this.#length;
  }
  /** Something did not fit since the last {@link backTo}. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  byte(value: number): void {
    if (this.#room(1)) this.#bytes[this.#length++] = value;
  }

  number(value: number): void {
    if (value < 128) {
      if (this.#room(1)) this.#bytes[this.#length++] = value;
      return;
    }
    if (!this.#room(sizeOfNumber(value))) return;
    let rest = value;
    while (rest >= 0x1000_0000) {
      this.#bytes[this.#length++] = (rest % 128) + 128;
      rest = Math.floor(rest / 128);
    }
    while (rest >= 128) {
      this.#bytes[this.#length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.#bytes[this.#length++] = rest;
  }

  /** ASCII of at most 255 characters, with its length before it. */
  shortText(text: string): void {
    if (!this.#room(1 + text.length)) return;
    this.#bytes[this.#length++] = text.length;
    // Short as they are, a call out of JavaScript would cost more.
    for (let i = 0; i < text.length; i++) this.#bytes[this.#length++] = text.charCodeAt(i);
  }

  raw(bytes: Uint8Array): void {
    if (!this.#room(bytes.length)) return;
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Sets bits in a byte that has been written. */
  setBits(at: number, bits: number): void {
    this.#bytes[at] = (this.#bytes[at] ?? 0) | bits;
  }

  /** Takes back all after the first `length` bytes. */
  backTo(length: number): void {
    this.#length = length;
    this.#overflowed = false;
  }

  /** What has been written; valid until the next write. */
  view(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  #room(bytes: number): boolean {
    const wanted = this.#length + bytes;
    if (wanted > this.#max || this.#overflowed) {
      this.#overflowed = true;
      return false;
    }
    if (wanted > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.min(this.#max, Math.max(wanted, this.#bytes.length * 2)));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    return true;
  }
}

/** Bytes that {@link Writer.number} needs. */
export function sizeOfNumber(value: number): number {
  let size = 1;
  for (let rest = value; rest >= 128; rest /= 128) size++;
  return size;
}
