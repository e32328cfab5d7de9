/** One short random run for each seed: who shares how, what is offered, and what goes wrong. */
import type { WindowedPolicy } from '../../../src/algorithms/algorithm.ts';
import type { Random } from '../../../src/core/random.ts';
import { seededRandom } from '../../../src/core/random.ts';
import type { FailurePolicy } from '../../../src/core/types.ts';
import type { Fault } from '../../../src/lab/sim/faults.ts';
import type { DetectionTimes } from '../../../src/lab/sim/ideal-view.ts';
import type { SimulationOptions } from '../../../src/lab/sim/options.ts';
import { SharedLimit } from '../../../src/lab/sim/shared-limit.ts';
import type { Weather } from '../../../src/lab/sim/weather.ts';
import type { HostChoice, KeyChoice, Workload } from '../../../src/lab/sim/workload.ts';
import type { Way } from './ways.ts';

export interface RandomRun {
  readonly way: Way;
  readonly intervalMs: number;
  readonly fanout: number;
  readonly options: Omit<SimulationOptions, 'audience'>;
  /** Whether it ends with a long quiet, after which all hosts must know the same. */
  readonly ends: 'busy' | 'quiet';
}

/** Quicker than in life, so that short runs see what follows. */
const DETECTION: DetectionTimes = { aliveMs: 100, goneMs: 300, suspectMs: 300, deadMs: 800, forgetMs: 60_000 };
export const LEASE_MS = 1_500;
const STORE = {
  weather: { latencyMs: 0.5, jitterMs: 0.2, loss: 0, duplicate: 0, reorder: 0, reorderMs: 0 },
  timeoutMs: 50,
};

export function randomRun(seed: number, ways: readonly Way[]): RandomRun {
  const random = seededRandom(seed);
  const way = pick(random, ways);
  const hosts = 2 + random.below(11);
  const intervalMs = pick(random, [50, 100, 250]);
  const fanout = 1 + random.below(4);
  const ends = way.quietMs !== undefined && random.next() < 0.2 ? 'quiet' : 'busy';
  const durationMs = 2_000 + random.below(6_000);
  const policy = ends === 'quiet' ? longWindow(random) : randomPolicy(random, way);
  const onFailure = pick<FailurePolicy>(random, ['allow', 'deny', 'local']);
  const skewMs = random.next() < 0.3 ? random.below(100) : 0;
  const faults = random.next() < 0.5 ? randomFaults(random, hosts, durationMs, policy, ends) : [];
  return {
    way,
    intervalMs,
    fanout,
    ends,
    options: {
      seed,
      hosts,
      limit: new SharedLimit(policy, onFailure),
      strategy: (parts) => way.strategy(parts, { intervalMs, fanout, leaders: 2 }),
      detection: DETECTION,
      weather: randomWeather(random),
      skewMs,
      driftPpm: random.next() < 0.3 ? 200 : 0,
      workloads: [randomWorkload(random, policy, hosts)],
      faults,
      settleMs: 1_000,
      durationMs,
      coordination: { slots: 1 + random.below(2), ttlMs: LEASE_MS, latencyMs: 0.5 },
      store: STORE,
    },
  };
}

function pick<T>(random: Random, choices: readonly T[]): T {
  const choice = choices[random.below(choices.length)];
  if (choice === undefined) throw new RangeError('nothing to choose from');
  return choice;
}

function longWindow(random: Random): WindowedPolicy {
  return { algorithm: 'fixed-window', limit: 50 + random.below(2_000), windowMs: 7_200_000 };
}

function randomPolicy(random: Random, way: Way): WindowedPolicy {
  const algorithm = pick(random, way.algorithms);
  const limit = pick(random, [1, 5, 20, 100, 400]);
  const windowMs = pick(random, [500, 1_000, 2_000, 5_000]);
  if (algorithm === 'sliding-window') return { algorithm, limit, windowMs, buckets: pick(random, [2, 3, 11]) };
  if (algorithm === 'fixed-window') return { algorithm, limit, windowMs };
  return { algorithm, limit, windowMs, burst: Math.max(1, Math.round(limit * pick(random, [0.2, 1, 2]))) };
}

function randomWeather(random: Random): Weather {
  const latencyMs = pick(random, [0.2, 1, 20, 75]);
  return {
    latencyMs,
    jitterMs: pick(random, [0, latencyMs / 4]),
    loss: pick(random, [0, 0, 0.005, 0.05, 0.2]),
    duplicate: pick(random, [0, 0, 0.1]),
    reorder: pick(random, [0, 0, 0.1]),
    reorderMs: 30,
  };
}

function randomWorkload(random: Random, policy: WindowedPolicy, hosts: number): Workload {
  // A few thousand arrivals at most.
  const perSecond = Math.min(500, ((policy.limit * 1_000) / policy.windowMs) * pick(random, [0.5, 0.95, 1.05, 2, 10]));
  const keys = pick<KeyChoice>(random, [
    { kind: 'one' },
    { kind: 'one' },
    { kind: 'even', keys: 3 },
    { kind: 'zipf', keys: 20, exponent: 1 },
  ]);
  const to = pick<HostChoice>(random, [
    { kind: 'even' },
    { kind: 'even' },
    { kind: 'skewed', traffic: 0.7, hosts: 0.3 },
    { kind: 'one', host: random.below(hosts) },
    { kind: 'roaming', everyMs: 100 },
  ]);
  const cost = random.next() < 0.1 ? 3 : 1;
  const shape = random.next();
  if (shape < 0.15) {
    const count = Math.min(policy.limit, 200);
    const spreadMs = 5 + random.below(30);
    return { arrivals: { kind: 'bursts', windowMs: policy.windowMs, count, spreadMs }, hosts: to, keys, cost };
  }
  const steps = [{ atMs: 0, perSecond }];
  if (shape < 0.35) steps.push({ atMs: 2_500, perSecond: Math.min(1_500, perSecond * 10) });
  return { arrivals: { kind: shape < 0.8 ? 'poisson' : 'regular', steps }, hosts: to, keys, cost };
}

function randomFaults(
  random: Random,
  hosts: number,
  durationMs: number,
  policy: WindowedPolicy,
  ends: 'busy' | 'quiet',
): Fault[] {
  const forMs = 200 + random.below(2_500);
  const atMs = random.below(Math.max(1, durationMs - 500));
  const some = (): number[] => [...new Set(Array.from({ length: 1 + random.below(hosts) }, () => random.below(hosts)))];
  const one = random.below(hosts);
  const faults: Fault[] = [
    { atMs, kind: 'crash', hosts: [one], forMs },
    { atMs, kind: 'crash', hosts: some(), forMs },
    { atMs, kind: 'machines-off', hosts: some(), forMs },
    { atMs, kind: 'pause', hosts: some(), forMs },
    { atMs, kind: 'leader-crash', slot: 0, forMs },
    { atMs, kind: 'partition', sides: [some()], forMs },
    { atMs, kind: 'one-way', from: [one], to: some().filter((host) => host !== one), forMs },
    { atMs, kind: 'weather', weather: { ...randomWeather(random), loss: 0.5 }, forMs },
    { atMs, kind: 'store-outage', forMs },
    { atMs, kind: 'coordination-outage', forMs },
  ];
  if (ends === 'busy') faults.push({ atMs, kind: 'crash', hosts: [one] });
  // A bucket that fills by a clock that jumps is filled once more: windows alone can be held to a bound.
  if (policy.algorithm !== 'token-bucket')
    faults.push({ atMs, kind: 'clock-step', hosts: [one], byMs: random.below(400) - 200 });
  return [pick(random, faults)];
}
