import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { SluiceError } from '../../src/core/errors.ts';
import type { LogSink } from '../../src/metrics/logger.ts';
import { createLogger } from '../../src/metrics/logger.ts';
import { end, spawnOwned } from '../support/child.ts';
import { eventually } from '../support/eventually.ts';

const dir = mkdtempSync(join(tmpdir(), 'sluice-logger-'));
after(() => rmSync(dir, { recursive: true, force: true }));
let files = 0;

/** What `write` makes the logger write, as parsed lines. */
function written(level: 'info' | 'error' | 'silent', write: (sink: LogSink) => void) {
  const file = join(dir, `${files++}.log`);
  const sink = createLogger({ level, destination: file });
  write(sink);
  sink.close();
  return readFileSync(file, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line): Record<string, unknown> => JSON.parse(line));
}

describe('the logger', () => {
  it('writes JSON lines with the level in words and the time in ISO 8601', async () => {
    const [line] = written('info', ({ logger }) => logger.info({ route: 'orders' }, 'hello'));
    assert.match(String(line?.['time']), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    assert.deepEqual({ ...line, time: '' }, { level: 'info', time: '', route: 'orders', msg: 'hello' });
  });

  it('masks what must not be told, should anybody log it', async () => {
    const [line] = written('info', ({ logger }) =>
      logger.info({ token: 't0p', admin: { token: 't0p' }, key: 'k3y', headers: { a: 'b' }, fine: 1 }, 'x'),
    );
    assert.doesNotMatch(JSON.stringify(line), /t0p|k3y|"a"/);
    assert.equal(line?.['fine'], 1);
  });

  it('tells an error in one line: no stack, no password out of a URL', async () => {
    const error = new SluiceError('SLUICE_STORE_CONNECTION', 'cannot reach redis://user:pa55@10.0.0.1:6379');
    const [line] = written('info', ({ logger }) => logger.error({ err: error }, 'store'));
    assert.deepEqual(line?.['err'], {
      type: 'SluiceError',
      code: 'SLUICE_STORE_CONNECTION',
      reason: 'cannot reach redis://[redacted]@10.0.0.1:6379',
    });
  });

  it('writes access lines whatever the level, unless silent', async () => {
    const both = ({ logger, access }: LogSink) => {
      logger.info({}, 'chatter');
      access.info({ status: 200 }, 'request');
    };
    const messages = written('error', both).map((line) => line['msg']);
    assert.deepEqual(messages, ['request']);
    assert.deepEqual(written('silent', both), []);
  });

  it('has written everything when the process exits', async () => {
    const child = script(`
      for (let i = 0; i < 500; i++) sink.access.info({ i }, 'request');
      process.exit(0);
    `);
    let out = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    await new Promise((resolve) => child.once('close', resolve));
    assert.equal(out.trimEnd().split('\n').length, 500);
  });

  it('goes on without its log when the disk is full', { skip: process.platform !== 'linux' }, async () => {
    const child = script(
      `
      for (let i = 0; i < 500; i++) sink.access.info({ i }, 'request');
      let turns = 0;
      const more = () => {
        sink.access.info({ turns }, 'request');
        if (++turns < 100) setTimeout(more, 1);
        else process.exit(0);
      };
      more();
    `,
      '/dev/full',
    );
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const code = await new Promise((resolve) => child.once('close', resolve));
    assert.equal(said, '');
    assert.equal(code, 0);
  });

  it('ends soon although a pipe’s reader stalls', { skip: process.platform !== 'linux' }, async () => {
    const pipe = join(dir, 'pipe');
    assert.equal(spawnSync('mkfifo', [pipe]).status, 0);
    const held = openSync(pipe, constants.O_RDWR); // a reader that never reads
    const child = script(
      `
      for (let i = 0; i < 20_000; i++) sink.access.info({ i }, 'request');
      process.exit(0);
    `,
      1,
      held,
    );
    const began = performance.now();
    const code = await new Promise((resolve) => child.once('close', resolve));
    closeSync(held);
    assert.equal(code, 0);
    assert.ok(performance.now() - began < 10_000);
  });

  it('ends although the reader has left, as head does', async () => {
    const child = script(`
      process.stdin.once('end', () => {
        for (let i = 0; i < 20_000; i++) sink.access.info({ i }, 'request');
        process.exit(0);
      }).resume();
    `);
    child.stdout?.destroy();
    child.stdin?.end();
    assert.equal(await new Promise((resolve) => child.once('close', resolve)), 0);
  });

  it('neither blocks the process nor grows without bound when nobody reads', async () => {
    const child = script(`
      const line = { filler: 'x'.repeat(1000) };
      let sent = 0;
      const more = () => {
        for (let i = 0; i < 1000; i++) sink.access.info(line, 'request');
        sent += 1000;
        if (sent < 30_000) setImmediate(more);
        else process.stderr.write('alive, dropped ' + sink.dropped() + '\\n');
      };
      more();
    `);
    let said = '';
    child.stderr?.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    try {
      await eventually('the process went on', () => said.includes('alive'), { within: 20_000 });
      const dropped = Number(/dropped (\d+)/.exec(said)?.[1]);
      assert.ok(dropped > 5_000 && dropped < 25_000, said);
    } finally {
      await end(child, 'SIGKILL');
    }
  });
});

/** A process with a logger, on standard output unless told otherwise. */
function script(body: string, destination: string | number = 1, stdout: 'pipe' | number = 'pipe') {
  const logger = new URL('../../src/metrics/logger.ts', import.meta.url).href;
  const code = `import { createLogger } from ${JSON.stringify(logger)}; const sink = createLogger({ level: 'info', destination: ${JSON.stringify(destination)} }); ${body}`;
  return spawnOwned(process.execPath, ['--input-type=module', '-e', code], { stdio: ['pipe', stdout, 'pipe'] });
}
