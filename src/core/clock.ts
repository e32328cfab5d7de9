/** A pending callback that can be taken back. */
export interface Timer {
  cancel(): void;
}

/**
 * The only way to learn the time or to wait. Everything outside `core/` gets a clock handed in, so that a test or a
 * simulation can drive the same code over virtual time.
 */
export interface Clock {
  /** Wall clock: milliseconds since the Unix epoch, whole. May step when the host's clock is set. */
  now(): number;
  /** Milliseconds with fraction from an arbitrary origin; never goes back. For durations and local deadlines. */
  monotonic(): number;
  /** Runs `fn` once after `ms` milliseconds. Does not keep the process alive. */
  after(ms: number, fn: () => void): Timer;
  /** Runs `fn` every `ms` milliseconds until cancelled. Does not keep the process alive. */
  every(ms: number, fn: () => void): Timer;
  /** Runs `fn` when the current turn of the event loop has delivered all the input that was ready. */
  endOfTurn(fn: () => void): void;
}

/** {@link Clock.every} by {@link Clock.after}: the next time is set before `fn` runs. */
export function repeating(clock: Pick<Clock, 'after'>, ms: number, fn: () => void): Timer {
  let timer: Timer;
  const tick = (): void => {
    timer = clock.after(ms, tick);
    fn();
  };
  timer = clock.after(ms, tick);
  return { cancel: () => timer.cancel() };
}

class SystemClock implements Clock {
  now(): number {
    return Date.now();
  }
  monotonic(): number {
    return performance.now();
  }
  after(ms: number, fn: () => void): Timer {
    const handle = setTimeout(fn, ms);
    handle.unref();
    return { cancel: () => clearTimeout(handle) };
  }
  every(ms: number, fn: () => void): Timer {
    const handle = setInterval(fn, ms);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  }
  endOfTurn(fn: () => void): void {
    setImmediate(fn);
  }
}

export const systemClock: Clock = new SystemClock();
