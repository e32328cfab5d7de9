/** `sluice lab replay`, as a shell runs it, on logs of real servers and on made ones whose answer is known. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { ReplayFlags } from '../../src/commands/lab-replay.ts';
import { replayCommand } from '../../src/commands/lab-replay.ts';
import type { ReplayResult } from '../../src/commands/lab-replay-run.ts';
import { replay } from '../../src/commands/lab-replay-run.ts';
import { loadConfigFile } from '../../src/config/load.ts';
import type { Config } from '../../src/config/types.ts';
import { systemClock } from '../../src/core/clock.ts';
import { SluiceError } from '../../src/core/errors.ts';
import { seededRandom } from '../../src/core/random.ts';
import { Progress } from '../../src/lab/progress.ts';
import { end, spawnOwned } from '../support/child.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { runSluice, startGateway } from '../support/gateway-process.ts';
import { request, startUpstream } from '../support/http.ts';
import { requireServer } from '../support/servers.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const dir = mkdtempSync(join(tmpdir(), 'sluice-replay-'));
after(() => rmSync(dir, { recursive: true, force: true }));

let files = 0;
function file(content: string | Buffer | object, end = 'log'): string {
  const path = join(dir, `${++files}.${end}`);
  writeFileSync(path, typeof content === 'string' || Buffer.isBuffer(content) ? content : JSON.stringify(content));
  return path;
}

/** One route, unless said otherwise, with all the limits. */
function configOf(limits: object, more: object = {}): string {
  const route = { name: 'all', upstream: 'site', limits: Object.keys(limits) };
  const upstreams = { site: { servers: ['http://127.0.0.1:1'] } };
  return file({ listen: '127.0.0.1:0', upstreams, routes: [route], limits, ...more }, 'yaml');
}

const quiet = () => new Progress({ output: { write: () => {} }, clock: systemClock, total: undefined, title: '' });

interface Replayed {
  readonly against?: string;
  readonly host?: string;
  readonly fleet?: { readonly hosts: number; readonly spread: 'requests' | 'clients' };
}

/** What the command does between its flags and its output. */
async function replayed(config: string, logs: string | readonly string[], more: Replayed = {}): Promise<ReplayResult> {
  const { against, host, fleet } = more;
  return replay({
    config: loaded(config),
    configFile: config,
    against: against === undefined ? undefined : { config: loaded(against), file: against },
    logs: typeof logs === 'string' ? [logs] : logs,
    host,
    seed: 1,
    fleet,
    progress: quiet,
  });
}

function loaded(config: string): Config {
  const result = loadConfigFile(config, {});
  assert.ok('config' in result, JSON.stringify(result));
  return result.config;
}

function json(atMs: number, client: string, more: object = {}): string {
  return JSON.stringify({
    time: new Date(atMs).toISOString(),
    client_ip: client,
    method: 'GET',
    path: '/v1/a',
    ...more,
  });
}

const FROM = Date.UTC(2026, 6, 1);

