/** A whole experiment: every way of sharing on every number of hosts, as many runs of each as asked for. */
import type { Job, Measures } from './measure.ts';
import type { MeshTalk } from './mesh-talk.ts';
import { meshTalk } from './mesh-talk.ts';
import type { PoolOptions } from './pool.ts';
import { runAll } from './pool.ts';
import type { Scenario } from './scenario.ts';
import { durationOn } from './scenario.ts';
import type { Way } from './ways.ts';

export interface Experiment {
  readonly scenario: Scenario;
  readonly ways: readonly Way[];
  readonly hosts: readonly number[];
  readonly seed: number;
  /** How long requests arrive, on any number of hosts. Left out: see {@link durationOn}. */
  readonly durationMs?: number | undefined;
  /** Runs of each, with seeds that follow each other. */
  readonly runs: number;
}

/** One way of sharing on so many hosts. */
export interface Cell {
  readonly way: Way;
  readonly hosts: number;
  readonly runs: readonly { readonly seed: number; readonly measures: Measures }[];
  /** Too much to be simulated: only the messages are known, by counting. */
  readonly analytic: MeshTalk | undefined;
}

/** Most hosts of a full mesh that are simulated: a million messages for each simulated second of them. */
export const MOST_MESH_HOSTS = 320;

/** All runs of the experiment; those that are too much are not among them. */
export function jobsOf({ scenario: whole, ways, hosts, seed, runs, durationMs }: Experiment): Job[] {
  return ways.flatMap((way) =>
    hosts
      .filter((count) => way !== 'mesh' || count <= MOST_MESH_HOSTS)
      .flatMap((count) => {
        const scenario = { ...whole, durationMs: durationMs ?? durationOn(whole, count) };
        return Array.from({ length: runs }, (_, i): Job => ({ scenario, way, hosts: count, seed: seed + i }));
      }),
  );
}

/** The same experiment gives the same cells, in the order of ways and hosts. */
export async function runExperiment(experiment: Experiment, options: PoolOptions = {}): Promise<Cell[]> {
  const { scenario, ways, hosts } = experiment;
  const jobs = jobsOf(experiment);
  const measured = await runAll(jobs, options);
  return ways.flatMap((way) =>
    hosts.map((count) => {
      const runs = jobs.flatMap((job, i) => {
        const measures = measured[i];
        const mine = job.way === way && job.hosts === count;
        return mine && measures !== undefined ? [{ seed: job.seed, measures }] : [];
      });
      return { way, hosts: count, runs, analytic: runs.length > 0 ? undefined : meshTalk(scenario, count) };
    }),
  );
}
