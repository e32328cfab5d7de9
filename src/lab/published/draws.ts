/** Random numbers of two distributions. */
import type { Random } from '../../core/random.ts';

/** Exponentially distributed, mean 1: the time between two requests that know nothing of each other, in such times. */
export function exponential(random: Random): number {
  return -Math.log(1 - random.next());
}

/** Normally distributed, mean 0 and variance 1 (G. E. P. Box, M. E. Muller, A Note on the Generation of Random Normal Deviates, 1958). */
export function normal(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
}
