/** Bytes of a log as lines, in bounded memory. */
import { StringDecoder } from 'node:string_decoder';

/** Longest line that may be a request, in characters; the rest of a longer one is thrown away. */
export const MAX_LINE = 64 * 1024;

/** Takes pieces as they come and hands out the lines that are complete, without their ends. UTF-8; a byte order mark is dropped. */
export class LineSplitter {
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #begun = false;

  push(piece: Uint8Array): string[] {
    return this.#take(this.#decoder.write(Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength)));
  }

  /** What is left when no more comes: at most one line. */
  end(): string[] {
    const lines = this.#take(this.#decoder.end());
    const last = this.#rest;
    this.#rest = '';
    return last === '' ? lines : [...lines, withoutReturn(last)];
  }

  #take(decoded: string): string[] {
    const text = this.#begun || !decoded.startsWith('\uFEFF') ? decoded : decoded.slice(1);
    if (decoded !== '') this.#begun = true;
    const lines = text.split('\n');
    const head = lines[0] ?? '';
    // One character more than a line may have says that it was too long.
    lines[0] = this.#rest + head.slice(0, Math.max(0, MAX_LINE + 1 - this.#rest.length));
    this.#rest = (lines.pop() ?? '').slice(0, MAX_LINE + 1);
    return lines.map(withoutReturn);
  }
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
