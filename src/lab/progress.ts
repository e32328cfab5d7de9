/** How far a long command is: a bar on a terminal, elsewhere a line every few seconds. */
import type { Clock } from '../core/clock.ts';
import { showSeconds } from './report/numbers.ts';

/** The part of standard error that is needed. */
export interface ProgressOutput {
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  write(text: string): unknown;
}

export interface ProgressOptions {
  readonly output: ProgressOutput;
  readonly clock: Clock;
  /** Steps until the end; undefined: nobody knows. */
  readonly total: number | undefined;
  /** Starts every line, e.g. `lab`. */
  readonly title: string;
}

const REDRAW_MS = 100;
const LINE_MS = 5_000;
const BAR = 24;
/** Part of the way from which what is left can be guessed. */
const GUESS_FROM = 0.02;

export class Progress {
  readonly #output: ProgressOutput;
  readonly #clock: Clock;
  readonly #total: number | undefined;
  readonly #title: string;
  readonly #startedAt: number;
  #shownAt: number;
  #drawn = false;

  constructor({ output, clock, total, title }: ProgressOptions) {
    this.#output = output;
    this.#clock = clock;
    this.#total = total;
    this.#title = title;
    this.#startedAt = clock.monotonic();
    // A command that is done at once shows nothing.
    this.#shownAt = this.#startedAt;
  }

  /**
   * @param done steps so far
   * @param words what is being done, or how much has been
   */
  at(done: number, words: string): void {
    const now = this.#clock.monotonic();
    const terminal = this.#output.isTTY === true;
    if (now - this.#shownAt < (terminal ? REDRAW_MS : LINE_MS)) return;
    this.#shownAt = now;
    const part = this.#total === undefined ? undefined : Math.min(1, this.#total <= 0 ? 1 : done / this.#total);
    const pieces = [
      this.#title,
      ...(part === undefined ? [] : [...(terminal ? [bar(part)] : []), `${Math.floor(part * 100)} %`]),
      words,
      ...this.#left(part, now - this.#startedAt),
    ];
    const line = pieces.filter((piece) => piece !== '').join('  ');
    if (!terminal) {
      this.#output.write(`${line}\n`);
      return;
    }
    this.#drawn = true;
    // The last column stays free: some terminals break the line when it is filled.
    this.#output.write(`\r${[...line].slice(0, (this.#output.columns || 80) - 1).join('')}\x1b[K`);
  }

  /** Takes the bar away; any number of times. Lines that were written stay. */
  end(): void {
    if (this.#drawn) this.#output.write('\r\x1b[K');
    this.#drawn = false;
  }

  #left(part: number | undefined, passedMs: number): string[] {
    if (part === undefined || part < GUESS_FROM || part >= 1) return [];
    const left = Math.round(((passedMs / 1_000) * (1 - part)) / part);
    return [`${showSeconds(Math.max(1, left))} left`];
  }
}

function bar(part: number): string {
  const full = Math.floor(part * BAR);
  return `[${'#'.repeat(full)}${'.'.repeat(BAR - full)}]`;
}
