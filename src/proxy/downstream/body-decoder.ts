import type { Buffer } from 'node:buffer';
import type { BodyFraming } from '../request-head.ts';
import { ChunkDecoder } from '../upstream/h1-chunks.ts';

const NO_TRAILERS: readonly string[] = [];

/** Finds the body of one request in the bytes that follow its head. */
export class BodyDecoder {
  readonly #chunks: ChunkDecoder | undefined;
  #left: number;

  /** @param length undefined unless framed so. Where the end of a body is uncertain, all that comes belongs to it */
  constructor(framing: BodyFraming, length: number | undefined) {
    this.#chunks = framing === 'chunked' ? new ChunkDecoder() : undefined;
    this.#left = framing === 'length' ? (length ?? 0) : Number.POSITIVE_INFINITY;
  }

  get done(): boolean {
    return this.#chunks === undefined ? this.#left === 0 : this.#chunks.done;
  }

  /** Flat; complete once `done`. */
  get trailers(): readonly string[] {
    return this.#chunks?.trailers ?? NO_TRAILERS;
  }

  /** @returns how many of the bytes belong to the body, handed to `take`; -1 when the framing is broken */
  decode(bytes: Buffer, take: (chunk: Buffer) => void): number {
    if (this.#chunks !== undefined) return this.#chunks.decode(bytes, 0, bytes.length, take);
    const size = Math.min(this.#left, bytes.length);
    this.#left -= size;
    take(size === bytes.length ? bytes : bytes.subarray(0, size));
    return size;
  }
}
