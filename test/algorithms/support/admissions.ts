/** The log of what an algorithm let through, and the greediest span in it. */
import type { WindowedState } from '../../../src/algorithms/registry.ts';
import { algorithmFor } from '../../../src/algorithms/registry.ts';
import type { Step } from './step.ts';

export interface Admission {
  readonly at: number;
  cost: number;
}

/** Lives through `steps`; what was given back later counts as never taken. */
export function admissionsOf(steps: readonly Step[]): readonly Admission[] {
  const log: Admission[] = [];
  let state: WindowedState | undefined;
  for (const step of steps) {
    const algorithm = algorithmFor(step.policy);
    if (step.op === 'take') {
      const { allowed, next } = algorithm.decide(step.policy, state, step.cost, step.now);
      if (!allowed) continue;
      state = next;
      log.push({ at: step.now, cost: step.cost });
    } else if (step.op === 'refund' && state !== undefined) {
      state = algorithm.refund(step.policy, state, step.cost, step.takenAt);
      const given = log.find(({ at, cost }) => at === step.takenAt && cost === step.cost);
      if (given !== undefined) given.cost = 0;
    }
  }
  return log;
}

/** Units from `from` on, before `to`. */
export function unitsIn(log: readonly Admission[], from: number, to: number): number {
  let units = 0;
  for (const { at, cost } of log) if (at >= from && at < to) units += cost;
  return units;
}

/**
 * The first span, from one admission to another, that holds more than `bound` allows for its length.
 * @param bound units for a half-open span of that many milliseconds, not falling with the length; Infinity: unbounded
 */
export function spanAbove(log: readonly Admission[], bound: (length: number) => number): string | undefined {
  for (const [i, first] of log.entries()) {
    let units = 0;
    for (let j = i; j < log.length; j++) {
      const last = log[j];
      if (last === undefined) break;
      units += last.cost;
      const length = last.at - first.at + 1;
      if (units > bound(length)) return `${units} units in ${length} ms from ${first.at}, bound ${bound(length)}`;
    }
  }
  return undefined;
}