describe('a replay of made logs', { concurrency: 3 }, () => {
  it('refuses what the definition of a fixed window refuses', async () => {
    const random = seededRandom(3);
    const [left, right] = [new Map<string, number>(), { refused: 0, byClient: new Map<string, number>() }];
    let at = FROM;
    const lines = Array.from({ length: 5_000 }, () => {
      at += random.below(40);
      const client = `192.0.2.${Math.floor(8 * random.next() ** 2)}`;
      const slot = `${client} ${Math.floor(at / 10_000)}`;
      const used = left.get(slot) ?? 0;
      if (used < 60) left.set(slot, used + 1);
      else {
        right.refused += 1;
        right.byClient.set(client, (right.byClient.get(client) ?? 0) + 1);
      }
      return json(at, client, { status: 200 });
    });
    assert.ok(right.refused > 100 && right.byClient.size > 1);
    const config = configOf({ each: { key: 'ip', rate: '60/10s', algorithm: 'fixed-window', sharing: 'local' } });
    const { result, lines: read, order, fromMs, untilMs } = await replayed(config, file(lines.join('\n')));
    assert.deepEqual([read.requests, read.bad, order.outOfOrder, untilMs], [5_000, 0, 0, at]);
    assert.ok(fromMs >= FROM);
    assert.deepEqual([result.requests, result.refused], [5_000, right.refused]);
    const [limit] = result.limits;
    assert.deepEqual([limit?.asked, limit?.refused, limit?.keysRefused], [5_000, right.refused, right.byClient.size]);
    const most = [...right.byClient].sort(([, a], [, b]) => b - a)[0];
    assert.deepEqual(limit?.topRefused[0], { key: most?.[0], count: most?.[1], error: 0 });
    assert.deepEqual(result.routes, [{ route: 'all', requests: 5_000, refused: right.refused }]);
  });

  it('tells two configurations apart, and hosts that share nothing', async () => {
    const lines = Array.from({ length: 400 }, (_, i) => json(FROM + 10 * i, `192.0.2.${i % 2}`));
    const limit = (rate: string) => ({ each: { key: 'ip', rate, algorithm: 'fixed-window', sharing: 'local' } });
    const [config, against, log] = [configOf(limit('50/1m')), configOf(limit('80/1m')), file(lines.join('\n'))];
    const fleetOf = (spread: 'requests' | 'clients') => replayed(config, log, { against, fleet: { hosts: 4, spread } });
    const { difference, against: other, fleet } = await fleetOf('clients');
    assert.equal(other?.refused, 240);
    assert.deepEqual([difference?.bothAdmit, difference?.bothRefuse], [100, 240]);
    assert.deepEqual([difference?.onlyFirst.refused, difference?.onlySecond.refused], [60, 0]);
    assert.deepEqual(difference?.onlyFirst.byLimit, [{ limit: 'each', refused: 60 }]);
    assert.deepEqual(
      difference?.onlyFirst.examples.map(({ line }) => line),
      [101, 102, 103],
    );
    // Each client always meets the same host: alone it is exact, and a quarter of the limit is a quarter.
    assert.deepEqual(fleet?.none, { refused: 300, wronglyAdmitted: 0, wronglyRefused: 0 });
    assert.deepEqual(fleet?.split, { refused: 376, wronglyAdmitted: 0, wronglyRefused: 76 });
    const spread = await fleetOf('requests');
    assert.ok((spread.fleet?.none.wronglyAdmitted ?? 0) > 100, 'a limit of each host is nearly four limits');
    assert.deepEqual((await fleetOf('requests')).fleet, spread.fleet, 'the same seed, the same hosts');
  });

  it('says what the log does not hold, and refuses nobody for it', async () => {
    const limits = {
      'by-key': { key: 'header:x-api-key', rate: '1/1m', sharing: 'local', whenMissing: 'deny' },
      'key-or-ip': { key: 'header:x-api-key|ip', rate: '5/1m', sharing: 'local', mode: 'shadow' },
      'by-host': { key: 'host', rate: '1/1m', sharing: 'local' },
      'at-once': { key: 'ip', algorithm: 'concurrency', max: 1, sharing: 'local' },
    };
    const combined = (second: number) =>
      `192.0.2.1 - - [01/Jul/2026:00:00:0${second} +0000] "GET / HTTP/1.1" 200 1 "-" "-"`;
    const log = file([1, 2, 3, 4, 5, 6, 7, 8].map(combined).join('\n'));
    const { result, wholeSeconds } = await replayed(configOf(limits), log);
    assert.deepEqual([result.requests, result.refused, wholeSeconds], [8, 0, 8]);
    assert.deepEqual(result.gaps, [
      { limit: 'by-key', unjudged: 8, byAlternative: 0, costUnknown: 0, missing: ['header x-api-key'] },
      { limit: 'key-or-ip', unjudged: 0, byAlternative: 8, costUnknown: 0, missing: ['header x-api-key'] },
      { limit: 'by-host', unjudged: 8, byAlternative: 0, costUnknown: 0, missing: ['host'] },
      { limit: 'at-once', unjudged: 8, byAlternative: 0, costUnknown: 0, missing: ['how long requests took'] },
    ]);
    assert.equal(result.limits.find(({ limit }) => limit === 'key-or-ip')?.refused, 3);
    const told = await replayed(configOf(limits), log, { host: 'a.example' });
    assert.equal(told.result.refused, 7, 'the host is said');
    const { stdout } = await runSluice(['lab', 'replay', '-c', configOf(limits), '--log', log]);
    assert.match(
      stdout,
      /^note: limit by-key could not be judged for 8 requests: the log does not hold header x-api-key$/m,
    );
  });

  it('judges by headers, queries and durations where the log has them', async () => {
    const limits = {
      'by-key': { key: 'header:x-api-key', rate: '2/1m', sharing: 'local', whenMissing: 'deny' },
      'at-once': { key: 'query:user', algorithm: 'concurrency', max: 1, sharing: 'local' },
    };
    const line = (second: number, key: string, user: string) =>
      json(FROM + 1_000 * second, '192.0.2.1', { path: `/a?user=${user}`, http_x_api_key: key, duration_ms: 1_500 });
    // The first has ended when the third begins; the second begins while it runs.
    const lines = [line(2, 'k', 'u'), line(3, 'k', 'u'), line(4, 'k', 'u'), line(9, 'k', 'v'), line(10, '-', 'w')];
    const { result } = await replayed(configOf(limits), file(lines.join('\n')));
    assert.deepEqual(result.gaps, []);
    assert.deepEqual(
      result.limits.map(({ limit, refused, topRefused }) => [limit, refused, topRefused.map(({ key }) => key)]),
      [
        ['by-key', 2, ['k']],
        ['at-once', 1, ['u']],
      ],
    );
  });

  it('counts what it cannot read, and goes on', async () => {
    const lines = [
      json(FROM, '192.0.2.1'),
      'what is this',
      '',
      '{"broken',
      json(FROM - 5_000, '192.0.2.1'),
      `{"a":"${'x'.repeat(70_000)}"}`,
      json(FROM + 1, '192.0.2.2'),
    ];
    const config = configOf({ each: { key: 'ip', rate: '5/1m', sharing: 'local' } });
    const log = file(lines.join('\r\n'));
    const { lines: read, order, result, fromMs } = await replayed(config, log);
    assert.deepEqual([read.read, read.requests, read.bad, read.other, result.requests], [7, 3, 3, 1, 3]);
    assert.deepEqual(
      read.firstBad.map(({ line, why }) => [line, why.split(':')[0]]),
      [
        [2, 'neither JSON nor the combined format'],
        [4, 'it begins like JSON and is none'],
        [6, 'longer than 64 KiB'],
      ],
    );
    assert.deepEqual([order.outOfOrder, order.late, fromMs], [1, 0, FROM - 5_000]);
    const { stdout, code } = await runSluice(['lab', 'replay', '-c', config, '--log', log]);
    assert.equal(code, 0);
    assert.match(stdout, /^ {2}3 lines not understood\n {4}\S+:2: neither JSON.*: what is this\n/m);
    assert.match(stdout, /1 lines? out of order, sorted by their times/);
  });

  it('jumps over years of silence', async () => {
    const lines = [
      json(FROM - 40 * 365 * 86_400_000, '192.0.2.1'),
      json(FROM, '192.0.2.1'),
      json(FROM + 1, '192.0.2.1'),
    ];
    const config = configOf({ each: { key: 'ip', rate: '1/1m', sharing: 'local' } });
    const { result } = await replayed(config, file(lines.join('\n')));
    assert.deepEqual([result.requests, result.refused, result.timeline.requests.length <= 120], [3, 1, true]);
  });

  it('takes gzip and standard input, several files, and what is left of a damaged one', async () => {
    const config = configOf({ each: { key: 'ip', rate: '150/1h', algorithm: 'fixed-window', sharing: 'local' } });
    const part = (from: number) =>
      Array.from({ length: 100 }, (_, i) => `${json(FROM + from + i, '192.0.2.1')}\n`).join('');
    const zipped = Buffer.concat([gzipSync(part(0)), gzipSync(part(100))]);
    assert.equal((await replayed(config, file(zipped, 'gz'))).result.refused, 50);
    const twice = await replayed(config, [file(gzipSync(part(0))), file(part(100))]);
    assert.equal(twice.result.refused, 50);
    for (const input of [Buffer.from(part(0)), gzipSync(part(0))]) {
      const args = ['src/main.ts', 'lab', 'replay', '-c', config, '--log', '-', '--json'];
      const { stdout, status, stderr } = spawnSync(process.execPath, args, { cwd: ROOT, input, timeout: 30_000 });
      assert.deepEqual([status, String(stderr)], [0, '']);
      assert.equal((JSON.parse(String(stdout)) as ReplayResult).result.requests, 100);
    }
    const random = seededRandom(1);
    const varied = Array.from(
      { length: 5_000 },
      (_, i) => `${json(FROM + i, '192.0.2.1', { path: `/${random.hex(20)}` })}\n`,
    ).join('');
    const whole = gzipSync(varied);
    const { lines, result } = await replayed(config, file(whole.subarray(0, whole.length / 2)));
    assert.ok(result.requests > 100 && result.requests < 5_000);
    assert.match(lines.broken[0]?.why ?? '', /^the gzip ends early or is damaged: /);
  });
});

