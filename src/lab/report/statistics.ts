/** Means of a few runs, and how far to trust them. */
import type { Interval } from './model.ts';

export interface Estimate {
  readonly mean: number;
  /** 95 %; undefined for a single value. */
  readonly interval: Interval | undefined;
}

/**
 * Mean and its 95 % confidence interval by Student's t: the runs are independent, their seeds differ. Where values are far from
 * normally distributed (a largest excess that is mostly 0) the interval is rough.
 *
 * All numbers of the lab are 0 or more, so the interval is cut at 0.
 *
 * @param values one for each run, at least one
 */
export function estimate(values: readonly number[]): Estimate {
  const n = values.length;
  const mean = values.reduce((sum, value) => sum + value, 0) / n;
  if (n < 2) return { mean, interval: undefined };
  const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (n - 1);
  const half = studentT95(n - 1) * Math.sqrt(variance / n);
  return { mean, interval: { low: Math.max(0, mean - half), high: mean + half } };
}

/** The 0.975 quantile of the normal distribution. */
const Z = 1.959963984540054;
/** Of Student's t with 1, 2, … degrees of freedom, where the expansion below is off by more than 0.0001. */
const T95 = [12.7062, 4.30265, 3.18245, 2.77645, 2.57058, 2.44691, 2.36462, 2.306, 2.26216, 2.22814] as const;

/**
 * The 0.975 quantile of Student's t distribution, to three decimals: a table, and from eleven degrees of freedom on the expansion in
 * powers of 1/ν around the normal quantile (Abramowitz and Stegun, Handbook of Mathematical Functions, 26.7.5).
 * @param freedom degrees of freedom, 1 or more
 */
export function studentT95(freedom: number): number {
  const known = T95[freedom - 1];
  if (known !== undefined) return known;
  const [z, z3, z5, z7] = [Z, Z ** 3, Z ** 5, Z ** 7];
  const first = (z3 + z) / 4;
  const second = (5 * z5 + 16 * z3 + 3 * z) / 96;
  const third = (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / 384;
  return z + first / freedom + second / freedom ** 2 + third / freedom ** 3;
}
