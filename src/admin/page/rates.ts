/** From two sums to what happened in between: rates, and quantiles out of histograms. */
import type { HistogramTotals, LimitTotals, Totals } from '../../core/totals.ts';

/** Seconds. Interpolated within a bucket, so as exact as the buckets are fine. */
export interface Quantiles {
  readonly p50: number;
  readonly p99: number;
}

export interface LimitRates {
  readonly allowed: number;
  readonly denied: number;
  readonly shadowDenied: number;
}

/** Per second, where nothing else is said. */
export interface Rates {
  /** Seconds over which they were taken; 0: nothing can be said yet, and all rates are 0. */
  readonly seconds: number;
  readonly requests: Readonly<Record<keyof Totals['requests'], number>>;
  readonly limits: ReadonlyMap<string, LimitRates>;
  readonly storeCalls: number;
  readonly storeErrors: number;
  readonly fallbacks: number;
  /** undefined: nothing happened. */
  readonly requestSeconds: Quantiles | undefined;
  readonly decisionSeconds: Quantiles | undefined;
  readonly storeSeconds: Quantiles | undefined;
}

export function ratesBetween(before: Totals, now: Totals, seconds: number): Rates {
  const per = (then: number, count: number): number => (seconds > 0 ? Math.max(0, count - then) / seconds : 0);
  const none: LimitTotals = { allowed: 0, denied: 0, shadowDenied: 0 };
  const limits = new Map<string, LimitRates>();
  for (const [name, totals] of now.limits) {
    const then = before.limits.get(name) ?? none;
    limits.set(name, {
      allowed: per(then.allowed, totals.allowed),
      denied: per(then.denied, totals.denied),
      shadowDenied: per(then.shadowDenied, totals.shadowDenied),
    });
  }
  return {
    seconds,
    requests: {
      allowed: per(before.requests.allowed, now.requests.allowed),
      denied: per(before.requests.denied, now.requests.denied),
      shadowDenied: per(before.requests.shadowDenied, now.requests.shadowDenied),
      error: per(before.requests.error, now.requests.error),
    },
    limits,
    storeCalls: per(count(before.storeSeconds), count(now.storeSeconds)),
    storeErrors: per(sum(before.storeErrors.values()), sum(now.storeErrors.values())),
    fallbacks: per(before.fallbacks, now.fallbacks),
    requestSeconds: quantiles(before.requestSeconds, now.requestSeconds),
    decisionSeconds: quantiles(before.decisionSeconds, now.decisionSeconds),
    storeSeconds: quantiles(before.storeSeconds, now.storeSeconds),
  };
}

function quantiles(before: HistogramTotals, now: HistogramTotals): Quantiles | undefined {
  const counts = now.counts.map((value, i) => value - (before.counts[i] ?? 0));
  const total = sum(counts);
  if (total <= 0) return undefined;
  return { p50: quantile(now.bounds, counts, total * 0.5), p99: quantile(now.bounds, counts, total * 0.99) };
}

/** As Prometheus' histogram_quantile does it: even within a bucket; above the last bound there is only the last bound. */
function quantile(bounds: readonly number[], counts: readonly number[], rank: number): number {
  let below = 0;
  for (const [i, inBucket] of counts.entries()) {
    const upper = bounds[i];
    if (upper === undefined) break;
    if (inBucket > 0 && below + inBucket >= rank) {
      const lower = bounds[i - 1] ?? 0;
      return lower + ((upper - lower) * (rank - below)) / inBucket;
    }
    below += inBucket;
  }
  return bounds.at(-1) ?? 0;
}

function count({ counts }: HistogramTotals): number {
  return sum(counts);
}

function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const each of numbers) total += each;
  return total;
}
