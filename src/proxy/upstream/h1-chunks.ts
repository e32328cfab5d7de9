import type { Buffer } from 'node:buffer';
import { hexValue } from '../characters.ts';
import { parseFields } from './h1-head.ts';

const SIZE_FIRST = 0;
const SIZE = 1;
const EXTENSION = 2;
const SIZE_LF = 3;
const DATA = 4;
const DATA_CR = 5;
const DATA_LF = 6;
const TRAILERS = 7;
const DONE = 8;

/** Most bytes of extensions to one chunk, and of the trailer section. */
const MAX_EXTENSION = 4_096;
const MAX_TRAILERS = 16_384;

/** Takes chunked framing off (RFC 9112, 7.1). Strict: CRLF only, sizes of at most 13 digits, bounded extensions and trailers. */
export class ChunkDecoder {
  #state = SIZE_FIRST;
  #left = 0;
  #count = 0;
  #trailerText = '';
  /** Flat; complete once `done`. */
  readonly trailers: string[] = [];

  get done(): boolean {
    return this.#state === DONE;
  }

  /**
   * Reads from `at`, handing data to `take`, until the message or the input ends.
   *
   * @returns where it stopped; -1 when the framing is broken
   */
  decode(bytes: Buffer, at: number, end: number, take: (chunk: Buffer) => void): number {
    let i = at;
    while (i < end && this.#state !== DONE) {
      if (this.#state === DATA) {
        const size = Math.min(this.#left, end - i);
        take(bytes.subarray(i, i + size));
        i += size;
        this.#left -= size;
        if (this.#left === 0) this.#state = DATA_CR;
      } else if (this.#state === TRAILERS) {
        i = this.#readTrailers(bytes, i, end);
        if (i === -1) return -1;
      } else if (!this.#framing(bytes[i++] ?? 0)) return -1;
    }
    return i;
  }

  /** One byte between chunks; false when it cannot stand there. */
  #framing(c: number): boolean {
    switch (this.#state) {
      case SIZE_FIRST:
      case SIZE:
        return this.#size(c);
      case EXTENSION:
        if (c === 13) this.#state = SIZE_LF;
        else if ((c < 32 && c !== 9) || c === 127 || ++this.#count > MAX_EXTENSION) return false;
        return true;
      case SIZE_LF:
        this.#state = this.#left === 0 ? TRAILERS : DATA;
        return c === 10;
      case DATA_CR:
        this.#state = DATA_LF;
        return c === 13;
      default:
        this.#state = SIZE_FIRST;
        this.#left = 0;
        this.#count = 0;
        return c === 10;
    }
  }

  #size(c: number): boolean {
    const digit = hexValue(c);
    if (digit >= 0) {
      this.#state = SIZE;
      this.#left = this.#left * 16 + digit;
      return ++this.#count <= 13;
    }
    if (this.#state === SIZE_FIRST) return false;
    this.#count = 0;
    if (c === 13) this.#state = SIZE_LF;
    else if (c === 59 || c === 32 || c === 9) this.#state = EXTENSION;
    else return false;
    return true;
  }

  /** Collects the trailer section up to its empty line. */
  #readTrailers(bytes: Buffer, at: number, end: number): number {
    const before = this.#trailerText.length;
    this.#trailerText += bytes.toString('latin1', at, Math.min(end, at + MAX_TRAILERS + 4 - before));
    const text = this.#trailerText;
    if (text.startsWith('\r\n')) {
      this.#state = DONE;
      return at + 2 - before;
    }
    const close = text.indexOf('\r\n\r\n');
    if (close === -1) return text.length >= MAX_TRAILERS ? -1 : end;
    if (!parseFields(text, 0, close, this.trailers)) return -1;
    this.#state = DONE;
    return at + close + 4 - before;
  }
}
