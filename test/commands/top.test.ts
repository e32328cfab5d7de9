/** `sluice top`: in pipes, in a terminal, and when there is nothing to show. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { printable, topLines } from '../../src/commands/top-lines.ts';
import { end, spawnOwned } from '../support/child.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { runSluice, startGateway } from '../support/gateway-process.ts';
import type { Upstream } from '../support/http.ts';
import { request, startUpstream } from '../support/http.ts';
import type { Redis } from '../support/redis.ts';
import { startRedis } from '../support/redis.ts';

const TOKEN = 'a-token-long-enough';
const env = { SLUICE_ADMIN_TOKEN: TOKEN };

describe('sluice top', { timeout: 120_000 }, () => {
  let redis: Redis;
  let upstream: Upstream;
  let gateway: Gateway;
  let other: Gateway;
  before(async () => {
    [redis, upstream] = [await startRedis(), await startUpstream()];
    const config = {
      listen: '127.0.0.1:0',
      admin: { listen: '127.0.0.1:0', token: TOKEN },
      redis: { url: redis.url, timeout: '2s' },
      upstreams: { app: { servers: [upstream.url] } },
      routes: [{ upstream: 'app', limits: ['per-client', 'by-path'] }],
      limits: {
        'per-client': { key: 'header:x-api-key|ip', rate: '5/1h' },
        'by-path': { key: 'path', rate: '1000/1h', sharing: 'local', mode: 'shadow' },
      },
    };
    gateway = await startGateway({ config, readyWithin: 60_000 });
    other = await startGateway({ config, readyWithin: 60_000 });
    for (let i = 0; i < 8; i++) await request({ port: gateway.port, headers: { 'x-api-key': 'alice' } });
    for (let i = 0; i < 3; i++) await request({ port: other.port, headers: { 'x-api-key': 'bob' } });
  });
  after(async () => {
    await Promise.all([gateway.stop(), other.stop()]);
    await upstream.close();
    await redis.stop();
  });
  const top = (...args: readonly string[]) =>
    runSluice(['top', '--admin', `127.0.0.1:${gateway.adminPort}`, ...args], { env });

  it('--once prints plain lines, without a terminal’s commands', async () => {
    const { code, stdout, stderr } = await top('--once');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(
      stdout,
      /^per-client: 5\/1h by header:x-api-key\|ip; last \d+ s\n +asked +refused {2}key\n +8 +3 {2}alice\n/,
    );
    assert.match(stdout, /\n\nby-path: 1000\/1h by path, shadow mode; last \d+ s\n.*\n +8 +0 {2}\/\n$/);
  });

  it('--fleet adds up all instances and says how many', async () => {
    const { stdout } = await top('--once', '--fleet', '--limit', 'per-client');
    assert.match(stdout, /^per-client: .*; 2 of 2 instances\n.*\n +8 +3 {2}alice\n +3 +0 {2}bob\n$/);
  });

  it('--json prints what the admin API answers, a line for each limit', async () => {
    const { stdout } = await top('--once', '--json');
    const limits = stdout
      .trim()
      .split('\n')
      .map((line) => (JSON.parse(line) as { limit: string }).limit);
    assert.deepEqual(limits, ['per-client', 'by-path']);
  });

  it('goes on in a pipe until it is told to end, over a failure', async () => {
    await using going = await startGateway({
      args: ['--upstream', upstream.url, '--limit', '5/1m', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'],
      readyWithin: 60_000,
    });
    const args = ['src/main.ts', 'top', '--interval', '200ms', '--admin', `127.0.0.1:${going.adminPort}`];
    const child = spawnOwned(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const [out, err] = [collected(child.stdout), collected(child.stderr)];
    await eventually('twice', () => out().split('per-client: ').length > 2, { within: 20_000 });
    await going.stop();
    await eventually('it says so', () => /^sluice: http:\S+ cannot be reached: [^\n]+\n/.test(err()), {
      within: 20_000,
    });
    child.kill('SIGINT');
    await eventually('it ends', () => child.exitCode === 0, { within: 20_000 });
  });

  const endings: readonly (readonly [how: string, tell: (child: Terminal) => void])[] = [
    ['q', ({ write }) => write('q')],
    ['Ctrl-C', ({ write }) => write('\x03')],
    ['SIGTERM', ({ signal }) => signal('SIGTERM')],
  ];
  for (const [how, tell] of endings) {
    it(`has a screen of its own in a terminal, and gives it back at ${how}`, async () => {
      const admin = `127.0.0.1:${gateway.adminPort}`;
      const terminal = inTerminal(['top', '--admin', admin, '--interval', '200ms'], 12, 60);
      try {
        await eventually('two frames', () => terminal.output().split('\x1b[?2026h').length > 2, { within: 20_000 });
        tell(terminal);
        await eventually('the end', () => terminal.code() === 0, { within: 20_000 });
        const said = terminal.output();
        assert.ok(said.startsWith('\x1b[?1049h\x1b[?25l'), 'another screen, no cursor');
        assert.ok(said.endsWith('\x1b[?25h\x1b[?1049l'), 'cursor and screen as before');
        assert.match(said, /8 +3 {2}█+ +alice/);
        assert.ok(!said.includes('\x1b[2J'), 'never blank in between');
        const lines = said.split('\x1b[?2026h')[1]?.split('\x1b[K') ?? [];
        assert.ok(lines.length <= 13, 'no more lines than the terminal has');
        for (const line of lines) assert.ok(stripVTControlCharacters(line).trim().length < 60, line);
      } finally {
        await terminal.stop();
      }
    });
  }
});

describe('sluice top, when it cannot: one line and exit code', { concurrency: 3, timeout: 60_000 }, () => {
  const fails = async (args: readonly string[], code: number, said: RegExp, environment = {}): Promise<void> => {
    const result = await runSluice(['top', ...args], { env: { SLUICE_ADMIN_TOKEN: '', ...environment } });
    assert.deepEqual([result.code, result.stdout], [code, '']);
    assert.match(result.stderr, said);
    assert.equal(result.stderr.split('\n').length, 2);
  };

  it('1: nobody is there', async () => {
    const port = await freePort();
    await fails(['--admin', `127.0.0.1:${port}`], 1, /^sluice: http:\S+ cannot be reached: connect ECONNREFUSED /);
  });

  it('1: what answers is something else', async () => {
    const server = createServer((_request, response) => response.end('<html>'));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    await fails(['--admin', `127.0.0.1:${port}`], 1, /is no admin listener of Sluice/);
    server.close();
  });

  it('1: the token is missing, the limit unknown, the fleet not to be asked', async () => {
    await using gateway = await startGateway({
      config: {
        listen: '127.0.0.1:0',
        admin: { listen: '127.0.0.1:0', token: TOKEN },
        upstreams: { app: { servers: ['http://127.0.0.1:1'] } },
        routes: [{ upstream: 'app', limits: ['per-client'] }],
        limits: { 'per-client': { key: 'ip', rate: '5/1m' } },
      },
      readyWithin: 60_000,
    });
    const admin = ['--admin', `127.0.0.1:${gateway.adminPort}`];
    await fails(admin, 1, /^sluice: http:\S+ wants its token: set SLUICE_ADMIN_TOKEN\n$/);
    await fails(
      [...admin, '--limit', 'per-clint'],
      1,
      /no limit is called "per-clint" \(did you mean per-client\?\)/,
      env,
    );
    await fails([...admin, '--fleet'], 1, /answered 409: this instance has no way to ask others/, env);
  });

  it('2: a flag is wrong', async () => {
    await fails(['--interval', 'often'], 2, /^sluice: --interval: at least 200ms \(a duration is /);
    await fails(['--interval', '1ms'], 2, /^sluice: --interval: at least 200ms/);
    await fails(['--admin', 'nowhere'], 2, /^sluice: --admin: .*host:port/);
  });
});

describe('names and keys in a terminal', () => {
  it('cannot move the cursor, change colours or turn the writing round', () => {
    assert.equal(printable('a\x1b[31mb\u202ec\r\nd\u0085e\u2028f'), 'a�[31mb�c��d�e�f');
    assert.equal(printable('ключ-日本-🔑'), 'ключ-日本-🔑');
  });

  it('are cut to the terminal’s width', () => {
    const limit = { name: 'l', key: ['ip'], rates: ['5/1m'], mode: 'enforce' };
    const keys = [{ key: 'k'.repeat(200), count: 5 }];
    const lines = topLines(limit, { limit: 'l', seconds: 60, asked: keys, refused: [] }, 5, 40);
    assert.deepEqual(
      lines.map((line) => line.length <= 40),
      [true, true, true],
    );
  });
});

interface Terminal {
  readonly output: () => string;
  readonly code: () => number | null;
  write(text: string): void;
  /** To the command itself. */
  signal(name: NodeJS.Signals): void;
  stop(): Promise<unknown>;
}

/** `sluice ARGS` in a pseudo-terminal, made by util-linux' `script`. */
function inTerminal(args: readonly string[], rows: number, columns: number): Terminal {
  const command = `stty rows ${rows} cols ${columns}; echo pid $$; exec '${process.execPath}' src/main.ts ${args.join(' ')}`;
  const child = spawnOwned('script', ['-qfec', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...env, TERM: 'xterm' },
  });
  const all = collected(child.stdout);
  const pid = (): number => Number(/pid (\d+)/.exec(all())?.[1]);
  return {
    output: () => all().replace(/^pid \d+\r\r?\n/, ''),
    code: () => child.exitCode,
    write: (text) => void child.stdin?.write(text),
    signal: (name) => void process.kill(pid(), name),
    stop: () => end(child, 'SIGTERM', 5_000),
  };
}

function collected(stream: NodeJS.ReadableStream | null): () => string {
  let text = '';
  stream?.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  return () => text;
}
