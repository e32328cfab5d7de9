import type { KeyObject } from 'node:crypto';
import { createHmac, createSecretKey, hash, hkdfSync } from 'node:crypto';

/** Bytes of a tag: HMAC-SHA-256 cut to its first half, as RFC 2104 section 5 allows. */
export const TAG_BYTES = 16;

const BLOCK = 64;
const DIGEST = 32;
/** Up to here two one-shot hashes over a scratch area; they cost half of what an Hmac object costs. */
const ONE_SHOT = 4_096;

/**
 * The key that all hosts of one deployment share, made of the configured secret by HKDF-SHA-256 (RFC 5869), and tags made
 * with it by HMAC-SHA-256 (RFC 2104). HKDF does not make a weak secret strong: whoever captures one packet can try
 * guesses at leisure, so a secret should be 16 random bytes or more.
 */
export class PeerKey {
  readonly #key: KeyObject;
  /** The key XOR ipad, followed by room for what is signed. */
  readonly #inner = Buffer.alloc(BLOCK + ONE_SHOT, 0x36);
  /** The key XOR opad, followed by room for the inner digest. */
  readonly #outer = Buffer.alloc(BLOCK + DIGEST, 0x5c);

  constructor(secret: string) {
    const key = Buffer.from(hkdfSync('sha256', secret, 'sluice peers', 'wire 1: HMAC-SHA-256', DIGEST));
    this.#key = createSecretKey(key);
    for (const [i, byte] of key.entries()) {
      this.#inner[i] = byte ^ 0x36;
      this.#outer[i] = byte ^ 0x5c;
    }
  }

  /** Puts the tag of all that stands before it into the last {@link TAG_BYTES} of `bytes`. */
  sign(bytes: Buffer, context: string): void {
    const end = bytes.length - TAG_BYTES;
    bytes.write(this.#digest(bytes, end, context), end, TAG_BYTES, 'latin1');
  }

  /** Whether the last {@link TAG_BYTES} of `bytes` were made with this key, of what stands before them and of `context`. */
  verify(bytes: Buffer, context: string): boolean {
    const end = bytes.length - TAG_BYTES;
    const expected = this.#digest(bytes, end, context);
    // Looks at all of them whatever the first ones are, so that the time taken tells nothing.
    let difference = 0;
    for (let i = 0; i < TAG_BYTES; i++) difference |= expected.charCodeAt(i) ^ (bytes[end + i] ?? 0);
    return difference === 0;
  }

  /** @param context what both sides know without sending it: at most 255 characters, each one byte. Its length goes in last, so that it cannot pass for a part of the body */
  #digest(bytes: Buffer, end: number, context: string): string {
    const signed = end + context.length + 1;
    if (signed > ONE_SHOT) {
      const hmac = createHmac('sha256', this.#key).update(bytes.subarray(0, end));
      return hmac.update(context, 'latin1').update(Buffer.of(context.length)).digest('binary');
    }
    const inner = this.#inner;
    bytes.copy(inner, BLOCK, 0, end);
    inner.write(context, BLOCK + end, 'latin1');
    inner[BLOCK + signed - 1] = context.length;
    this.#outer.write(hash('sha256', inner.subarray(0, BLOCK + signed), 'binary'), BLOCK, 'latin1');
    return hash('sha256', this.#outer, 'binary');
  }
}
