/** A whole experiment: every way of sharing on every number of hosts, as many runs of each as asked for. */
import type { Job, Measures } from './measure.ts';
import { analyticTalk } from './measure.ts';
import { runAll } from './pool.ts';
import type { Scenario } from './scenario.ts';
import { ratePerSecond } from './scenario.ts';
import type { Way } from './ways.ts';

export interface Experiment {
  readonly scenario: Scenario;
  readonly ways: readonly Way[];
  readonly hosts: readonly number[];
  readonly seed: number;
  /** Runs of each, with seeds that follow each other. */
  readonly runs: number;
}

/** One way of sharing on so many hosts. */
export interface Cell {
  readonly way: Way;
  readonly hosts: number;
  readonly runs: readonly { readonly seed: number; readonly measures: Measures }[];
  /** Too much to be simulated: only the messages are known, by counting. */
  readonly analytic: { readonly messagesPerSecond: number; readonly hottestHostMessagesPerSecond: number } | undefined;
}

/** Most hosts of a full mesh that are simulated: a million messages for each simulated second of them. */
export const MOST_MESH_HOSTS = 320;

/** The same experiment gives the same cells, in the order of ways and hosts. */
export async function runExperiment(
  { scenario, ways, hosts, seed, runs }: Experiment,
  onDone: (job: Job, done: number, all: number) => void = () => {},
): Promise<Cell[]> {
  const planned = ways.flatMap((way) => hosts.map((count) => ({ way, hosts: count })));
  const simulated = planned.filter(({ way, hosts: count }) => way !== 'mesh' || count <= MOST_MESH_HOSTS);
  const jobs = simulated.flatMap(({ way, hosts: count }) =>
    Array.from({ length: runs }, (_, i): Job => ({ scenario, way, hosts: count, seed: seed + i })),
  );
  let done = 0;
  const measured = await runAll(jobs, { onDone: (job) => onDone(job, ++done, jobs.length) });
  return planned.map(({ way, hosts: count }) => ({
    way,
    hosts: count,
    runs: jobs.flatMap((job, i) => {
      const measures = measured[i];
      const mine = job.way === way && job.hosts === count;
      return mine && measures !== undefined ? [{ seed: job.seed, measures }] : [];
    }),
    analytic: simulated.some((each) => each.way === way && each.hosts === count)
      ? undefined
      : meshTalk(scenario, count),
  }));
}

/** Of a mesh each host sends to all others and hears from all of them, each interval. */
function meshTalk(scenario: Scenario, hosts: number) {
  // Whoever is asked nothing in an interval tells nothing in it.
  const offered = scenario.loads.reduce(
    (sum, { steps, keys, cost }) =>
      sum +
      ((steps[0]?.timesLimit ?? 0) * ratePerSecond(scenario.policy) * (keys.kind === 'one' ? 1 : keys.keys)) / cost,
    0,
  );
  const busy = 1 - Math.exp((-offered * scenario.intervalMs) / 1_000 / hosts);
  const messagesPerSecond = analyticTalk(scenario, hosts) * busy;
  return { messagesPerSecond, hottestHostMessagesPerSecond: (2 * messagesPerSecond) / hosts };
}
