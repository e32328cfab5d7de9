import type { WindowedPolicy } from '../algorithms/algorithm.ts';
import type { FailurePolicy } from '../core/types.ts';
import type { Fault } from './sim/faults.ts';
import type { Weather } from './sim/weather.ts';
import type { HostChoice, KeyChoice } from './sim/workload.ts';

/** What is offered, as parts of the limit where a number of hosts or a limit would make it another scenario. */
export interface Load {
  readonly arrivals: 'poisson' | 'regular' | 'bursts';
  /** From `atMs` on, so many times the limit's rate, for each key. */
  readonly steps: readonly { readonly atMs: number; readonly timesLimit: number }[];
  /** bursts: how far from the window's edge they lie, milliseconds. */
  readonly spreadMs: number;
  readonly hosts: HostChoice;
  readonly keys: KeyChoice;
  readonly cost: number;
}

/** Hosts by their part of all, so that a scenario fits any number of them. */
export type ScenarioFault =
  | {
      readonly kind: 'crash' | 'machines-off' | 'pause' | 'partition';
      readonly atMs: number;
      readonly part: number;
      readonly forMs: number;
    }
  | {
      readonly kind: 'leader-crash' | 'store-outage' | 'coordination-outage';
      readonly atMs: number;
      readonly forMs: number;
    }
  | { readonly kind: 'loss'; readonly atMs: number; readonly forMs: number; readonly loss: number };

/** One experiment, for any way of sharing and any number of hosts. Times in milliseconds. */
export interface Scenario {
  readonly name: string;
  readonly description: string;
  readonly policy: WindowedPolicy;
  readonly onFailure: FailurePolicy;
  readonly intervalMs: number;
  readonly fanout: number;
  readonly leaders: number;
  readonly durationMs: number;
  /** Between two hosts, and between a host and the store. */
  readonly network: Weather;
  readonly skewMs: number;
  readonly driftPpm: number;
  readonly storeTimeoutMs: number;
  readonly leaseMs: number;
  readonly loads: readonly Load[];
  readonly faults: readonly ScenarioFault[];
}

/** Units a second that the limit lets through for one key. */
export function ratePerSecond({ limit, windowMs }: WindowedPolicy): number {
  return (limit * 1_000) / windowMs;
}

/** Up to so many hosts a scenario is run for as long as it says. */
const MOST_HOSTS_IN_FULL = 100;
/** On more than that, requests arrive for so long, and for so many windows. */
const LEAST_MS = 2_000;
const LEAST_WINDOWS = 2;
/** On still more, half a second is what can be waited for: ten thousand hosts that gossip tell each other ten million counts in it. */
const MOST_HOSTS_FOR_WINDOWS = 2_000;
const SHORTEST_MS = 500;

/**
 * How long requests arrive on so many hosts, milliseconds: shorter the more there are, so that about as much is simulated. In full
 * where something is to happen: faults, and loads that change.
 */
export function durationOn({ durationMs, policy, faults, loads }: Scenario, hosts: number): number {
  if (hosts <= MOST_HOSTS_IN_FULL || faults.length > 0 || loads.some(({ steps }) => steps.length > 1))
    return durationMs;
  if (hosts > MOST_HOSTS_FOR_WINDOWS) return Math.min(durationMs, SHORTEST_MS);
  const least = Math.max(LEAST_MS, LEAST_WINDOWS * policy.windowMs);
  const shorter = Math.round((durationMs * MOST_HOSTS_IN_FULL) / hosts / 1_000) * 1_000;
  return Math.min(durationMs, Math.max(least, shorter));
}

/** When the last of what is to happen has begun, or for a fault has ended. */
export function eventsEndMs({ faults, loads }: Scenario): number {
  return Math.max(
    0,
    ...faults.map(({ atMs, forMs }) => atMs + forMs),
    ...loads.flatMap(({ steps }) => steps.map(({ atMs }) => atMs)),
  );
}

/** The scenario's faults on so many hosts; at least one host is concerned, and never all of them. */
export function faultsOn(scenario: Scenario, hosts: number): Fault[] {
  return scenario.faults.map((fault): Fault => {
    const { atMs, forMs } = fault;
    switch (fault.kind) {
      case 'leader-crash':
        return { atMs, kind: fault.kind, slot: 0, forMs };
      case 'store-outage':
      case 'coordination-outage':
        return { atMs, kind: fault.kind, forMs };
      case 'loss':
        return { atMs, kind: 'weather', weather: { ...scenario.network, loss: fault.loss }, forMs };
      case 'partition':
        return { atMs, kind: fault.kind, sides: [firstOf(hosts, fault.part)], forMs };
      default:
        return { atMs, kind: fault.kind, hosts: firstOf(hosts, fault.part), forMs };
    }
  });
}

function firstOf(hosts: number, part: number): number[] {
  const count = Math.min(Math.max(1, hosts - 1), Math.max(1, Math.round(part * hosts)));
  return Array.from({ length: count }, (_, i) => i);
}
