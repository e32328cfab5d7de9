/** What became of the lines of a log. */

export interface LineReport {
  readonly read: number;
  readonly requests: number;
  /** Lines that should be requests and cannot be read as one. */
  readonly bad: number;
  /** Empty lines, comments, and JSON that is about something else. */
  readonly other: number;
  /** The first bad ones. */
  readonly firstBad: readonly BadLine[];
  /** Files that ended early. */
  readonly broken: readonly { readonly file: string; readonly why: string }[];
}

export interface BadLine {
  readonly file: string;
  readonly line: number;
  readonly why: string;
  /** Its beginning. */
  readonly text: string;
}

const SHOWN = 5;
const TEXT = 80;

export class LineCounts {
  readonly #firstBad: BadLine[] = [];
  readonly #broken: { file: string; why: string }[] = [];
  #read = 0;
  #requests = 0;
  #bad = 0;
  #other = 0;

  get read(): number {
    return this.#read;
  }

  request(): void {
    this.#read += 1;
    this.#requests += 1;
  }

  other(): void {
    this.#read += 1;
    this.#other += 1;
  }

  bad(file: string, line: number, why: string, text: string): void {
    this.#read += 1;
    this.#bad += 1;
    if (this.#firstBad.length >= SHOWN) return;
    // Control characters would play with the terminal that the report is shown on.
    const plain = text.slice(0, TEXT).replace(/[^\P{C}]/gu, '?');
    this.#firstBad.push({ file, line, why, text: text.length > TEXT ? `${plain}…` : plain });
  }

  brokenFile(file: string, why: string): void {
    this.#broken.push({ file, why });
  }

  report(): LineReport {
    return {
      read: this.#read,
      requests: this.#requests,
      bad: this.#bad,
      other: this.#other,
      firstBad: this.#firstBad,
      broken: this.#broken,
    };
  }
}
