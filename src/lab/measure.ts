/** One run of one scenario: a way of sharing, a number of hosts, a seed, and what came of it. */
import type { WindowedPolicy } from '../algorithms/algorithm.ts';
import type { PeerTraffic } from '../core/telemetry.ts';
import { shareOf } from '../limiter/failure.ts';
import { ReplicaHosts } from '../sharing/replica-hosts.ts';
import type { WindowMeans } from './report/model.ts';
import type { RunMeasures } from './report/rows.ts';
import type { Load, Scenario } from './scenario.ts';
import { faultsOn, ratePerSecond } from './scenario.ts';
import { Accuracy } from './sim/accuracy.ts';
import { SWIM_LIKE } from './sim/ideal-view.ts';
import { SharedLimit } from './sim/shared-limit.ts';
import { Simulation } from './sim/simulation.ts';
import type { Workload } from './sim/workload.ts';
import { Tally } from './tally.ts';
import type { Way } from './ways.ts';
import { buildWay, isBaseline } from './ways.ts';

export interface Job {
  readonly scenario: Scenario;
  readonly way: Way;
  readonly hosts: number;
  readonly seed: number;
}

/** The numbers of one run, and what names it. */
export interface Measures extends RunMeasures {
  /** The same for the same job and code. */
  readonly digest: string;
  readonly events: number;
}

/** Hosts find each other, and leaders are elected, before requests begin. */
const SETTLE_MS = 3_000;
const CONVERGED_WITHIN_MS = 30_000;
/** A call to Redis is some 150 bytes there and 50 back for one check (docs/redis-sizing.md). */
const STORE_BYTES = 200;

export async function measure({ scenario, way, hosts, seed }: Job): Promise<Measures> {
  const policy = way === 'split' ? shareOf(scenario.policy, hosts) : scenario.policy;
  const limit = new SharedLimit(policy, scenario.onFailure);
  const accuracy = new Accuracy(scenario.policy, () => simulation.epochMs);
  const [latency, staleness] = [new Tally(), new Tally()];
  const keys = new Set<number>();
  const lives = new ReplicaHosts(false);
  const simulation = new Simulation({
    seed,
    hosts,
    limit,
    strategy: (parts) => buildWay(way, parts, scenario, lives),
    detection: SWIM_LIKE,
    weather: scenario.network,
    skewMs: scenario.skewMs,
    driftPpm: scenario.driftPpm,
    workloads: scenario.loads.map((load) => workloadOf(load, scenario.policy, SETTLE_MS)),
    faults: faultsOn(scenario, hosts),
    settleMs: SETTLE_MS,
    durationMs: scenario.durationMs,
    coordination: { slots: scenario.leaders, ttlMs: scenario.leaseMs, latencyMs: scenario.network.latencyMs },
    store: { weather: scenario.network, timeoutMs: scenario.storeTimeoutMs },
    audience: {
      decided: (decision) => {
        accuracy.decided(decision);
        keys.add(decision.key);
        latency.add((decision.answeredAt - decision.askedAt) / 1_000);
      },
      stale: (seconds) => staleness.add(seconds),
    },
  });
  await simulation.runUntil(SETTLE_MS);
  simulation.traffic.clear();
  await simulation.run();
  const seconds = scenario.durationMs / 1_000;
  const talk = talkOf(simulation, way, seconds);
  const sums = accuracy.sums();
  const { digest, events } = simulation;
  return {
    offeredPerSecond: sums.offered / seconds,
    limitPerSecond: ratePerSecond(scenario.policy) * Math.max(1, keys.size),
    admittedPerSecond: sums.admitted / seconds,
    overAdmission: Math.max(0, sums.excess) / scenario.policy.limit,
    falseDenials: sums.offered === 0 ? 0 : sums.falseDenials / sums.offered,
    ...talk,
    decisionLatencySeconds: { p50: latency.quantile(0.5), p99: latency.quantile(0.99) },
    stalenessSeconds: { p50: staleness.quantile(0.5), p99: staleness.quantile(0.99) },
    convergenceSeconds: await convergence(simulation, scenario, way, [...keys]),
    latencies: latency.histogram(),
    windows: windowsOf(accuracy, SETTLE_MS),
    digest,
    events,
  };
}

