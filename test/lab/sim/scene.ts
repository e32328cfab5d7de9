/** A small simulation with everything at its default, for tests to change one thing at a time. */
import { Accuracy } from '../../../src/lab/sim/accuracy.ts';
import { SWIM_LIKE } from '../../../src/lab/sim/ideal-view.ts';
import type { Decided, SimulationOptions } from '../../../src/lab/sim/options.ts';
import { SharedLimit } from '../../../src/lab/sim/shared-limit.ts';
import { Simulation } from '../../../src/lab/sim/simulation.ts';
import { FAIR_WEATHER } from '../../../src/lab/sim/weather.ts';
import { NaiveMesh } from './naive-mesh.ts';

export interface Scene {
  readonly simulation: Simulation;
  readonly accuracy: Accuracy;
  readonly decisions: readonly Decided[];
}

export const STEADY = {
  arrivals: { kind: 'poisson', steps: [{ atMs: 0, perSecond: 200 }] },
  hosts: { kind: 'even' },
  keys: { kind: 'one' },
  cost: 1,
} as const;

/** 4 hosts, 100 units each 2 s, 200 a second offered for 6 s, a naive mesh at 100 ms. */
export function scene(changes: Partial<SimulationOptions> = {}): Scene {
  const limit = changes.limit ?? new SharedLimit({ algorithm: 'fixed-window', limit: 100, windowMs: 2_000 }, 'allow');
  const decisions: Decided[] = [];
  const accuracy = new Accuracy(limit.policy, () => simulation.epochMs);
  const simulation = new Simulation({
    seed: 1,
    hosts: 4,
    limit,
    strategy: (parts) => new NaiveMesh(parts, 100),
    detection: SWIM_LIKE,
    weather: FAIR_WEATHER,
    skewMs: 0,
    driftPpm: 0,
    workloads: [STEADY],
    faults: [],
    settleMs: 1_000,
    durationMs: 6_000,
    coordination: { slots: 1, ttlMs: 5_000, latencyMs: 0.5 },
    store: { weather: FAIR_WEATHER, timeoutMs: 50 },
    audience: {
      decided: (decision) => {
        decisions.push(decision);
        accuracy.decided(decision);
      },
    },
    ...changes,
  });
  return { simulation, accuracy, decisions };
}
