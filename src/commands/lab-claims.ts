/** `sluice lab claims`: what textbooks say of the ways of sharing, checked on a virtual network. */
import { systemClock } from '../core/clock.ts';
import type { Findings } from '../lab/claims/claims.ts';
import { verdictsOn } from '../lab/claims/claims.ts';
import type { Experiment } from '../lab/experiment.ts';
import { jobsOf, runExperiment } from '../lab/experiment.ts';
import { Progress } from '../lab/progress.ts';
import type { Setup } from '../lab/report/model.ts';
import { reportPage } from '../lab/report/page.ts';
import { buildReport, reportJson } from '../lab/report/report.ts';
import { rowsOf } from '../lab/report/rows.ts';
import { reportTable } from '../lab/report/table.ts';
import type { Scenario } from '../lab/scenario.ts';
import type { Way } from '../lab/ways.ts';
import { numberFlag, writeReport } from './lab-flags.ts';
import { findScenario } from './lab-scenario.ts';
import { print } from './output.ts';

export interface ClaimsFlags {
  readonly seed?: string;
  readonly runs?: string;
  readonly json?: string;
  readonly html?: string;
}

const MOST_RUNS = 100;
const WAYS: readonly Way[] = ['redis', 'mesh', 'gossip', 'leader', 'random-leaders'];
const HOSTS = [8, 16, 32, 64];
/** Of requests: the ways agree in less than one. */
const STEADY_MS = 5_000;

/**
 * Runs the experiments, prints table and verdicts, and writes what was asked for. Returns the exit code: 1 when a claim does not hold.
 * @throws SluiceError SLUICE_USAGE, SLUICE_OUTPUT
 */
export async function claimsCommand(flags: ClaimsFlags): Promise<number> {
  const seed = numberFlag(flags.seed, '--seed', 1, 0, 0x7fff_ffff);
  const runs = numberFlag(flags.runs, '--runs', 5, 1, MOST_RUNS);
  const steadyScenario: Scenario = { ...shipped('steady-double'), durationMs: STEADY_MS };
  const outageScenario = shipped('store-outage');
  const steady: Experiment = { scenario: steadyScenario, ways: WAYS, hosts: HOSTS, seed, runs };
  const outage: Experiment = { scenario: outageScenario, ways: ['redis', 'mesh'], hosts: [8], seed, runs };
  const total = jobsOf(steady).length + jobsOf(outage).length;
  const progress = new Progress({ output: process.stderr, clock: systemClock, total, title: 'lab' });
  let done = 0;
  const run = (experiment: Experiment) =>
    runExperiment(experiment, { onDone: (job) => progress.at(++done, `${job.way} on ${job.hosts} hosts`) });
  const cells = await run(steady);
  const away = await run(outage);
  progress.end();
  const findings: Findings = {
    steady: rowsOf(cells, steadyScenario.intervalMs / 1_000),
    outage: rowsOf(away, outageScenario.intervalMs / 1_000),
  };
  const verdicts = verdictsOn(findings);
  const report = buildReport({ seed, scenario: steadyScenario.name, setup: setupOf(steadyScenario), cells, verdicts });
  await print(reportTable(report));
  writeReport(flags.json, report, reportJson);
  writeReport(flags.html, report, reportPage);
  return verdicts.some(({ holds }) => holds === 'no') ? 1 : 0;
}

function setupOf({ intervalMs, network }: Scenario): Setup {
  return {
    description: `Twice the limit of 1,000 a second, evenly on all hosts, for ${STEADY_MS / 1_000} s; and what is said of it.`,
    intervalSeconds: intervalMs / 1_000,
    faults: [],
    facts: [['round trip', `${network.latencyMs * 2} ms`]],
  };
}

function shipped(name: string): Scenario {
  const found = findScenario(name);
  if ('policy' in found) return found;
  throw new Error(found.join('; '));
}