/** @param settleMs when requests begin */
export function workloadOf(load: Load, policy: WindowedPolicy, settleMs: number): Workload {
  const { arrivals, hosts, keys, cost, spreadMs, steps } = load;
  const count = keys.kind === 'one' ? 1 : keys.keys;
  if (arrivals === 'bursts') {
    const times = steps[0]?.timesLimit ?? 1;
    const burst = Math.max(1, Math.round((times * policy.limit * count) / cost));
    return {
      arrivals: { kind: 'bursts', windowMs: policy.windowMs, count: burst, spreadMs },
      hosts,
      keys,
      cost,
    };
  }
  const perSecond = (ratePerSecond(policy) * count) / cost;
  return {
    arrivals: {
      kind: arrivals,
      steps: steps.map(({ atMs, timesLimit }) => ({
        // A simulation counts from its own start.
        atMs: atMs === 0 ? 0 : settleMs + atMs,
        perSecond: timesLimit * perSecond,
      })),
    },
    hosts,
    keys,
    cost,
  };
}

type Talk = Pick<Measures, 'messagesPerSecond' | 'bytesPerSecond' | 'hottestHostMessagesPerSecond'>;

const SILENCE: Talk = { messagesPerSecond: 0, bytesPerSecond: 0, hottestHostMessagesPerSecond: 0 };

function talkOf(simulation: Simulation, way: Way, seconds: number): Talk {
  if (isBaseline(way)) return SILENCE;
  if (way === 'redis') {
    const { asked } = simulation.cluster.store;
    const messages = (2 * asked) / seconds;
    return {
      messagesPerSecond: messages,
      bytesPerSecond: (STORE_BYTES * asked) / seconds,
      hottestHostMessagesPerSecond: messages,
    };
  }
  const { sent, sentBytes, hottest } = simulation.traffic.totals(way satisfies PeerTraffic);
  return {
    messagesPerSecond: sent / seconds,
    bytesPerSecond: sentBytes / seconds,
    hottestHostMessagesPerSecond: hottest / seconds,
  };
}

async function convergence(
  simulation: Simulation,
  scenario: Scenario,
  way: Way,
  keys: readonly number[],
): Promise<number | null> {
  if (isBaseline(way)) return null;
  const from = simulation.clock.monotonic();
  const tolerated = Math.max(0, Math.ceil((scenario.skewMs / scenario.policy.windowMs) * 2 * scenario.policy.limit));
  const step = Math.max(5, scenario.intervalMs / 4);
  const watched = keys.slice(0, 20);
  for (let at = from; at <= from + CONVERGED_WITHIN_MS; at += step) {
    await simulation.runUntil(at);
    if (await agree(simulation, watched, tolerated)) return (simulation.clock.monotonic() - from) / 1_000;
  }
  return null;
}

async function agree(simulation: Simulation, keys: readonly number[], tolerated: number): Promise<boolean> {
  for (const key of keys) {
    let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const { view } of await simulation.views(key)) {
      least = Math.min(least, view.remaining);
      most = Math.max(most, view.remaining);
    }
    if (most - least > tolerated) return false;
  }
  return true;
}

/** Over all keys. @param settleMs when requests began */
export function windowsOf(accuracy: Accuracy, settleMs: number): WindowMeans[] {
  const together = new Map<number, { offered: number; admitted: number; oracle: number }>();
  for (const { fromMs, offered, admitted, oracle } of accuracy.windows()) {
    const sum = together.get(fromMs) ?? { offered: 0, admitted: 0, oracle: 0 };
    together.set(fromMs, sum);
    sum.offered += offered;
    sum.admitted += admitted;
    sum.oracle += oracle;
  }
  return [...together].sort(([a], [b]) => a - b).map(([fromMs, sum]) => ({ at: (fromMs - settleMs) / 1_000, ...sum }));
}
