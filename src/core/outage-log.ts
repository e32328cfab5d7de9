import type { Clock } from './clock.ts';
import type { Logger } from './logger.ts';

export interface OutageLogOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Said, with the reason, when it begins to fail. */
  readonly failing: string;
  /** Said when it works again. */
  readonly working: string;
}

/** At most one warning in this time: what flickers or fails in turns for many reasons must not fill the log. */
const QUIET_MS = 10_000;

/** Says when something begins to fail and when it works again: one line each, however often it fails in between. */
export class OutageLog {
  readonly #options: OutageLogOptions;
  #told: string | undefined;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(options: OutageLogOptions) {
    this.#options = options;
  }

  failed(reason: string): void {
    if (reason === this.#told || this.#options.clock.monotonic() - this.#toldAt < QUIET_MS) return;
    this.known(reason);
    this.#options.logger.warn({ reason }, this.#options.failing);
  }

  /** It fails, and somebody else has said so. */
  known(reason: string): void {
    this.#told = reason;
    this.#toldAt = this.#options.clock.monotonic();
  }

  works(): void {
    if (this.#told === undefined) return;
    this.#told = undefined;
    this.#options.logger.info({}, this.#options.working);
  }
}
