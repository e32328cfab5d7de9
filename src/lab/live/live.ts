/** All runs of a scenario on real gateways, one after the other: they share this machine. */
import type { Clock } from '../../core/clock.ts';
import { showPart, showSeconds } from '../report/numbers.ts';
import type { MeasuredCell } from '../report/rows.ts';
import type { Scenario } from '../scenario.ts';
import type { Way } from '../ways.ts';
import { Fleet } from './fleet.ts';
import type { LiveJob, LiveMeasures } from './live-run.ts';
import { runLive, warmUp } from './live-run.ts';
import { Processes } from './processes.ts';

export interface LiveExperiment {
  readonly scenario: Scenario;
  readonly ways: readonly Way[];
  readonly hosts: readonly number[];
  readonly seed: number;
  readonly runs: number;
  /** See {@link LiveJob.phaseMs}, by seed. */
  readonly phaseMs: (seed: number) => number | undefined;
}

export interface LiveSurroundings {
  readonly clock: Clock;
  /** The command line's entry point. */
  readonly program: string;
  readonly signal: AbortSignal;
  /** @param done part of all, 0 to 1 */
  readonly onProgress: (done: number, words: string) => void;
}

/** Leaves no process and no file behind, however it ends. @throws what `signal` was aborted with, SluiceError, Error */
export async function runLiveExperiment(
  { scenario, ways, hosts, seed, runs, phaseMs }: LiveExperiment,
  { clock, program, signal, onProgress }: LiveSurroundings,
): Promise<MeasuredCell[]> {
  const cells: MeasuredCell[] = [];
  const total = ways.length * hosts.length * runs;
  let done = 0;
  for (const count of hosts) {
    const processes = new Processes(clock);
    const fleet = new Fleet({ clock, processes, program, scenario, ways, hosts: count });
    try {
      onProgress(done / total, `starting ${count} gateways`);
      await abortable(fleet.start(), signal);
      for (const way of ways) {
        const measured: { seed: number; measures: LiveMeasures }[] = [];
        for (let run = 0; run < runs; run++) {
          const began = clock.monotonic();
          const onSent = (): void => {
            const part = Math.min(1, (clock.monotonic() - began) / scenario.durationMs);
            onProgress((done + part) / total, `${way} on ${count} gateways`);
          };
          const job: LiveJob = {
            scenario,
            way,
            seed: seed + run,
            fleet,
            clock,
            signal,
            onSent,
            phaseMs: phaseMs(seed + run),
          };
          if (run === 0) await abortable(warmUp(job), signal);
          measured.push({ seed: seed + run, measures: await abortable(runLive(job), signal) });
          done += 1;
        }
        cells.push({
          way,
          hosts: count,
          runs: measured,
          analytic: undefined,
          source: 'live',
          notes: notesOf(measured),
        });
      }
    } finally {
      fleet.close();
      await processes.close();
    }
  }
  return cells;
}

function notesOf(runs: readonly { readonly measures: LiveMeasures }[]): string[] {
  const most = (read: (measures: LiveMeasures) => number): number =>
    Math.max(...runs.map(({ measures }) => read(measures)));
  const unanswered = most((measures) => measures.unanswered);
  const [middle, slow] = [most((run) => run.roundTripSeconds.p50), most((run) => run.roundTripSeconds.p99)];
  return [
    `requests were answered within ${showSeconds(middle)} (p50), ${showSeconds(slow)} (p99): decisions are dated to half of that`,
    ...(unanswered > 0 ? [`${showPart(unanswered)} of the requests had no answer and count nowhere`] : []),
  ];
}

/** Rejects as soon as `signal` is aborted; what goes on meanwhile ends by its processes' end. */
async function abortable<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const aborted = Promise.withResolvers<never>();
  const onAbort = (): void => aborted.reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([work, aborted.promise]);
  } finally {
    signal.removeEventListener('abort', onAbort);
    work.catch(() => {});
  }
}
