/**
 * A running digest of everything that happens in a simulation, so that two runs can be told to be the same. 64 bits in two
 * halves, each mixed as in MurmurHash3 (A. Appleby, 2011). No cryptography.
 */
export class Trace {
  #a = 0x2545_f491;
  #b = 0x9e37_79b9;
  #events = 0;
  #lastBytes: Uint8Array | undefined;
  #lastHash = 0;

  /** Events told so far. */
  get events(): number {
    return this.#events;
  }

  /** Sixteen hexadecimal digits; the same if and only if, as good as certainly, the same was told in the same order. */
  get digest(): string {
    return hex(this.#a) + hex(this.#b);
  }

  /** Tells of one event. @param time milliseconds; told to a thousandth */
  tell(time: number, kind: number, who: number, what: number): void {
    this.#events += 1;
    this.#fold(Math.trunc(time * 1_000) | 0);
    this.#fold((kind << 24) ^ who);
    this.#fold(what | 0);
  }

  /** A number for some bytes. The same array told again at once costs nothing: one message often goes to many. */
  ofBytes(bytes: Uint8Array): number {
    if (bytes === this.#lastBytes) return this.#lastHash;
    let hash = bytes.length;
    for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ (bytes[i] ?? 0), 0x0100_0193);
    this.#lastBytes = bytes;
    this.#lastHash = hash;
    return hash;
  }

  ofText(text: string): number {
    let hash = text.length;
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193);
    return hash;
  }

  #fold(value: number): void {
    let k = Math.imul(value, 0xcc9e_2d51);
    k = Math.imul((k << 15) | (k >>> 17), 0x1b87_3593);
    const a = this.#a ^ k;
    this.#a = (Math.imul((a << 13) | (a >>> 19), 5) + 0xe654_6b64) | 0;
    const b = this.#b ^ Math.imul(value ^ this.#a, 0x85eb_ca6b);
    this.#b = (Math.imul((b << 16) | (b >>> 16), 0xc2b2_ae35) + 0x27d4_eb2f) | 0;
  }
}

function hex(half: number): string {
  return (half >>> 0).toString(16).padStart(8, '0');
}
