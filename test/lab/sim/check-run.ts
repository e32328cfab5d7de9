/** Runs one random run and says what is wrong with it. */
import { Accuracy } from '../../../src/lab/sim/accuracy.ts';
import { clearDelay, excessBound, lossDelay, staleness } from '../../../src/lab/sim/bound.ts';
import type { Fault } from '../../../src/lab/sim/faults.ts';
import { Offered } from '../../../src/lab/sim/offered.ts';
import type { HostView } from '../../../src/lab/sim/simulation.ts';
import { Simulation } from '../../../src/lab/sim/simulation.ts';
import type { RandomRun } from './random-run.ts';
import { LEASE_MS } from './random-run.ts';

export interface Outcome {
  readonly problems: readonly string[];
  readonly digest: string;
  readonly events: number;
  /** The largest excess that any window had, as a part of what the formula allows; 0 when there was none. */
  readonly tightest: number;
}

export async function checkRun(run: RandomRun): Promise<Outcome> {
  const { options, ends } = run;
  const offered = new Map<number, Offered>();
  const accuracy = new Accuracy(options.limit.policy, () => simulation.epochMs);
  const simulation = new Simulation({
    ...options,
    audience: {
      decided: (decision) => {
        accuracy.decided(decision);
        const ofKey = offered.get(decision.key) ?? new Offered();
        offered.set(decision.key, ofKey);
        ofKey.add(decision);
      },
    },
  });
  await simulation.run();
  const problems: string[] = [];
  let tightest = 0;
  for (const { key, fromMs, untilMs, excess } of accuracy.windows()) {
    if (excess <= 0) continue;
    const bound = boundIn(run, fromMs, untilMs, offered.get(key) ?? new Offered());
    tightest = Math.max(tightest, bound > 0 ? excess / bound : 1);
    if (excess > bound) {
      problems.push(
        `key ${key}, ${fromMs} to ${untilMs} ms: ${excess} over the limit, the formula allows ${bound.toFixed(1)}`,
      );
    }
  }
  if (ends === 'quiet' && !(run.way.forgetsTheDead === true && hasCrashes(options.faults))) {
    const quietMs = run.way.quietMs?.(options.hosts) ?? 0;
    // The last fault may end after the last request.
    await simulation.runUntil(simulation.clock.monotonic() + 5_000 + quietMs);
    for (const key of offered.keys()) problems.push(...disagreement(key, await simulation.views(key)));
  }
  return { problems, digest: simulation.digest, events: simulation.events, tightest };
}

function disagreement(key: number, views: readonly HostView[]): string[] {
  const known = views.map(({ view }) => view.remaining);
  if (new Set(known).size <= 1) return [];
  return [`key ${key}: long after the last request hosts see ${known.join(', ')} units left`];
}

function hasCrashes(faults: readonly Fault[]): boolean {
  return faults.some(({ kind }) => kind === 'crash' || kind === 'machines-off' || kind === 'leader-crash');
}

/** The formula of the way of sharing, and what was offered while something was wrong. */
function boundIn(run: RandomRun, fromMs: number, untilMs: number, offered: Offered): number {
  const { way, intervalMs, fanout, options } = run;
  const { hosts, limit, weather, skewMs, driftPpm, faults, settleMs } = options;
  const { policy } = limit;
  const lives = hosts + restarts(faults, hosts);
  const stepMs = Math.max(0, ...faults.map((fault) => (fault.kind === 'clock-step' ? Math.abs(fault.byMs) : 0)));
  // What hosts count in a neighbouring window, because their clocks are wrong.
  const misplaced = way.sharing === 'redis' ? 0 : offered.mostWithin(2 * (skewMs + stepMs) + 1);
  // What flows in too fast, by then.
  const early = policy.algorithm === 'token-bucket' ? (untilMs * driftPpm * policy.limit) / policy.windowMs / 1e6 : 0;
  const clocks = misplaced + early;
  if (way.sharing === 'local') {
    return excessBound({ policy, hosts: lives, tauMs: untilMs, offeredWithin: Number.POSITIVE_INFINITY }) + clocks;
  }
  const delayMs = clearDelay(weather);
  const clean = staleness({ sharing: way.sharing, hosts, intervalMs, delayMs, fanout });
  const lostMs = way.sharing === 'redis' ? 0 : lossDelay(weather, intervalMs);
  let tauMs = clean + lostMs;
  const apart = lostMs > 0;
  let offeredWithin = apart ? offered.mostOfEachWithin(tauMs) : offered.mostWithin(tauMs);
  offeredWithin += way.untold ?? 0;
  if (way.sharing === 'redis') offeredWithin = 0;
  // Counts of the window before, and the debt of a bucket, still weigh.
  const lookback = policy.algorithm === 'token-bucket' ? Number.POSITIVE_INFINITY : 2 * policy.windowMs;
  for (const fault of faults) {
    const [from, until] = disturbed(fault, tauMs, way.sharing);
    if (settleMs + until < fromMs - lookback || settleMs + from > untilMs) continue;
    offeredWithin += offered.between(settleMs + from, settleMs + until);
    tauMs += until - from;
  }
  // While a store is out, `allow` lets everything pass, on one host or on many.
  const uncapped = way.sharing === 'redis' && limit.onFailure === 'allow';
  return uncapped ? offeredWithin : excessBound({ policy, hosts: lives, tauMs, offeredWithin }) + clocks;
}

/** From when to when counts may be unknown to others because of a fault. */
function disturbed(fault: Fault, tauMs: number, sharing: string): readonly [number, number] {
  const forMs = 'forMs' in fault ? (fault.forMs ?? 0) : 0;
  const end = fault.atMs + forMs;
  // Detection, and a way round it: 1.5 × dead; a new leader: lease, election, and what it waits for.
  const recovery = sharing === 'redis' ? 600 : 1_300 + 3 * tauMs + (sharing === 'leader' ? 1.2 * LEASE_MS + 500 : 0);
  return [fault.atMs - tauMs, end + recovery];
}

function restarts(faults: readonly Fault[], hosts: number): number {
  let most = 0;
  for (const fault of faults) {
    if (fault.kind === 'crash' || fault.kind === 'machines-off') most += fault.hosts.length;
    if (fault.kind === 'leader-crash') most += 1;
  }
  return Math.min(most, hosts);
}
