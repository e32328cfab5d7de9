/** `sluice lab live`: ways of sharing on real gateways of this machine, held against the simulation of the same. */
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../core/clock.ts';
import { SluiceError } from '../core/errors.ts';
import { formatRate } from '../core/rate.ts';
import type { Cell } from '../lab/experiment.ts';
import { runExperiment } from '../lab/experiment.ts';
import { onlySimulated, scaledTo } from '../lab/live/can-be-live.ts';
import { runLiveExperiment } from '../lab/live/live.ts';
import { loopbackRoundTrip } from '../lab/live/loopback.ts';
import { requireServers } from '../lab/live/servers.ts';
import { Progress } from '../lab/progress.ts';
import { showSeconds } from '../lab/report/numbers.ts';
import { reportPage } from '../lab/report/page.ts';
import { buildReport, reportJson } from '../lab/report/report.ts';
import { reportTable } from '../lab/report/table.ts';
import type { Scenario } from '../lab/scenario.ts';
import { duration, numberFlag, usage, writeReport } from './lab-flags.ts';
import { findScenario } from './lab-scenario.ts';
import { numbers, setupOf, waysOf } from './lab-simulate.ts';
import { print } from './output.ts';
import { EXIT_CODES, listenForSignals } from './signals.ts';

export interface LiveFlags {
  readonly scenario?: string;
  readonly sharing?: string;
  readonly hosts?: string;
  readonly interval?: string;
  readonly duration?: string;
  readonly rate?: string;
  readonly seed?: string;
  readonly runs?: string;
  readonly json?: string;
  readonly html?: string;
}

const MOST_HOSTS = 8;
const MOST_RUNS = 100;
const MOST_RATE = 100_000;
/** What a shell reports for SIGHUP. */
const HUNG_UP = 129;

/**
 * Starts gateways, a Redis and an etcd, offers what the scenario says, simulates the same, and reports both. Returns the exit code;
 * what was started is ended however it goes.
 * @throws SluiceError SLUICE_USAGE, SLUICE_OUTPUT
 */
export async function liveCommand(flags: LiveFlags): Promise<number> {
  const found = findScenario(flags.scenario ?? 'steady-double');
  if (!('policy' in found)) {
    process.stderr.write(`${found.join('\n')}\n`);
    return 1;
  }
  const ways = waysOf(flags.sharing);
  const hosts = numbers(flags.hosts ?? '4', '--hosts', 2, MOST_HOSTS);
  const seed = numberFlag(flags.seed, '--seed', 1, 0, 0x7fff_ffff);
  const runs = numberFlag(flags.runs, '--runs', 3, 1, MOST_RUNS);
  const rate = numberFlag(flags.rate, '--rate', 300, 1, MOST_RATE);
  const scenario = liveScenario(found, flags, rate);
  requireServers(ways);

  const roundTrip = await loopbackRoundTrip(systemClock);
  const network = { ...scenario.network, latencyMs: roundTrip.leastMs / 2, jitterMs: roundTrip.moreMs / 2 };
  const simulated = await runExperiment({ scenario: { ...scenario, network }, ways, hosts, seed, runs });

  const stop = new AbortController();
  let exitCode = HUNG_UP;
  const signals = listenForSignals(systemClock, () => stop.abort(new Error('the terminal has gone')));
  void signals.stop.then((signal) => {
    exitCode = EXIT_CODES[signal];
    stop.abort(new Error(signal));
  });
  const progress = new Progress({ output: process.stderr, clock: systemClock, total: 1, title: 'lab' });
  try {
    const live = await runLiveExperiment(
      { scenario, ways, hosts, seed, runs, phaseMs: (own) => phaseOf(simulated, own) },
      {
        clock: systemClock,
        program: fileURLToPath(new URL(`../main${extname(fileURLToPath(import.meta.url))}`, import.meta.url)),
        signal: stop.signal,
        onProgress: (done, words) => progress.at(done, words),
      },
    );
    const { facts, ...setup } = setupOf(scenario, []);
    const measured = `${showSeconds((roundTrip.leastMs + roundTrip.moreMs) / 1_000)}, as measured on loopback`;
    const report = buildReport({
      seed,
      scenario: found.name,
      setup: {
        ...setup,
        facts: [
          ...facts.map(([name, value]) => [name, name === 'round trip' ? measured : value] as const),
          ...(scenario.policy === found.policy
            ? []
            : [
                [
                  'made smaller',
                  `from ${formatRate({ count: found.policy.limit, windowMs: found.policy.windowMs })}, at most ${rate} requests a second`,
                ] as const,
              ]),
        ],
      },
      cells: [...simulated.map((cell) => ({ ...cell, notes: [] })), ...live],
    });
    progress.end();
    await print(reportTable(report));
    writeReport(flags.json, report, reportJson);
    writeReport(flags.html, report, reportPage);
    return 0;
  } catch (error) {
    progress.end();
    if (stop.signal.aborted) return exitCode;
    throw error instanceof SluiceError ? error : new SluiceError('SLUICE_LISTEN', `lab live: ${String(error)}`);
  }
}

/** Where in a window the simulated requests of a seed began. */
function phaseOf(cells: readonly Cell[], seed: number): number | undefined {
  const run = cells.flatMap(({ runs }) => runs).find((each) => each.seed === seed);
  const first = run?.measures.windows[0];
  return first === undefined ? undefined : -1_000 * first.at;
}

function liveScenario(found: Scenario, flags: LiveFlags, rate: number): Scenario {
  const intervalMs =
    flags.interval === undefined ? found.intervalMs : duration(flags.interval, '--interval', 10, 10_000);
  const durationMs =
    flags.duration === undefined ? found.durationMs : duration(flags.duration, '--duration', 1_000, 3_600_000);
  const wanted = { ...found, intervalMs, durationMs };
  const why = onlySimulated(wanted);
  if (why !== undefined) {
    throw usage(`scenario ${found.name} cannot be done live, ${why}; sluice lab simulate can`);
  }
  const scenario = scaledTo(wanted, rate);
  if (scenario !== undefined) return scenario;
  throw usage(`--rate: with ${rate} requests a second the limit of scenario ${found.name} would be too small a number`);
}