const BAD = 'config/invalid/bad-rate.yaml';

describe('a replay that cannot be: one line and an exit code', { concurrency: 3 }, () => {
  const config = configOf({ each: { key: 'ip', rate: '5/1m', sharing: 'local' } });
  const log = file(json(FROM, '192.0.2.1'));
  const cases: readonly (readonly [flags: Partial<ReplayFlags>, said: RegExp])[] = [
    [{ log: [] }, /^required option '--log <file>' not specified$/],
    [{ log: ['/nowhere.log'] }, /^\/nowhere\.log cannot be read: there is no such file$/],
    [{ log: [dir] }, /is a directory$/],
    [{ log: [file('one\ntwo\n')] }, /: no line could be read as a request \(line 1: neither JSON nor .*\)$/],
    [{ log: [file('')] }, /: no request in 0 lines$/],
    [{ log: ['-', '-'] }, /^--log - may be given once/],
    [{ hosts: '1' }, /^--hosts "1" is not a whole number from 2 to 1000$/],
    [{ spread: 'evenly' }, /^--spread "evenly" is neither requests nor clients$/],
    [{ host: 'a b' }, /^--host "a b" is no host$/],
    [{ seed: '-1' }, /^--seed "-1" is not a whole number/],
  ];
  for (const [flags, said] of cases) {
    it(JSON.stringify(flags).replaceAll(dir, ''), async () => {
      const command = replayCommand({ config, log: [log], spread: 'requests', seed: '1', ...flags });
      await assert.rejects(command, (error) => {
        assert.ok(error instanceof SluiceError && error.exitCode === 2);
        assert.match(error.message, said);
        return true;
      });
    });
  }

  it('prints it, or all faults of a configuration', async () => {
    const missing = await runSluice(['lab', 'replay', '-c', config, '--log', '/nowhere.log']);
    const said = 'sluice: /nowhere.log cannot be read: there is no such file\n';
    assert.deepEqual(missing, { code: 2, stdout: '', stderr: said });
    for (const configs of [
      ['-c', BAD],
      ['-c', config, '--against', BAD],
    ]) {
      const { code, stdout, stderr } = await runSluice(['lab', 'replay', ...configs, '--log', log]);
      assert.deepEqual([code, stdout], [1, '']);
      assert.match(stderr, /^config\/invalid\/bad-rate\.yaml:11:19: [^\n]*\n$/);
    }
  });

  it('names the commands of the lab', async () => {
    const lab = await runSluice(['lab']);
    assert.equal(lab.code, 0);
    assert.match(lab.stdout, /^ {2}replay /m);
    const mistyped = await runSluice(['lab', 'repaly']);
    assert.deepEqual(
      [mistyped.code, mistyped.stderr],
      [2, 'sluice: unknown command "lab repaly" (did you mean "replay"?)\n'],
    );
  });
});

