/** One run of a scenario on real gateways: what came of it, in the numbers of the simulation. */
import type { Clock } from '../../core/clock.ts';
import { SluiceError } from '../../core/errors.ts';
import { seededRandom } from '../../core/random.ts';
import { windowsOf, workloadOf } from '../measure.ts';
import type { RunMeasures } from '../report/rows.ts';
import type { Scenario } from '../scenario.ts';
import { ratePerSecond } from '../scenario.ts';
import { Accuracy } from '../sim/accuracy.ts';
import type { Arrival } from '../sim/workload.ts';
import { arrivalsOf } from '../sim/workload.ts';
import type { Way } from '../ways.ts';
import { isBaseline } from '../ways.ts';
import { convergence } from './convergence.ts';
import type { Fleet } from './fleet.ts';
import { KEY_HEADER } from './fleet.ts';
import { letThingsHappen } from './live-faults.ts';
import type { Seen } from './load.ts';
import { offer } from './load.ts';
import { pause } from './processes.ts';
import type { Samples } from './scrape.ts';
import { histogramOf, scrape, since, sumOf } from './scrape.ts';
import { redisBytes } from './servers.ts';

export interface LiveJob {
  readonly scenario: Scenario;
  readonly way: Way;
  readonly seed: number;
  readonly fleet: Fleet;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly onSent: () => void;
  /** Milliseconds since a window began when the first request may come, as in the simulation; undefined: whenever. */
  readonly phaseMs: number | undefined;
}

export interface LiveMeasures extends RunMeasures {
  /** Of requests and answers, middle and 99 %, seconds: how far off a decision's time can be. */
  readonly roundTripSeconds: { readonly p50: number; readonly p99: number };
  /** Part of the requests that nobody answered. */
  readonly unanswered: number;
}

/** Of each host, on a few keys of their own. */
const WARM_REQUESTS = 100;
const WARM_KEYS = 10;
const WARM_MS = 1_000;
/** A request that leaves later than this is late. */
const LATE_MS = 50;
/** With more late ones than this part of all, other things were measured than the scenario says. */
const MOST_LATE = 0.1;
const ATTEMPTS = 4;
const LONGEST_WAIT_MS = 10_000;
/** A slower answer has waited for a process that stood still, and was decided at the end of it. */
const STALLED_MS = 50;

/** Connections are made, scripts loaded and code compiled before anything counts, as in gateways that have run for a while. */
export async function warmUp({ scenario, way, fleet, clock, signal }: LiveJob): Promise<void> {
  const hosts = fleet.hosts.length;
  const arrivals = Array.from({ length: WARM_REQUESTS * hosts }, (_, i) => {
    return { at: (i * WARM_MS) / (WARM_REQUESTS * hosts), host: i % hosts, key: i % WARM_KEYS, cost: 1 };
  });
  await offer({
    ...{ clock, arrivals, signal, targets: fleet.hosts, path: `/${way}` },
    headers: ({ key }) => ({ [KEY_HEADER]: `warm-${scenario.name}-${key}`, 'x-lab-cost': '1' }),
  });
}

/**
 * Once more when this machine was too busy to send requests in time, at most three times.
 * @throws SluiceError SLUICE_USAGE when it stays so
 */
export async function runLive(job: LiveJob): Promise<LiveMeasures> {
  for (let attempt = 1; ; attempt++) {
    const measured = await runOnce(job, attempt);
    if (typeof measured !== 'string') return measured;
    if (attempt >= ATTEMPTS) throw new SluiceError('SLUICE_USAGE', measured);
  }
}

/** The run's numbers, or why there are none. */
async function runOnce(job: LiveJob, attempt: number): Promise<LiveMeasures | string> {
  const { scenario, way, seed, fleet, clock, signal } = job;
  // Counts of an earlier attempt must not be met again.
  const keyOf = (key: number): string => `${way}-${seed}-${attempt}-${key}`;
  await fleet.together();
  const before = await Promise.all(fleet.hosts.map((host) => scrape(host.adminUrl)));
  const bytesBefore = fleet.redis === undefined ? 0 : await redisBytes(fleet.redis.port);
  await inPhase(job);
  const [epochMs, startedAt] = [clock.now(), clock.monotonic()];
  const arrivals = arrivalsFor(scenario, fleet.hosts.length, seed, epochMs);
  const faults = letThingsHappen(clock, scenario, fleet);
  let seen: Seen[];
  try {
    seen = await offer({
      ...{ clock, arrivals, signal, targets: fleet.hosts, path: `/${way}`, onSent: job.onSent },
      headers: ({ key, cost }) => ({ [KEY_HEADER]: keyOf(key), ...(cost === 1 ? {} : { 'x-lab-cost': `${cost}` }) }),
    });
  } finally {
    await faults.end();
  }
  const keys = new Set(arrivals.map(({ key }) => key));
  const agreed = isBaseline(way)
    ? null
    : await convergence({
        ...{ clock, scenario, way, hosts: fleet.hosts, signal },
        keys: [...keys].map(keyOf),
        // Times of arrivals count from the start.
        fromMs: startedAt + seen.reduce((last, { sentAt }) => Math.max(last, sentAt), 0),
      });
  const after = await Promise.all(fleet.hosts.map((host) => scrape(host.adminUrl)));
  const changes = after.map((samples, i) => since(before[i], samples));
  const bytes = fleet.redis === undefined ? 0 : (await redisBytes(fleet.redis.port)) - bytesBefore;
  const late = seen.filter(({ arrival, sentAt }) => sentAt - arrival.at > LATE_MS).length;
  if (late > MOST_LATE * seen.length) {
    const part = Math.round((100 * late) / seen.length);
    return (
      `${part} % of the requests of ${way} left more than ${LATE_MS} ms late, so there is no report: ` +
      'this machine is too busy (fewer --hosts, a smaller --rate)'
    );
  }
  return measuresOf({ job, seen, epochMs, keys: keys.size, changes, bytes, agreed });
}

