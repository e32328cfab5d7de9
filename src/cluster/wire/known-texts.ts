const SIZE = 16_384;

/**
 * Texts read before: the same names come in every message, and to compare a few bytes costs less than to make a new text and to hash it
 * wherever it is looked up. As many as there is room for; one that falls on another's place takes it.
 */
export class KnownTexts {
  readonly #texts: string[] = new Array<string>(SIZE).fill('');

  /** @param mixed a hash of the bytes */
  text(bytes: Buffer, from: number, end: number, mixed: number): string {
    const place = (mixed ^ (mixed >>> 15)) & (SIZE - 1);
    const known = this.#texts[place] ?? '';
    if (known.length === end - from && isText(known, bytes, from)) return known;
    const text = bytes.toString('latin1', from, end);
    this.#texts[place] = text;
    return text;
  }
}

function isText(text: string, bytes: Buffer, from: number): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) !== bytes[from + i]) return false;
  return true;
}