describe('a replay of logs of real servers', () => {
  it('refuses what the gateway refused that wrote the log', async () => {
    await using upstream = await startUpstream();
    const config = {
      listen: '127.0.0.1:0',
      admin: { listen: '127.0.0.1:0' },
      log: { level: 'info', access: 1 },
      upstreams: { site: { servers: [`http://127.0.0.1:${upstream.port}`] } },
      routes: [
        { name: 'api', match: { path: '/api/*' }, upstream: 'site', limits: ['per-path'] },
        { name: 'rest', upstream: 'site' },
      ],
      limits: { 'per-path': { key: 'path', rate: '7/1h', sharing: 'local' } },
    };
    await using gateway = await startGateway({ config });
    let refused = 0;
    for (let i = 0; i < 30; i++) {
      const path = i % 3 === 0 ? '/free' : `/api/${i % 3}?n=${i}`;
      if ((await request({ port: gateway.port, path })).status === 429) refused += 1;
    }
    assert.equal(refused, 6);
    await eventually('all lines are written', async () => gateway.stdout().split('"msg":"request"').length === 31);
    const log = file(gateway.stdout());
    const { result, refusedThen, lines } = await replayed(file(config, 'yaml'), log);
    assert.deepEqual([lines.requests, refusedThen, result.refused], [30, 6, 6]);
    assert.deepEqual(result.routes, [
      { route: 'api', requests: 20, refused: 6 },
      { route: 'rest', requests: 10, refused: 0 },
    ]);
  });

  it("reads nginx's own logs, plain and JSON, to the same result", async () => {
    const port = await freePort();
    mkdirSync(join(dir, 'nginx'));
    const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((n) => `${n}_temp_path ${dir}/nginx/${n};`);
    const fields = [
      'msec',
      'remote_addr',
      'request_method',
      'request_uri',
      'http_host',
      'status',
      'request_time',
      'http_user_agent',
      'http_x_api_key',
    ];
    const config = file(
      `daemon off; master_process off; pid ${dir}/nginx/pid; error_log ${dir}/nginx/error.log;
       events { worker_connections 64; }
       http {
         ${temp.join(' ')}
         log_format fields escape=json '{${fields.map((name) => `"${name}":"$${name}"`).join(',')}}';
         access_log ${dir}/nginx/combined.log; access_log ${dir}/nginx/json.log fields;
         server { listen 127.0.0.1:${port}; location / { return 200; } }
       }`,
      'conf',
    );
    const nginx = spawnOwned(requireServer('nginx'), ['-p', dir, '-c', config, '-e', join(dir, 'nginx/error.log')], {
      stdio: 'ignore',
    });
    try {
      await eventually('nginx answers', async () => (await request({ port, path: '/ready' })).status === 200);
      for (let i = 0; i < 12; i++) {
        const headers = [
          ['User-Agent', 'a "quoted" \\ agent'],
          ['X-Api-Key', `k${i % 2}`],
        ] as const;
        await request({ port, path: `/shop/a%20b/${i}?q="<é>`, headers });
      }
    } finally {
      await end(nginx, 'SIGTERM');
    }
    const rules = configOf({
      each: { key: 'ip', rate: '5/1h', algorithm: 'fixed-window', sharing: 'local' },
      keys: { key: 'header:x-api-key', rate: '2/1h', algorithm: 'fixed-window', mode: 'shadow', sharing: 'local' },
    });
    const logs = ['combined', 'json'].map((name) => join(dir, 'nginx', `${name}.log`));
    assert.match(readFileSync(logs[0] ?? '', 'utf8'), /\\x22/);
    const [plain, json] = [await replayed(rules, logs[0] ?? ''), await replayed(rules, logs[1] ?? '')];
    for (const { lines, result } of [plain, json]) {
      assert.equal(lines.bad, 0, JSON.stringify(lines));
      assert.equal(result.refused, result.requests - 5);
      assert.equal(result.malformed, plain.result.malformed);
    }
    assert.deepEqual(
      plain.result.gaps.map(({ limit, missing }) => [limit, missing]),
      [['keys', ['header x-api-key']]],
    );
    assert.deepEqual(json.result.gaps, []);
  });
});
