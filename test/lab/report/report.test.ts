/** Rows, JSON and the table. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Report } from '../../../src/lab/report/model.ts';
import { buildReport, reportJson } from '../../../src/lab/report/report.ts';
import type { RunMeasures } from '../../../src/lab/report/rows.ts';
import { reportTable, TABLE_WIDTH } from '../../../src/lab/report/table.ts';
import { sampleReport } from './sample.ts';

const SETUP = { description: '', intervalSeconds: 0.1, faults: [], facts: [] };

function run(changes: Partial<RunMeasures> = {}): RunMeasures {
  return {
    offeredPerSecond: 10,
    limitPerSecond: 5,
    admittedPerSecond: 5,
    overAdmission: 0.1,
    falseDenials: 0,
    messagesPerSecond: 100,
    bytesPerSecond: 1_000,
    hottestHostMessagesPerSecond: 50,
    decisionLatencySeconds: { p50: 0, p99: 0.001 },
    stalenessSeconds: { p50: 0.05, p99: 0.1 },
    convergenceSeconds: 1,
    latencies: [{ upTo: 0, count: 3 }],
    windows: [{ at: 0, offered: 10, admitted: 5, oracle: 5 }],
    ...changes,
  };
}

function cellOf(...runs: RunMeasures[]) {
  const cell = { way: 'mesh', hosts: 4, analytic: undefined };
  return { ...cell, runs: runs.map((measures, i) => ({ seed: i + 1, measures })) };
}

function onlyRow(...runs: RunMeasures[]) {
  const { rows } = buildReport({ seed: 1, scenario: 's', setup: SETUP, cells: [cellOf(...runs)] });
  const [row] = rows;
  assert.ok(row !== undefined && rows.length === 1);
  return row;
}

describe('a row', () => {
  it('is the means of its runs, with their intervals and seeds', () => {
    const row = onlyRow(run({ overAdmission: 0.1 }), run({ overAdmission: 0.3 }));
    assert.ok(Math.abs((row.overAdmission ?? 0) - 0.2) < 1e-12);
    // 12.7062 × 0.1
    assert.ok(Math.abs((row.intervals.overAdmission?.high ?? 0) - 1.47062) < 1e-4);
    assert.deepEqual(row.intervals.offeredPerSecond, { low: 10, high: 10 });
    assert.deepEqual([row.seeds, row.source, row.analytic, row.notes], [[1, 2], 'simulated', false, []]);
  });

  it('adds decisions up, and takes the mean of each window', () => {
    const [a, b] = [
      run(),
      run({
        latencies: [
          { upTo: 0.1, count: 2 },
          { upTo: 0, count: 1 },
        ],
      }),
    ];
    const row = onlyRow(a, { ...b, windows: [{ at: 1, offered: 20, admitted: 7, oracle: 5 }, ...a.windows] });
    assert.deepEqual(row.latencies, [
      { upTo: 0, count: 4 },
      { upTo: 0.1, count: 2 },
    ]);
    assert.deepEqual(row.windows, [{ at: 0.5, offered: 15, admitted: 6, oracle: 5 }, ...a.windows]);
  });

  it('has no mean of a time that some run did not come to, but says so', () => {
    const row = onlyRow(run(), run({ convergenceSeconds: null }), run());
    assert.equal(row.convergenceSeconds, null);
    assert.equal(row.intervals.convergenceSeconds, undefined);
    assert.deepEqual(row.notes, ['1 of 3 runs did not come to agree while they were watched']);
    assert.deepEqual(onlyRow(run({ convergenceSeconds: null })).notes, []);
  });

  it('that was only counted knows its messages and nothing else', () => {
    const analytic = { messagesPerSecond: 12, hottestHostMessagesPerSecond: 6 };
    const cells = [{ way: 'mesh', hosts: 4, runs: [], analytic }];
    const [row] = buildReport({ seed: 1, scenario: 's', setup: SETUP, cells }).rows;
    assert.deepEqual(
      [row?.messagesPerSecond, row?.hottestHostMessagesPerSecond, row?.analytic, row?.source, row?.overAdmission],
      [12, 6, true, 'counted', null],
    );
    assert.deepEqual(row?.decisionLatencySeconds, { p50: null, p99: null });
  });
});

describe('the JSON', () => {
  it('has the fields that scripts rely on, and is the same for the same input', () => {
    const text = reportJson(sampleReport(1));
    assert.equal(text, reportJson(sampleReport(1)));
    assert.notEqual(text, reportJson(sampleReport(2)));
    const report = JSON.parse(text) as Report;
    for (const field of ['version', 'seed', 'scenario', 'rows']) assert.ok(Object.hasOwn(report, field), field);
    const names =
      'sharing hosts offeredPerSecond limitPerSecond admittedPerSecond overAdmission falseDenials messagesPerSecond bytesPerSecond hottestHostMessagesPerSecond decisionLatencySeconds convergenceSeconds analytic';
    for (const row of report.rows) for (const name of names.split(' ')) assert.ok(Object.hasOwn(row, name), name);
    assert.deepEqual(Object.keys(report.rows[0]?.decisionLatencySeconds ?? {}), ['p50', 'p99']);
  });

  it('does not depend on the order in which cells came', () => {
    const cells = [1, 2, 3].map((hosts) => ({ ...cellOf(run()), hosts }));
    const one = buildReport({ seed: 1, scenario: 's', setup: SETUP, cells });
    assert.deepEqual(buildReport({ seed: 1, scenario: 's', setup: SETUP, cells: [...cells].reverse() }), one);
  });
});

describe('the table', () => {
  it('shows each row in line with the others, and what the marks mean', () => {
    const lines = reportTable(sampleReport(1)).split('\n');
    const head = lines.find((line) => line.startsWith('sharing')) ?? '';
    const rows = lines.filter((line) => /^(redis|mesh|gossip|leader|random-leaders|none|split) /.test(line));
    assert.equal(rows.length, sampleReport(1).rows.length);
    assert.deepEqual([...new Set([head, ...rows].map((line) => line.length))], [head.length], 'right-aligned');
    assert.ok(rows.some((line) => /^mesh \* +1000 +.*10M/.test(line) || /^mesh \* +1000 .*9\.99M/.test(line)));
    assert.ok(lines.includes('* counted by a formula, not run') && lines.includes('† real gateways'));
  });

  it('fits 100 columns whatever the numbers', () => {
    const number = fc.double({ min: 0, max: 1e15, noNaN: true });
    const part = fc.double({ min: 0, max: 1e5, noNaN: true });
    const measures = fc.record({
      overAdmission: part,
      falseDenials: part,
      messagesPerSecond: number,
      bytesPerSecond: number,
      hottestHostMessagesPerSecond: number,
      convergenceSeconds: fc.option(part),
    });
    const cells = fc.array(
      fc.record({
        way: fc.constantFrom('random-leaders', 'mesh', 'none'),
        hosts: fc.integer({ min: 2, max: 10_000 }),
        source: fc.constantFrom('live' as const, 'simulated' as const),
        intervalSeconds: fc.constantFrom(0.1, 0.025),
        runs: fc.array(measures, { minLength: 1, maxLength: 3 }),
      }),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(cells, (drawn) => {
        const text = reportTable(
          buildReport({
            seed: 1,
            scenario: 's',
            setup: { ...SETUP, description: 'word '.repeat(60) },
            cells: drawn.map(({ runs, ...rest }) => ({
              ...rest,
              analytic: undefined,
              runs: runs.map((each, seed) => ({ seed, measures: run(each) })),
            })),
          }),
        );
        for (const line of text.split('\n')) assert.ok(line.length <= TABLE_WIDTH, line);
        assert.ok(text.endsWith('\n') && !/[ \t]\n/.test(text));
      }),
      { numRuns: 60 },
    );
  });
});
