/** How often a sliding window that is estimated from sub-windows decides otherwise than one that knows the time of every request. */
import type { SlidingWindowPolicy } from '../../algorithms/algorithm.ts';
import type { SlidingWindowState } from '../../algorithms/sliding-window.ts';
import { slidingWindow } from '../../algorithms/sliding-window.ts';
import type { Random } from '../../core/random.ts';
import { exponential, normal } from './draws.ts';

/** Requests of many sources, each with a limit of its own. */
export interface SourceTraffic {
  readonly sources: number;
  readonly limit: number;
  readonly windowMs: number;
  readonly durationMs: number;
  /** Ordinary sources: the median of their rates, as a part of the limit, and the σ of the logarithm. */
  readonly median: number;
  readonly sigma: number;
  /** So many of the sources ask for so many times the limit, with the same σ. */
  readonly attackers: number;
  readonly attackTimes: number;
}

export interface Judgement {
  readonly requests: number;
  /** Part of the requests that were allowed above the limit, or refused below it. */
  readonly wronglyAllowed: number;
  readonly wronglyRefused: number;
  /** Mean of |estimate − true rate| ÷ true rate, over all requests that come after the first window of their source. */
  readonly rateDifference: number;
  /** Sources that were above the limit at some time and never refused; and the furthest above it that one of them was. */
  readonly missed: number;
  readonly missedBy: number;
  /** Sources that were refused something and were never above the limit. */
  readonly falsePositives: number;
}

/** Never reached: what counts here is the estimate. */
const NO_LIMIT = 1e9;

interface Sums {
  requests: number;
  allowed: number;
  refused: number;
  difference: number;
  compared: number;
  missed: number;
  missedBy: number;
  falsePositives: number;
}

/** The same requests judged with each number of sub-windows; refused ones count too, as they do where it was published. */
export function judgeEstimates(traffic: SourceTraffic, buckets: readonly number[], random: Random): Judgement[] {
  const sums = buckets.map(
    (): Sums => ({
      requests: 0,
      allowed: 0,
      refused: 0,
      difference: 0,
      compared: 0,
      missed: 0,
      missedBy: 0,
      falsePositives: 0,
    }),
  );
  const policies = buckets.map(
    (count): SlidingWindowPolicy => ({
      algorithm: 'sliding-window',
      limit: NO_LIMIT,
      windowMs: traffic.windowMs,
      buckets: count,
    }),
  );
  for (let source = 0; source < traffic.sources; source++) {
    const times = timesOf(traffic, source, random);
    for (const [i, policy] of policies.entries()) {
      const sum = sums[i];
      if (sum !== undefined) judgeSource(traffic, policy, times, sum);
    }
  }
  return sums.map(judgementOf);
}

function judgeSource(traffic: SourceTraffic, policy: SlidingWindowPolicy, times: readonly number[], sum: Sums): void {
  const { limit, windowMs } = traffic;
  const begun = (times[0] ?? 0) + windowMs;
  let state: SlidingWindowState | undefined;
  let oldest = 0;
  let [everAbove, everRefused] = [0, false];
  for (const [i, at] of times.entries()) {
    const decision = slidingWindow.decide(policy, state, 1, at);
    state = decision.next;
    const estimate = NO_LIMIT - decision.remaining;
    while ((times[oldest] ?? at) <= at - windowMs) oldest++;
    const real = i - oldest + 1;
    sum.requests++;
    if (at >= begun) {
      sum.compared++;
      sum.difference += Math.abs(estimate - real) / real;
    }
    if (real > limit) everAbove = Math.max(everAbove, real / limit - 1);
    if (estimate > limit) everRefused = true;
    if (real > limit && estimate <= limit) sum.allowed++;
    else if (real <= limit && estimate > limit) sum.refused++;
  }
  if (everAbove > 0 && !everRefused) {
    sum.missed++;
    sum.missedBy = Math.max(sum.missedBy, everAbove);
  }
  if (everAbove === 0 && everRefused) sum.falsePositives++;
}

function judgementOf(sum: Sums): Judgement {
  return {
    requests: sum.requests,
    wronglyAllowed: sum.allowed / sum.requests,
    wronglyRefused: sum.refused / sum.requests,
    rateDifference: sum.difference / Math.max(1, sum.compared),
    missed: sum.missed,
    missedBy: sum.missedBy,
    falsePositives: sum.falsePositives,
  };
}

/** A source's rate rises and falls slowly, by up to a half: times of a Poisson process, whole milliseconds, ascending. */
function timesOf(traffic: SourceTraffic, source: number, random: Random): number[] {
  const { limit, windowMs, durationMs, median, sigma, attackers, attackTimes } = traffic;
  const scale = source < attackers ? attackTimes : median;
  const perMs = ((scale * limit) / windowMs) * Math.exp(sigma * normal(random));
  const [swing, periodMs, phase] = [0.5 * random.next(), windowMs * (3 + 17 * random.next()), random.next()];
  const most = perMs * (1 + swing);
  const times: number[] = [];
  for (let at = random.next() / most; at < durationMs; at += exponential(random) / most) {
    const now = perMs * (1 + swing * Math.sin(2 * Math.PI * (at / periodMs + phase)));
    if (random.next() * most < now) times.push(Math.floor(at));
  }
  return times;
}
