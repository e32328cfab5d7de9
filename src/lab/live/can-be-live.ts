/** Which scenarios can be run for real on one machine, and at which rates. */
import type { Load, Scenario } from '../scenario.ts';
import { ratePerSecond } from '../scenario.ts';

/** Loopback answers faster than this; what a scenario asks for beyond it would have to be held up. */
const MOST_ROUND_TRIP_MS = 1;
const MOST_INTERVAL_MS = 10_000;
/** As gateways have it; no setting changes it. */
const LEASE_MS = 5_000;
/** A limit that is scaled to less is another scenario: one request is too large a part of it. */
const LEAST_LIMIT = 20;

/** What of the scenario only the simulation can do, in a few words; undefined: nothing. */
export function onlySimulated(scenario: Scenario): string | undefined {
  const { network, faults } = scenario;
  for (const { kind } of faults) {
    if (kind === 'partition') return 'faults: partition (hosts on one machine cannot be cut off from each other)';
    if (kind === 'loss') return 'faults: loss (loopback loses nothing)';
    if (kind === 'machines-off') return 'faults: machines-off (one machine answers for all; crash can be done)';
  }
  const roundTripMs = 2 * (network.latencyMs + network.jitterMs);
  if (roundTripMs > MOST_ROUND_TRIP_MS) return `network: a round trip of ${roundTripMs} ms (loopback takes less)`;
  for (const name of ['loss', 'duplicate', 'reorder'] as const) {
    if (network[name] > 0) return `network: ${name} (loopback has none)`;
  }
  if (scenario.skewMs > 0 || scenario.driftPpm > 0) return 'clocks: skew and drift (one machine has one clock)';
  if (scenario.intervalMs > MOST_INTERVAL_MS) return `interval: more than ${MOST_INTERVAL_MS / 1_000} s`;
  if (scenario.leaseMs !== LEASE_MS && faults.length > 0) return 'lease: other than 5s';
  return undefined;
}

/** The scenario with its limit, and so all that is offered, made so small that at most `mostPerSecond` requests arrive. */
export function scaledTo(scenario: Scenario, mostPerSecond: number): Scenario | undefined {
  const peak = scenario.loads.reduce((sum, load) => sum + peakOf(load, scenario), 0);
  const part = Math.min(1, mostPerSecond / peak);
  if (part === 1) return scenario;
  const { policy } = scenario;
  const limit = Math.round(policy.limit * part);
  if (limit < Math.min(LEAST_LIMIT, policy.limit)) return undefined;
  const scaled =
    policy.algorithm === 'token-bucket'
      ? { ...policy, limit, burst: Math.max(1, Math.round(policy.burst * part)) }
      : { ...policy, limit };
  return { ...scenario, policy: scaled };
}

function peakOf({ steps, keys, cost, arrivals }: Load, { policy }: Scenario): number {
  const times = Math.max(0, ...steps.map(({ timesLimit }) => timesLimit));
  const perSecond = (times * ratePerSecond(policy) * (keys.kind === 'one' ? 1 : keys.keys)) / cost;
  return arrivals === 'bursts' ? 2 * perSecond : perSecond;
}
