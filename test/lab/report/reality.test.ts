/** Real gateways held against their simulation: what counts as agreement. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkReality } from '../../../src/lab/report/reality.ts';
import type { MeasuredCell, RunMeasures } from '../../../src/lab/report/rows.ts';
import { rowsOf } from '../../../src/lab/report/rows.ts';

const MEASURES: RunMeasures = {
  offeredPerSecond: 200,
  limitPerSecond: 100,
  admittedPerSecond: 100,
  overAdmission: 0,
  falseDenials: 0.1,
  messagesPerSecond: 60,
  bytesPerSecond: 6_000,
  hottestHostMessagesPerSecond: 30,
  decisionLatencySeconds: { p50: 0, p99: 0 },
  stalenessSeconds: { p50: 0, p99: 0 },
  convergenceSeconds: 0.1,
  latencies: [],
  windows: [],
};

function cell(source: 'live' | 'simulated', runs: readonly Partial<RunMeasures>[]): MeasuredCell {
  const own = runs.map((changes, i) => ({ seed: i + 1, measures: { ...MEASURES, ...changes } }));
  return { way: 'mesh', hosts: 4, runs: own, analytic: undefined, source };
}

function checks(live: readonly Partial<RunMeasures>[], simulated: readonly Partial<RunMeasures>[]) {
  return checkReality(rowsOf([cell('live', live), cell('simulated', simulated)], 0.1));
}

describe('simulation against reality', () => {
  it('agrees within the tolerance, which is said', () => {
    const found = checks([{ messagesPerSecond: 65 }], [{}]);
    assert.equal(found.length, 10);
    assert.ok(found.every(({ agrees }) => agrees === 'yes'));
    const messages = found.find(({ number }) => number === 'messagesPerSecond');
    assert.deepEqual([messages?.live, messages?.simulated, messages?.tolerance], [65, 60, 6]);
  });

  it('agrees where confidence intervals overlap, and not where they lie apart', () => {
    const far = checks([{ messagesPerSecond: 80 }, { messagesPerSecond: 82 }], [{}, {}]);
    assert.equal(far.find(({ number }) => number === 'messagesPerSecond')?.agrees, 'no');
    const wide = checks([{ messagesPerSecond: 50 }, { messagesPerSecond: 120 }], [{}, {}]);
    const found = wide.find(({ number }) => number === 'messagesPerSecond');
    assert.deepEqual([found?.agrees, found?.why], ['yes', 'their confidence intervals overlap']);
  });

  it('grants false denials what decisions are dated wrongly, and no more', () => {
    const dated = { datedWithinSeconds: 0.001 };
    const within = checks([{ ...dated, falseDenials: 0.22 }], [{}]);
    assert.equal(within.find(({ number }) => number === 'falseDenials')?.agrees, 'yes');
    const beyond = checks([{ ...dated, falseDenials: 0.24 }], [{}]);
    assert.equal(beyond.find(({ number }) => number === 'falseDenials')?.agrees, 'no');
  });

  it('is unclear where one of both is not known, and silent where nothing is live', () => {
    const found = checks([{ convergenceSeconds: null }], [{}]);
    assert.equal(found.find(({ number }) => number === 'convergenceSeconds')?.agrees, 'unclear');
    assert.deepEqual(checkReality(rowsOf([cell('simulated', [{}])], 0.1)), []);
  });
});
