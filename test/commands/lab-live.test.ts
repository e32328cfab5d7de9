/** `sluice lab live` on the real command line: real gateways, a real Redis, and nothing left behind. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { Report } from '../../src/lab/report/model.ts';
import { end, spawnOwned } from '../support/child.ts';
import { eventually } from '../support/eventually.ts';
import { runSluice } from '../support/gateway-process.ts';
import { requireServer } from '../support/servers.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-lab-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));

function scenarioFile(name: string, text: string): string {
  const file = join(folder, name);
  writeFileSync(file, text);
  return file;
}

const SHORT = `description: Twice the limit, for two windows.
limit: 40/1s
duration: 2s
load: [{ steps: [{ offered: 2 }] }]
`;

describe('sluice lab live', () => {
  it('reports real gateways beside their simulation, number by number', { timeout: 120_000 }, async () => {
    requireServer('redis-server');
    const own = folderFor(join(folder, 'tmp-report'));
    const scenario = scenarioFile('short.yaml', SHORT);
    const [json, html] = [join(folder, 'live.json'), join(folder, 'live.html')];
    const flags = ['--scenario', scenario, '--hosts', '2', '--sharing', 'redis,mesh', '--runs', '1', '--seed', '5'];
    const env = { TMPDIR: own };
    const result = await runSluice(['lab', 'live', ...flags, '--json', json, '--html', html], { env });
    assert.equal(result.code, 0, result.stderr);
    assert.match(result.stdout, /^redis † +2 /m);
    assert.match(result.stdout, /simulation against reality: \d+ of 20 numbers agree/);
    const report = JSON.parse(readFileSync(json, 'utf8')) as Report;
    assert.deepEqual(
      report.rows.map(({ sharing, source }) => `${sharing} ${source}`),
      ['redis live', 'redis simulated', 'mesh live', 'mesh simulated'],
    );
    for (const row of report.rows) {
      assert.deepEqual(row.seeds, [5]);
      assert.ok((row.messagesPerSecond ?? 0) > 0, row.sharing);
      assert.ok((row.admittedPerSecond ?? 0) > 10, `${row.sharing}: ${row.admittedPerSecond}`);
      assert.ok((row.admittedPerSecond ?? 0) < 0.9 * (row.offeredPerSecond ?? 0), 'some were refused');
      if (row.source === 'live') assert.ok(row.latencies.length > 0 && (row.decisionLatencySeconds.p50 ?? 0) > 0);
    }
    // The same seed offers the same, to real gateways too.
    assert.equal(report.rows[0]?.offeredPerSecond, report.rows[1]?.offeredPerSecond);
    assert.equal(report.reality?.length, 20);
    assert.match(readFileSync(html, 'utf8'), /<h2 id="reality">Simulation against reality<\/h2>/);
    assert.deepEqual(readdirSync(own), [], 'no folder is left');
  });

  it('kills a host and starts it again where the scenario says so', { timeout: 120_000 }, async () => {
    const text = `${SHORT}faults: [{ at: 500ms, kind: crash, for: 500ms }]\n`;
    const json = join(folder, 'crash.json');
    const flags = ['--scenario', scenarioFile('crash.yaml', text), '--hosts', '2', '--sharing', 'mesh', '--runs', '1'];
    const { code, stderr } = await runSluice(['lab', 'live', ...flags, '--json', json]);
    assert.equal(code, 0, stderr);
    const report = JSON.parse(readFileSync(json, 'utf8')) as Report;
    const live = report.rows.find(({ source }) => source === 'live');
    assert.match(live?.notes.join('\n') ?? '', /of the requests had no answer/);
    assert.ok((live?.admittedPerSecond ?? 0) > 10);
  });

  it('leaves no process and no file behind when it is interrupted', { timeout: 120_000 }, async () => {
    requireServer('redis-server');
    requireServer('etcd');
    const own = folderFor(join(folder, 'tmp-interrupted'));
    const child = spawnOwned(
      process.execPath,
      [MAIN, 'lab', 'live', '--hosts', '2', '--sharing', 'redis,leader', '--duration', '10m', '--runs', '1'],
      { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, NODE_OPTIONS: '', TMPDIR: own } },
    );
    let said = '';
    child.stderr?.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    await eventually('requests are under way', () => /redis on 2 gateways/.test(said), { within: 60_000 });
    assert.ok(commandsWith(own).length >= 2, 'gateways and servers run');
    assert.equal(await end(child, 'SIGINT', 30_000), 130, said);
    assert.deepEqual(readdirSync(own), []);
    assert.deepEqual(commandsWith(own), []);
  });

  for (const [args, said] of [
    [['--hosts', '9'], /--hosts: "9" is no whole number from 2 to 8/],
    [['--sharing', 'mesh,gosip'], /--sharing: "gosip" is no way of sharing \(did you mean "gossip"\?\)/],
    [['--runs', '0'], /--runs: "0" is no whole number from 1 to 100/],
    [['--seed', '-1'], /--seed: "-1" is no whole number/],
    [['--rate', 'fast'], /--rate: "fast" is no whole number from 1 to 100000/],
    [['--rate', '5'], /--rate: with 5 requests a second the limit of scenario steady-double would be too small/],
    [['--duration', '3'], /--duration: "3" is no duration from 1s to 1h/],
    [['--interval', '1ms'], /--interval: "1ms" is no duration from 10ms to 10s/],
    [
      ['--scenario', 'steady-duoble'],
      /no scenario is called "steady-duoble" \(did you mean "steady-double"\?, or a file\)/,
    ],
    [
      ['--scenario', 'partition'],
      /scenario partition cannot be done live, faults: partition \(.*\); sluice lab simulate can/,
    ],
    [['--scenario', 'loss'], /scenario loss cannot be done live, /],
    [['--scenario', 'continents'], /scenario continents cannot be done live, network: a round trip of /],
    [['--scenario', 'clock-skew'], /scenario clock-skew cannot be done live, clocks: /],
  ] as const) {
    it(`says in one line what is wrong with ${args.join(' ')}`, { timeout: 60_000 }, async () => {
      const { code, stdout, stderr } = await runSluice(['lab', 'live', ...args]);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, said);
      assert.equal(stderr.trim().split('\n').length, 1);
    });
  }

  it('says what to install where a server is missing', { timeout: 60_000 }, async () => {
    const { code, stderr } = await runSluice(['lab', 'live', '--sharing', 'leader'], { env: { PATH: folder } });
    assert.equal(code, 2);
    assert.equal(
      stderr.trim(),
      'sluice: etcd is not on PATH, which --sharing leader needs (Debian: apt-get install etcd-server)',
    );
  });
});

function folderFor(path: string): string {
  rmSync(path, { recursive: true, force: true });
  return mkdtempSync(`${path}-`);
}

/** Command lines of all processes that name a folder. */
function commandsWith(path: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        return words.includes(path) ? [words.replaceAll('\0', ' ')] : [];
      } catch {
        return [];
      }
    });
}
