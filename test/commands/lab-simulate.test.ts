/** `sluice lab simulate`, as somebody who compares ways of sharing runs it. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { findScenario, shippedScenarios } from '../../src/commands/lab-scenario.ts';
import type { Report } from '../../src/lab/report/model.ts';
import { runSluice } from '../support/gateway-process.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-lab-'));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A second of requests, so that all ways on three numbers of hosts take moments. */
function scenarioFile(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const SHORT = `description: Twice the limit, for three windows.
limit: 200/1s
duration: 3s
load: [{ steps: [{ offered: 2 }] }]
`;

describe('sluice lab simulate', () => {
  it('prints a table and writes the same report for the same seed, byte for byte', { timeout: 120_000 }, async () => {
    const scenario = scenarioFile('short.yaml', SHORT);
    const reports: string[] = [];
    for (const run of ['first', 'second']) {
      const [json, html] = [join(folder, `${run}.json`), join(folder, `${run}.html`)];
      const args = [
        '--scenario',
        scenario,
        '--hosts',
        '2,6',
        '--runs',
        '2',
        '--seed',
        '7',
        '--json',
        json,
        '--html',
        html,
      ];
      const { code, stdout, stderr } = await runSluice(['lab', 'simulate', ...args]);
      assert.deepEqual([code, stderr], [0, '']);
      assert.match(stdout, /^sharing +hosts +admitted\/s +over limit /m);
      for (const way of ['redis', 'mesh', 'gossip', 'leader', 'random-leaders', 'none', 'split']) {
        assert.match(stdout, new RegExp(`^${way} +6 `, 'm'));
      }
      reports.push(readFileSync(json, 'utf8') + readFileSync(html, 'utf8') + stdout);
    }
    assert.equal(reports[0], reports[1]);
    const report = JSON.parse(readFileSync(join(folder, 'first.json'), 'utf8')) as Report;
    assert.deepEqual([report.version, report.seed, report.scenario, report.rows.length], [1, 7, 'short', 14]);
    for (const row of report.rows) {
      const { sharing, admittedPerSecond, overAdmission, messagesPerSecond } = row;
      assert.deepEqual(row.seeds, [7, 8]);
      assert.ok(admittedPerSecond !== null && overAdmission !== null && messagesPerSecond !== null, sharing);
      if (sharing === 'none') assert.ok(overAdmission > 0.5, 'whoever shares nothing admits too much');
      else assert.ok(overAdmission <= 0.25, `${sharing} on ${row.hosts}: ${overAdmission}`);
      if (sharing !== 'none' && sharing !== 'split') {
        assert.ok(admittedPerSecond > 0.8 * 200, `${sharing} on ${row.hosts}: ${admittedPerSecond}`);
        assert.ok(messagesPerSecond > 0, sharing);
      }
    }
  });

  it('comes with scenarios that are right, and lists them', async () => {
    const names = shippedScenarios();
    assert.ok(names.length >= 20);
    for (const name of names) {
      const scenario = findScenario(name);
      assert.ok('policy' in scenario, `${name}: ${String(scenario)}`);
      assert.match(scenario.description, /^[A-Z].*\.$/);
    }
    const { code, stdout } = await runSluice(['lab', 'simulate', '--list']);
    assert.equal(code, 0);
    assert.deepEqual(
      stdout
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]),
      names,
    );
  });

  it('names every fault of a scenario with its position', async () => {
    const file = scenarioFile(
      'wrong.yaml',
      `${SHORT.replace('duration: 3s', 'duration: 3')}faults: [{ at: 1s, kind: crsh }]\n`,
    );
    const { code, stdout, stderr } = await runSluice(['lab', 'simulate', '--scenario', file]);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /wrong\.yaml:3:11: .*duration/);
    assert.match(stderr, /wrong\.yaml:5:\d+: .*did you mean "crash"\?/);
  });

  for (const [args, said] of [
    [
      ['--scenario', 'steady-duoble'],
      /no scenario is called "steady-duoble" \(did you mean "steady-double"\?, or a file\)/,
    ],
    [['--sharing', 'mesh,gosip'], /--sharing: "gosip" is no way of sharing \(did you mean "gossip"\?\)/],
    [['--hosts', '1'], /--hosts: "1" is no whole number from 2 to 10000/],
    [['--runs', 'many'], /--runs: "many" is no whole number from 1 to 1000/],
    [['--duration', '5'], /--duration: "5" is no duration from 100ms to 1h/],
    [
      ['--scenario', 'partition', '--duration', '5s'],
      /--duration: in partition something happens until 14s, so it takes more than 5s/,
    ],
    [['--interval', '5'], /--interval: "5" is no duration from 10ms to 60s/],
    [['--json', '/nowhere/report.json', '--hosts', '2', '--runs', '1', '--sharing', 'split'], /cannot write \/nowhere/],
  ] as const) {
    it(`says in one line what is wrong with ${args.join(' ')}`, { timeout: 60_000 }, async () => {
      const { code, stderr } = await runSluice(['lab', 'simulate', ...args]);
      assert.equal(code, 2);
      assert.match(stderr, said);
      assert.equal(stderr.trim().split('\n').length, 1);
    });
  }
});
