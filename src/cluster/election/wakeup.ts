import type { Clock, Timer } from '../../core/clock.ts';

/** Waits for a time or for being woken, whichever comes first. One waits at a time. */
export class Wakeup {
  readonly #clock: Clock;
  #pending: (() => void) | undefined;
  /** Woken while nobody waited: the next wait is over at once. */
  #missed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  wake(): void {
    if (this.#pending === undefined) this.#missed = true;
    else this.#pending();
  }

  /** @param ms zero or less is over at once; Infinity is not allowed */
  wait(ms: number): Promise<void> {
    if (this.#missed || ms <= 0) {
      this.#missed = false;
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      let timer: Timer | undefined;
      this.#pending = () => {
        timer?.cancel();
        this.#pending = undefined;
        resolve();
      };
      timer = this.#clock.after(ms, this.#pending);
    });
  }
}
