/** `sluice lab simulate`: ways of sharing on a virtual network, measured and reported. */
import { systemClock } from '../core/clock.ts';
import { formatDuration, parseDuration } from '../core/duration.ts';
import { formatRate } from '../core/rate.ts';
import { didYouMean } from '../core/suggest.ts';
import type { Cell } from '../lab/experiment.ts';
import { jobsOf, MOST_MESH_HOSTS, runExperiment } from '../lab/experiment.ts';
import { Progress } from '../lab/progress.ts';
import type { Setup } from '../lab/report/model.ts';
import { reportPage } from '../lab/report/page.ts';
import { buildReport, reportJson } from '../lab/report/report.ts';
import type { MeasuredCell } from '../lab/report/rows.ts';
import { reportTable } from '../lab/report/table.ts';
import type { Scenario } from '../lab/scenario.ts';
import { durationOn, eventsEndMs } from '../lab/scenario.ts';
import type { Way } from '../lab/ways.ts';
import { WAYS } from '../lab/ways.ts';
import { duration, numberFlag, usage, wholeNumber, writeReport } from './lab-flags.ts';
import { findScenario, shippedScenarios } from './lab-scenario.ts';
import { print } from './output.ts';

export interface SimulateFlags {
  readonly scenario?: string;
  readonly sharing?: string;
  readonly hosts?: string;
  readonly interval?: string;
  readonly seed?: string;
  readonly runs?: string;
  readonly duration?: string;
  readonly json?: string;
  readonly html?: string;
  readonly list?: boolean;
}

const MOST_HOSTS = 10_000;
const MOST_RUNS = 1_000;
/** Beyond that a run takes minutes, and is made once unless said otherwise. */
const MOST_HOSTS_TO_REPEAT = 2_000;

/**
 * Runs a scenario on every number of hosts with every way of sharing, prints a table and writes what was asked for. Returns the
 * exit code.
 * @throws SluiceError SLUICE_USAGE, SLUICE_OUTPUT
 */
export async function simulateCommand(flags: SimulateFlags): Promise<number> {
  if (flags.list === true) {
    await print(listOfScenarios());
    return 0;
  }
  const found = findScenario(flags.scenario ?? 'steady-double');
  if (!('policy' in found)) {
    process.stderr.write(`${found.join('\n')}\n`);
    return 1;
  }
  const ways = waysOf(flags.sharing);
  const hosts = numbers(flags.hosts ?? '4,20,100', '--hosts', 2, MOST_HOSTS);
  const seed = numberFlag(flags.seed, '--seed', 1, 0, 0x7fff_ffff);
  const runs = numberFlag(flags.runs, '--runs', Math.max(...hosts) > MOST_HOSTS_TO_REPEAT ? 1 : 3, 1, MOST_RUNS);
  const intervals = intervalsOf(flags.interval, found);
  const durationMs = durationOf(flags.duration, found);
  const cells: MeasuredCell[] = [];
  for (const [i, intervalMs] of intervals.entries()) {
    const scenario = { ...found, intervalMs };
    // What does not depend on the interval is run once.
    const own = i === 0 ? ways : ways.filter((way) => way !== 'none' && way !== 'split' && way !== 'redis');
    const experiment = { scenario, ways: own, hosts, seed, runs, durationMs };
    const progress = new Progress({
      output: process.stderr,
      clock: systemClock,
      total: jobsOf(experiment).length,
      title: intervals.length > 1 ? `lab, ${formatDuration(intervalMs)}` : 'lab',
    });
    let done = 0;
    const run = await runExperiment(experiment, {
      onDone: (job) => progress.at(++done, `${job.way} on ${job.hosts} hosts`),
    });
    progress.end();
    cells.push(...run.map((cell) => measuredCell(cell, intervalMs)));
  }
  const report = buildReport({ seed, scenario: found.name, setup: setupOf(found, hosts, durationMs), cells });
  await print(reportTable(report));
  writeReport(flags.json, report, reportJson);
  writeReport(flags.html, report, reportPage);
  return 0;
}

function measuredCell(cell: Cell, intervalMs: number): MeasuredCell {
  const notes =
    cell.analytic === undefined
      ? []
      : [`more than ${MOST_MESH_HOSTS} hosts of a full mesh are not simulated: its messages are counted`];
  return { ...cell, intervalSeconds: intervalMs / 1_000, notes };
}

/** @param durationMs of requests, whatever the scenario says */
export function setupOf(scenario: Scenario, hosts: readonly number[], durationMs?: number): Setup {
  const { policy, network, faults, intervalMs } = scenario;
  const { limit: count, windowMs } = policy;
  const shorter = hosts
    .filter((each) => durationMs === undefined && durationOn(scenario, each) < scenario.durationMs)
    .map((each) => `on ${each} hosts for ${formatDuration(durationOn(scenario, each))} only`);
  const arrive = [`for ${formatDuration(durationMs ?? scenario.durationMs)}`, ...shorter].join(', ');
  const description = `${scenario.description} Requests arrive ${arrive}.`;
  return {
    description,
    intervalSeconds: intervalMs / 1_000,
    faults: faults.map(({ kind, atMs, forMs }) => ({ kind, atSeconds: atMs / 1_000, forSeconds: forMs / 1_000 })),
    facts: [
      ['limit', `${formatRate({ count, windowMs })} ${policy.algorithm}`],
      ['requests arrive', arrive],
      ['round trip', `${network.latencyMs * 2} ms`],
      ['loss', `${network.loss * 100} %`],
      ['onFailure', scenario.onFailure],
    ],
  };
}

export function waysOf(text: string | undefined): Way[] {
  if (text === undefined) return [...WAYS];
  return text.split(',').map((name) => {
    const way = WAYS.find((each) => each === name.trim());
    if (way !== undefined) return way;
    throw usage(`--sharing: ${JSON.stringify(name)} is no way of sharing (${didYouMean(name, WAYS)})`);
  });
}

export function numbers(text: string, flag: string, least: number, most: number): number[] {
  return [...new Set(text.split(','))].map((part) => wholeNumber(part, flag, least, most));
}

function intervalsOf(text: string | undefined, scenario: Scenario): number[] {
  if (text === undefined) return [scenario.intervalMs];
  return text.split(',').map((part) => {
    const ms = parseDuration(part.trim());
    if (ms !== undefined && ms >= 10 && ms <= 60_000) return ms;
    throw usage(`--interval: ${JSON.stringify(part)} is no duration from 10ms to 60s`);
  });
}

function durationOf(text: string | undefined, scenario: Scenario): number | undefined {
  if (text === undefined) return undefined;
  const ms = duration(text, '--duration', 100, 3_600_000);
  const events = eventsEndMs(scenario);
  if (ms > events) return ms;
  const until = formatDuration(events);
  throw usage(`--duration: in ${scenario.name} something happens until ${until}, so it takes more than ${text.trim()}`);
}

function listOfScenarios(): string {
  const lines = shippedScenarios().map((name) => {
    const scenario = findScenario(name);
    return `${name.padEnd(20)}  ${'policy' in scenario ? scenario.description : ''}`;
  });
  return `${lines.join('\n')}\n`;
}
