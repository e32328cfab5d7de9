/** What ends or reloads a running gateway from outside. */
import type { Clock } from '../core/clock.ts';

type StopSignal = 'SIGTERM' | 'SIGINT';

export interface Signals {
  /** The first signal that asks for the end. */
  readonly stop: Promise<StopSignal>;
  /** Another one, later: somebody does not want to wait. */
  readonly stopNow: Promise<StopSignal>;
}

/** A terminal signals the whole process group, and npm passes on what it gets: one Ctrl-C arrives twice. */
const SAME_MS = 1_000;

/** What a shell reports for a process that such a signal ended: 128 + its number. */
export const EXIT_CODES: Readonly<Record<StopSignal, number>> = { SIGTERM: 143, SIGINT: 130 };

/** Listens from now on until the process ends. */
export function listenForSignals(clock: Clock, onHangup: () => void): Signals {
  const stop = Promise.withResolvers<StopSignal>();
  const stopNow = Promise.withResolvers<StopSignal>();
  let firstAt: number | undefined;
  const onStop = (signal: StopSignal): void => {
    const now = clock.monotonic();
    firstAt ??= now;
    stop.resolve(signal);
    if (now - firstAt >= SAME_MS) stopNow.resolve(signal);
  };
  process.on('SIGTERM', onStop);
  process.on('SIGINT', onStop);
  process.on('SIGHUP', onHangup);
  return { stop: stop.promise, stopNow: stopNow.promise };
}