interface Found {
  readonly job: LiveJob;
  readonly seen: readonly Seen[];
  readonly epochMs: number;
  readonly keys: number;
  readonly changes: readonly Samples[];
  readonly bytes: number;
  readonly agreed: number | null;
}

function measuresOf({ job, seen, epochMs, keys, changes, bytes, agreed }: Found): LiveMeasures {
  const { scenario, way } = job;
  const seconds = scenario.durationMs / 1_000;
  const accuracy = new Accuracy(scenario.policy, () => epochMs);
  const decided = seen.filter(({ status }) => status === 200 || status === 429 || status === 503);
  const trips = decided.map(({ sentAt, answeredAt }) => answeredAt - sentAt).sort((a, b) => a - b);
  const usualMs = trips[Math.floor(trips.length / 2)] ?? 0;
  const judged = decided
    .map(({ arrival, sentAt, answeredAt, status }) => {
      const stalled = answeredAt - sentAt > STALLED_MS;
      const at = stalled ? answeredAt - usualMs / 2 : (sentAt + answeredAt) / 2;
      return { ...arrival, at, askedAt: sentAt, answeredAt, allowed: status === 200, ground: 'shared' as const };
    })
    .sort((a, b) => a.at - b.at);
  for (const decision of judged) accuracy.decided(decision);
  const sums = accuracy.sums();
  const label = `sharing="${isBaseline(way) ? 'local' : way}"`;
  const decisions = histogramOf(changes, 'sluice_decision_duration_seconds', [label]);
  const staleness = histogramOf(changes, 'sluice_counter_staleness_seconds', [label]);
  return {
    offeredPerSecond: sums.offered / seconds,
    limitPerSecond: ratePerSecond(scenario.policy) * Math.max(1, keys),
    admittedPerSecond: sums.admitted / seconds,
    overAdmission: Math.max(0, sums.excess) / scenario.policy.limit,
    falseDenials: sums.offered === 0 ? 0 : sums.falseDenials / sums.offered,
    ...talkOf(way, changes, bytes, seconds),
    decisionLatencySeconds: { p50: decisions.quantile(0.5), p99: decisions.quantile(0.99) },
    stalenessSeconds: { p50: staleness.quantile(0.5), p99: staleness.quantile(0.99) },
    convergenceSeconds: agreed,
    latencies: decisions.histogram(),
    windows: windowsOf(accuracy, 0),
    datedWithinSeconds: usualMs / 2_000,
    roundTripSeconds: { p50: usualMs / 1_000, p99: (trips[Math.floor(trips.length * 0.99)] ?? 0) / 1_000 },
    unanswered: seen.length === 0 ? 0 : 1 - decided.length / seen.length,
  };
}

function talkOf(way: Way, changes: readonly Samples[], bytes: number, seconds: number) {
  if (isBaseline(way)) return { messagesPerSecond: 0, bytesPerSecond: 0, hottestHostMessagesPerSecond: 0 };
  if (way === 'redis') {
    // A call and its answer are a message each.
    const calls = changes.reduce((sum, samples) => sum + sumOf(samples, 'sluice_store_roundtrip_seconds_count'), 0);
    const messagesPerSecond = (2 * calls) / seconds;
    return { messagesPerSecond, bytesPerSecond: bytes / seconds, hottestHostMessagesPerSecond: messagesPerSecond };
  }
  const count = (what: string, labels: readonly string[]) => (samples: Samples) =>
    sumOf(samples, `sluice_peer_${what}_total`, [`sharing="${way}"`, ...labels]);
  const sum = (values: readonly number[]): number => values.reduce((all, value) => all + value, 0);
  return {
    messagesPerSecond: sum(changes.map(count('messages', ['direction="sent"']))) / seconds,
    bytesPerSecond: sum(changes.map(count('bytes', ['direction="sent"']))) / seconds,
    hottestHostMessagesPerSecond: Math.max(...changes.map(count('messages', []))) / seconds,
  };
}

/** The same seed gives the same requests at the same times, keys and hosts; windows lie where the clock has them. */
function arrivalsFor(scenario: Scenario, hosts: number, seed: number, epochMs: number): Arrival[] {
  return scenario.loads
    .flatMap((load, i) => {
      const scene = { hosts, fromMs: 0, untilMs: scenario.durationMs, epochMs };
      return [
        ...arrivalsOf(workloadOf(load, scenario.policy, 0), { ...scene, random: seededRandom(seed + 7_919 * (i + 1)) }),
      ];
    })
    .sort((a, b) => a.at - b.at);
}

/** Where in a window a run starts decides how much its first window lets through. */
async function inPhase({ clock, phaseMs, scenario: { policy } }: LiveJob): Promise<void> {
  const period =
    policy.algorithm === 'sliding-window' ? Math.ceil(policy.windowMs / (policy.buckets - 1)) : policy.windowMs;
  if (phaseMs === undefined || period > LONGEST_WAIT_MS) return;
  await pause(clock, (((phaseMs - (clock.now() % period)) % period) + period) % period);
}
