import type { Clock, Timer } from '../core/clock.ts';

export type CircuitState = 'closed' | 'open' | 'half_open';

export interface CircuitOptions {
  readonly clock: Clock;
  /** Consecutive failures that open the circuit. */
  readonly failures: number;
  /** Pause before the first probe, doubled after each failed one up to `maxPauseMs`. */
  readonly pauseMs: number;
  readonly maxPauseMs: number;
  /** Asks the store something harmless; its success closes the circuit. Must settle. */
  readonly probe: () => Promise<void>;
  readonly onState: (state: CircuitState) => void;
}

/**
 * A circuit breaker (M. Nygard, Release It!, 2007): after repeated failures the store is left alone, so that requests
 * are decided at once by the failure policy, and one probe at a time finds out when it is back. No request is spent on
 * probing.
 */
export class Circuit {
  readonly #options: CircuitOptions;
  #state: CircuitState = 'closed';
  #failed = 0;
  #pauseMs: number;
  #timer: Timer | undefined;
  #closed = false;

  constructor(options: CircuitOptions) {
    this.#options = options;
    this.#pauseMs = options.pauseMs;
  }

  get state(): CircuitState {
    return this.#state;
  }

  /** The store answered. */
  succeeded(): void {
    this.#failed = 0;
  }

  /** The store did not answer, or not usefully. */
  failed(): void {
    if (this.#state !== 'closed' || this.#closed) return;
    this.#failed += 1;
    if (this.#failed >= this.#options.failures) {
      this.#pauseMs = this.#options.pauseMs;
      this.#open();
    }
  }

  /** Stops probing for good. */
  stop(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #open(): void {
    this.#enter('open');
    this.#timer = this.#options.clock.after(this.#pauseMs, () => {
      this.#enter('half_open');
      this.#options.probe().then(
        () => this.#close(),
        () => {
          if (this.#closed) return;
          this.#pauseMs = Math.min(this.#pauseMs * 2, this.#options.maxPauseMs);
          this.#open();
        },
      );
    });
  }

  #close(): void {
    this.#failed = 0;
    if (!this.#closed) this.#enter('closed');
  }

  #enter(state: CircuitState): void {
    this.#state = state;
    this.#options.onState(state);
  }
}
