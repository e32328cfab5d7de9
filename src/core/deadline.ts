import type { Clock } from './clock.ts';

/**
 * `work`, or a rejection with what `late` makes once `ms` milliseconds have passed. The work itself is not stopped; its
 * later result is dropped.
 */
export function withDeadline<T>(clock: Clock, ms: number, work: Promise<T>, late: () => Error): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = clock.after(ms, () => reject(late()));
    work.then(
      (value) => {
        timer.cancel();
        resolve(value);
      },
      (error: unknown) => {
        timer.cancel();
        reject(error);
      },
    );
  });
}
