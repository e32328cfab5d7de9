import type { PeerRefusal } from '../../core/telemetry.ts';

/** Each connection starts with this, from the side that opened it: a stranger is known by its first four bytes. */
export const PREFACE = Buffer.from('SLU1', 'latin1');

/** Type, then the length in three bytes, highest first, then so many bytes. */
export const FRAME_HEAD = 4;
export const MAX_HELLO = 512;

export const HELLO = 1;
export const MESSAGE = 2;
export const QUESTION = 3;
export const ANSWER = 4;
/** What was sent on this connection has been read. */
export const ACK = 5;

const FIRST_SIZE = 4_096;

/** Bytes of one frame, head and all, for one write. */
export function frame(type: number, bytes: Uint8Array): Buffer {
  const out = Buffer.allocUnsafe(FRAME_HEAD + bytes.length);
  putFrame(out, 0, type, bytes);
  return out;
}

/** Writes a frame at `at`; returns where it ends. */
export function putFrame(out: Buffer, at: number, type: number, bytes: Uint8Array): number {
  out.writeUInt32BE(type * 0x100_0000 + bytes.length, at);
  out.set(bytes, at + FRAME_HEAD);
  return at + FRAME_HEAD + bytes.length;
}

/**
 * Cuts a stream of bytes into frames. What a head says of its frame's length is held against a bound, and memory is taken
 * as bytes arrive: never more than twice what has arrived.
 */
export class FrameReader {
  readonly #limitOf: (type: number) => number | undefined;
  readonly #each: (type: number, bytes: Buffer) => boolean;
  #preface: number;
  /** What has arrived of an unfinished frame, head included. */
  #held: Buffer | undefined;
  #heldLength = 0;

  /**
   * @param limitOf most bytes of a frame of this type; undefined: there is none of this type now
   * @param each takes a frame, whose bytes may change afterwards; false: reads no further
   */
  constructor(
    startsWithPreface: boolean,
    limitOf: (type: number) => number | undefined,
    each: (type: number, bytes: Buffer) => boolean,
  ) {
    this.#preface = startsWithPreface ? 0 : PREFACE.length;
    this.#limitOf = limitOf;
    this.#each = each;
  }

  /** Bytes held of an unfinished frame. */
  get held(): number {
    return this.#heldLength;
  }
  get isInsideFrame(): boolean {
    return this.#heldLength > 0 || this.#preface < PREFACE.length;
  }

  /** Takes what has arrived; says what is wrong with it, after which nothing more must be pushed. */
  push(chunk: Buffer): PeerRefusal | undefined {
    let at = 0;
    for (; this.#preface < PREFACE.length && at < chunk.length; at++) {
      if (chunk[at] !== PREFACE[this.#preface++]) return 'malformed';
    }
    for (;;) {
      const rest = chunk.subarray(at);
      if (this.#heldLength === 0) {
        if (rest.length === 0) return undefined;
        if (rest.length >= FRAME_HEAD) {
          const size = this.#sizeOf(rest);
          if (typeof size === 'string') return size;
          if (rest.length >= size) {
            at += size;
            if (!this.#each(rest[0] ?? 0, rest.subarray(FRAME_HEAD, size))) return undefined;
            continue;
          }
        }
      }
      if (this.#heldLength < FRAME_HEAD) at += this.#hold(rest, FRAME_HEAD);
      if (this.#held === undefined || this.#heldLength < FRAME_HEAD) return undefined;
      const size = this.#sizeOf(this.#held);
      if (typeof size === 'string') return size;
      at += this.#hold(chunk.subarray(at), size);
      if (this.#heldLength < size) return undefined;
      const whole = this.#held.subarray(0, size);
      this.#held = undefined;
      this.#heldLength = 0;
      if (!this.#each(whole[0] ?? 0, whole.subarray(FRAME_HEAD))) return undefined;
    }
  }

  #sizeOf(head: Buffer): number | PeerRefusal {
    const limit = this.#limitOf(head[0] ?? 0);
    if (limit === undefined) return 'malformed';
    const length = head.readUIntBE(1, 3);
    return length > limit ? 'too_large' : FRAME_HEAD + length;
  }

  /** Keeps bytes until `wanted` are held; returns how many it took. */
  #hold(bytes: Buffer, wanted: number): number {
    const taken = Math.min(bytes.length, wanted - this.#heldLength);
    const length = this.#heldLength + taken;
    let held = this.#held ?? Buffer.allocUnsafe(FIRST_SIZE);
    if (held.length < length) {
      const larger = Buffer.allocUnsafe(Math.min(wanted, Math.max(length, held.length * 2)));
      held.copy(larger, 0, 0, this.#heldLength);
      held = larger;
    }
    bytes.copy(held, this.#heldLength, 0, taken);
    this.#held = held;
    this.#heldLength = length;
    return taken;
  }
}
