import { WireError } from '../../core/errors.ts';
import { KnownTexts } from './known-texts.ts';

const KNOWN = new KnownTexts();

/**
 * Reads what {@link Writer} wrote. Believes no length: everything is held against the bytes that are there, and a
 * number has one spelling only.
 */
export class Reader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  /** @throws WireError at the end, as all methods here */
  byte(): number {
    const value = this.#bytes[this.#at];
    if (value === undefined) throw new WireError('ends too early');
    this.#at++;
    return value;
  }

  /** @throws WireError also for a number of 2^53 or more, and one that is written longer than need be */
  number(): number {
    let value = 0;
    let scale = 1;
    for (let size = 1; size <= 8; size++) {
      const byte = this.byte();
      if (byte < 128) {
        if (byte === 0 && size > 1) throw new WireError('has a number with leading zeros');
        value += byte * scale;
        if (value > Number.MAX_SAFE_INTEGER) break;
        return value;
      }
      value += (byte - 128) * scale;
      scale *= 128;
    }
    throw new WireError('has a number of 2^53 or more');
  }

  /** Printable ASCII without spaces. @throws WireError also for other characters */
  shortText(): string {
    return this.text(this.byte());
  }

  /** `length` characters of printable ASCII without spaces. @throws WireError also for other characters */
  text(length: number): string {
    if (length > this.left) throw new WireError('ends too early');
    const end = this.#at + length;
    let mixed = 0x811c_9dc5;
    for (let i = this.#at; i < end; i++) {
      const c = this.#bytes[i] ?? 0;
      if (c < 0x21 || c > 0x7e) throw new WireError('has a character that is no printable ASCII');
      mixed = Math.imul(mixed ^ c, 0x0100_0193);
    }
    const text = KNOWN.text(this.#bytes, this.#at, end, mixed);
    this.#at = end;
    return text;
  }

  /** All that is left, not copied. */
  rest(): Uint8Array {
    const rest = this.#bytes.subarray(this.#at);
    this.#at = this.#bytes.length;
    return rest;
  }
}
