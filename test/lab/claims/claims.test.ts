/** What is said of the claims follows from the numbers, and is not decided by which seeds were drawn. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verdictsOn } from '../../../src/lab/claims/claims.ts';
import type { VerdictNote } from '../../../src/lab/report/model.ts';
import type { MeasuredCell, RunMeasures } from '../../../src/lab/report/rows.ts';
import { rowsOf } from '../../../src/lab/report/rows.ts';

const HOSTS = [8, 16, 32, 64];
const SLOW_GOSSIP = [0.45, 0.65, 0.4];
/** Messages a second of each way on so many hosts, as they are in simulations. */
const MESSAGES: Record<string, (hosts: number) => number> = {
  redis: () => 3_900,
  mesh: (hosts) => 10 * hosts * (hosts - 1),
  gossip: (hosts) => 15 * hosts ** 1.3,
  leader: (hosts) => 20 * hosts,
  'random-leaders': (hosts) => 42 * hosts,
};

function run(way: string, hosts: number, over: Partial<RunMeasures>): RunMeasures {
  const messages = MESSAGES[way]?.(hosts) ?? 0;
  return {
    offeredPerSecond: 2_000,
    limitPerSecond: 1_000,
    admittedPerSecond: 1_000,
    overAdmission: 0,
    falseDenials: 0.1,
    messagesPerSecond: messages,
    bytesPerSecond: 110 * messages,
    hottestHostMessagesPerSecond: way === 'leader' ? messages : messages / hosts,
    decisionLatencySeconds: way === 'redis' ? { p50: 7e-4, p99: 1e-3 } : { p50: 0, p99: 0 },
    stalenessSeconds: { p50: 0.05, p99: 0.1 },
    convergenceSeconds: 0.1,
    latencies: [],
    windows: [],
    ...over,
  };
}

/** @param gossip seconds until all agree, one for each run of gossip on any number of hosts */
function verdicts(gossip: readonly (number | null)[], mesh: readonly number[]): VerdictNote[] {
  const cell = (way: string, hosts: number, values: readonly Partial<RunMeasures>[]): MeasuredCell => ({
    way,
    hosts,
    runs: values.map((value, i) => ({ seed: i + 1, measures: run(way, hosts, value) })),
    analytic: undefined,
  });
  const agree = (values: readonly (number | null)[]) => values.map((convergenceSeconds) => ({ convergenceSeconds }));
  const steady = Object.keys(MESSAGES).flatMap((way) =>
    HOSTS.map((hosts) => cell(way, hosts, agree(way === 'gossip' ? gossip : mesh))),
  );
  const outage = [
    cell('redis', 8, [{ overAdmission: 0.3 }, { overAdmission: 0.32 }]),
    cell('mesh', 8, [{ overAdmission: 0 }, { overAdmission: 0 }]),
  ];
  return verdictsOn({ steady: rowsOf(steady, 0.1), outage: rowsOf(outage, 0.1) });
}

function ofGossip(gossip: readonly (number | null)[], mesh: readonly number[] = [0.1, 0.1, 0.1]): string | undefined {
  return verdicts(gossip, mesh).find(({ claim }) => claim.startsWith('Gossip'))?.holds;
}

describe('verdicts on what textbooks say', () => {
  it('follow from numbers as they are in simulations', () => {
    assert.deepEqual(
      verdicts(SLOW_GOSSIP, [0.1, 0.1, 0.1]).map(({ holds }) => holds),
      ['yes', 'partly', 'yes', 'yes', 'yes'],
    );
  });

  it('tell two means apart whose difference is known, though the intervals of both touch', () => {
    // 0.5 ± 0.373 and 0.092 ± 0.036: the intervals overlap by a millisecond, the difference is 0.408 ± 0.375.
    assert.equal(ofGossip([0.327, 0.55, 0.623], [0.1, 0.1, 0.075]), 'partly');
  });

  it('are unclear, and not a no, where runs differ too much to tell', () => {
    assert.equal(ofGossip([0.05, 0.9, 0.1]), 'unclear');
  });

  it('are unclear where hosts did not agree while they were watched', () => {
    assert.equal(ofGossip([0.4, null, 0.5]), 'unclear');
  });

  it('are a no where the numbers say the opposite', () => {
    assert.equal(ofGossip([0.05, 0.051, 0.05]), 'no');
  });

  it('are made of single runs too, which have no interval', () => {
    assert.equal(ofGossip([0.4], [0.1]), 'partly');
  });
});
