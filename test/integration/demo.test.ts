/** `npm run demo`, as a user runs it. */
import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readOptions } from '../../demo/options.ts';
import { eventually } from '../support/eventually.ts';
import { portToKeep } from '../support/free-port.ts';
import { startUpstream } from '../support/http.ts';

const DEMO = fileURLToPath(new URL('../../demo/run.ts', import.meta.url));
const STAND_IN = fileURLToPath(new URL('./grafana-stand-in.ts', import.meta.url));
const WAIT = { within: 90_000, every: 50 } as const;

interface Demo {
  readonly child: ChildProcess;
  /** Where everything that it starts keeps its files. */
  readonly folder: string;
  readonly output: () => string;
  readonly errors: () => string;
  /** The exit code. */
  readonly ended: Promise<number | null>;
}

describe('npm run demo', { concurrency: 2 }, () => {
  const root = mkdtempSync(join(tmpdir(), 'sluice-demo-test-'));
  const running = new Set<ChildProcess>();
  after(async () => {
    for (const child of running) child.kill('SIGKILL');
    rmSync(root, { recursive: true, force: true });
  });

  /** In a process group of its own, as a shell starts it. */
  function start(args: readonly string[], path = process.env['PATH'] ?? ''): Demo {
    const folder = mkdtempSync(join(root, 'run-'));
    const child = spawn(process.execPath, [DEMO, ...args], {
      detached: true,
      env: { ...process.env, NODE_OPTIONS: '', TMPDIR: folder, PATH: path },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    running.add(child);
    const said = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (text: string) => {
        said[name] += text;
      });
    }
    const ended = once(child, 'close').then(([code]) => {
      running.delete(child);
      return code as number | null;
    });
    return { child, folder, output: () => said.stdout, errors: () => said.stderr, ended };
  }

  it('--check: every query of every dashboard answers, exit code 0, nothing is left behind', async () => {
    const demo = start(['--check', '--rate', '100']);
    assert.equal(await demo.ended, 0, `${demo.output()}${demo.errors()}`);
    assert.equal(demo.errors(), '');
    assert.match(demo.output(), /^grafana +none here: import .*helm\/sluice\/dashboards/m);
    assert.equal(demo.output().match(/^ok {5}dashboard .*, 0 without an answer$/gm)?.length, 4, demo.output());
    assert.match(demo.output(), /^ok {5}recording rules and alerts: \d+ loaded, 0 that/m);
    assert.deepEqual(readdirSync(demo.folder), []);
  });

  it('runs on the ports that are given until Ctrl-C, with a Grafana where there is one', async () => {
    const bin = join(root, 'bin');
    mkdirSync(bin);
    const grafanaServer = join(bin, 'grafana-server');
    writeFileSync(grafanaServer, `#!/bin/sh\nexec '${process.execPath}' '${STAND_IN}' "$@"\n`);
    chmodSync(grafanaServer, 0o755);
    const ports = await Promise.all(Array.from({ length: 7 }, () => portToKeep()));
    const [one, two, adminOne, adminTwo, redis, prometheus, grafana] = ports;
    const flags = [
      ...['--gateways', `${one},${two}`, '--admins', `${adminOne},${adminTwo}`, '--redis', `${redis}`],
      ...['--prometheus', `${prometheus}`, '--grafana', `${grafana}`, '--rate', '100'],
    ];
    const demo = start(flags, `${bin}${delimiter}${process.env['PATH']}`);
    await eventually(
      'a live line',
      () => /^now: [1-9]\d*\/s answered, [1-9]\d*\/s refused \(.*exact [1-9]/m.test(demo.output()),
      WAIT,
    );
    for (const [name, port] of [
      ['gateway 1', one],
      ['gateway 2', two],
      ['prometheus', prometheus],
      ['grafana', grafana],
    ] as const) {
      assert.match(demo.output(), new RegExp(`^${name} +http://127\\.0\\.0\\.1:${port}`, 'm'));
      assert.ok((await fetch(`http://127.0.0.1:${port}/`)).status < 600, name);
    }
    assert.match(await (await fetch(`http://127.0.0.1:${adminTwo}/`)).text(), /<title>.*Sluice/);
    const shown = (await (await fetch(`http://127.0.0.1:${grafana}/`)).json()) as {
      datasources: { type: string; url: string }[];
      dashboards: string[];
    };
    assert.deepEqual(
      shown.datasources.map(({ type, url }) => [type, url]),
      [['prometheus', `http://127.0.0.1:${prometheus}`]],
    );
    assert.equal(shown.dashboards.length, 4);

    // A terminal signals the whole group.
    assert.ok(demo.child.pid !== undefined);
    process.kill(-demo.child.pid, 'SIGINT');
    assert.equal(await demo.ended, 0, demo.errors());
    assert.deepEqual([demo.errors(), readdirSync(demo.folder)], ['', []]);
    for (const port of ports) await assert.rejects(fetch(`http://127.0.0.1:${port}/`));
  });

  it('says in one line what is wrong with a flag, a port or the machine', async () => {
    await using taken = await startUpstream();
    const cases: readonly (readonly [args: readonly string[], code: number, line: RegExp])[] = [
      [['--rate', '0'], 2, /^demo: --rate takes a whole number from 1 to 5000, not "0" \(try .*\)\n$/],
      [['--prometheus', String(taken.port)], 1, new RegExp(`^demo: port ${taken.port} is in use; .*\\n$`)],
    ];
    for (const [args, code, line] of cases) {
      const demo = start(args);
      assert.equal(await demo.ended, code, args.join(' '));
      assert.match(demo.errors(), line);
      assert.deepEqual([demo.output(), readdirSync(demo.folder)], ['', []]);
    }
    for (const [args, message] of [
      [['--gateways', '8080'], /^--gateways takes two ports with a comma between them, not "8080"$/],
      [['--redis', '70000'], /^--redis takes a whole number from 1 to 65535, not "70000"$/],
      [['--redis', '8080', '--gateways', '8080,8081'], /^port 8080 is given twice$/],
      [['--chekc'], /^Unknown option '--chekc'/],
    ] as const) {
      assert.throws(() => readOptions(args), { message });
    }
    const bare = start(['--check'], '/nonexistent');
    assert.equal(await bare.ended, 1);
    assert.match(bare.errors(), /^missing on this machine: redis-server, prometheus; install with: apt-get .*\n$/);
  });
});
