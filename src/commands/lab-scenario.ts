/** From a scenario's file to what the lab runs. */
import { readdirSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatFault } from '../config/faults.ts';
import { loadScenarioFile } from '../config/load-scenario.ts';
import type { ScenarioShape } from '../config/schema-scenario.ts';
import { SluiceError } from '../core/errors.ts';
import { didYouMean } from '../core/suggest.ts';
import type { Load, Scenario, ScenarioFault } from '../lab/scenario.ts';
import type { HostChoice, KeyChoice } from '../lab/sim/workload.ts';
import { windowed } from '../limiter/compile.ts';

const SHIPPED = new URL('../../config/scenarios/', import.meta.url);

/** Names of the scenarios that come with Sluice. */
export function shippedScenarios(): string[] {
  return readdirSync(SHIPPED)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => basename(name, '.yaml'))
    .sort();
}

/**
 * A scenario by its file, or by its name when it comes with Sluice.
 * @returns the scenario, or every fault of the file, a line each
 * @throws SluiceError SLUICE_USAGE for a name that is none
 */
export function findScenario(fileOrName: string): Scenario | readonly string[] {
  const isFile = /[./\\]/.test(fileOrName);
  if (!isFile && !shippedScenarios().includes(fileOrName)) {
    const hint = didYouMean(fileOrName, shippedScenarios());
    throw new SluiceError('SLUICE_USAGE', `no scenario is called ${JSON.stringify(fileOrName)} (${hint}, or a file)`);
  }
  const file = isFile ? fileOrName : fileURLToPath(new URL(`${fileOrName}.yaml`, SHIPPED));
  const loaded = loadScenarioFile(file, process.env);
  if ('faults' in loaded) return loaded.faults.map(formatFault);
  return scenarioOf(basename(file).replace(/\.ya?ml$/, ''), loaded.scenario);
}

function scenarioOf(name: string, shape: ScenarioShape): Scenario {
  const { network, clocks } = shape;
  return {
    name,
    description: shape.description,
    policy: windowed(shape.algorithm, shape.limit, shape.buckets, shape.burst ?? shape.limit.count),
    onFailure: shape.onFailure,
    intervalMs: shape.interval,
    fanout: shape.fanout,
    leaders: shape.leaders,
    durationMs: shape.duration,
    network: {
      latencyMs: network.roundTripMs / 2,
      jitterMs: network.jitterMs,
      loss: network.loss,
      duplicate: network.duplicate,
      reorder: network.reorder,
      reorderMs: 30,
    },
    skewMs: clocks.skew,
    driftPpm: clocks.driftPpm,
    storeTimeoutMs: shape.redisTimeout,
    leaseMs: shape.lease,
    loads: shape.load.map(loadOf),
    faults: shape.faults.map(faultOf),
  };
}

function loadOf(load: ScenarioShape['load'][number]): Load {
  return {
    arrivals: load.arrivals,
    steps: load.steps.map(({ at, offered }) => ({ atMs: at, timesLimit: offered })),
    spreadMs: load.spread,
    hosts: HOSTS[load.hosts],
    keys: keysOf(load.keys, load.zipf),
    cost: load.cost,
  };
}

const HOSTS: Readonly<Record<ScenarioShape['load'][number]['hosts'], HostChoice>> = {
  even: { kind: 'even' },
  skewed: { kind: 'skewed', traffic: 0.7, hosts: 0.3 },
  one: { kind: 'one', host: 0 },
  roaming: { kind: 'roaming', everyMs: 100 },
};

function keysOf(keys: number, zipf: number | undefined): KeyChoice {
  if (keys === 1) return { kind: 'one' };
  return zipf === undefined ? { kind: 'even', keys } : { kind: 'zipf', keys, exponent: zipf };
}

function faultOf({ at: atMs, for: forMs, kind, part, loss }: ScenarioShape['faults'][number]): ScenarioFault {
  switch (kind) {
    case 'leader-crash':
    case 'store-outage':
    case 'coordination-outage':
      return { atMs, forMs, kind };
    case 'loss':
      return { atMs, forMs, kind, loss };
    default:
      return { atMs, forMs, kind, part };
  }
}
