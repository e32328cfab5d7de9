/** A screen of its own in the terminal, given back as it was found. */

const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l';
const LEAVE = '\x1b[?7h\x1b[?25h\x1b[?1049l';
/** Terminals that know synchronised updates show a frame at once; the others ignore it. */
const BEGIN = '\x1b[?2026h\x1b[H';
const END = '\x1b[J\x1b[?2026l';

export class Screen {
  readonly #output: NodeJS.WriteStream;
  #open = false;

  constructor(output: NodeJS.WriteStream) {
    this.#output = output;
  }

  get columns(): number {
    // A line that fills the last column would lose its last character to the end-of-line command.
    return (this.#output.columns || 80) - 1;
  }

  get rows(): number {
    return this.#output.rows || 24;
  }

  enter(): void {
    this.#open = true;
    this.#output.write(ENTER);
  }

  /** Draws over what is there, line by line and each to its end, so that nothing flickers. */
  draw(lines: readonly string[]): void {
    const shown = lines.slice(0, this.rows).map((line) => `${line}\x1b[K`);
    this.#output.write(`${BEGIN}${shown.join('\r\n')}${END}`);
  }

  /** Any number of times. */
  leave(): void {
    if (!this.#open) return;
    this.#open = false;
    this.#output.write(LEAVE);
  }
}
