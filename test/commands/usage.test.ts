/** What the command line says to whoever types it right, and to whoever does not. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { runSluice } from '../support/gateway-process.ts';

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};
const GOOD = ['--upstream', 'http://127.0.0.1:1', '--limit', '100/1m', '--listen', '127.0.0.1:0', '--admin', '[::1]:0'];

/** The one line on stderr; asserts that nothing else was said. */
async function complaint(args: readonly string[], code = 2, env: Record<string, string> = {}): Promise<string> {
  const result = await runSluice(args, { env: { SLUICE_REDIS_URL: '', SLUICE_ADMIN_TOKEN: '', ...env } });
  assert.equal(result.stdout, '');
  assert.equal(result.code, code, result.stderr);
  const lines = result.stderr.split('\n');
  assert.equal(lines.length, 2, `one line, and no more: ${result.stderr}`);
  assert.equal(lines[1], '');
  assert.doesNotMatch(result.stderr, /\n\s+at /);
  return lines[0] ?? '';
}

/** The flags of a sound start, with `flag` saying `value`. */
function withFlag(flag: string, value: string): string[] {
  const args = [...GOOD];
  const at = args.indexOf(flag);
  if (at < 0) return [...args, flag, value];
  args[at + 1] = value;
  return args;
}

describe('sluice, asked for help', { concurrency: 3 }, () => {
  it('prints its version', async () => {
    for (const flag of ['--version', '-V']) {
      assert.deepEqual(await runSluice([flag]), { code: 0, stdout: `sluice ${version}\n`, stderr: '' });
    }
  });

  it('lists its commands, and the flags of each', async () => {
    const { code, stdout, stderr } = await runSluice(['--help']);
    assert.deepEqual([code, stderr], [0, '']);
    for (const word of ['run', 'check', 'explain', 'schema', 'healthcheck', 'top', 'lab'])
      assert.match(stdout, new RegExp(`^ {2}${word}\\b`, 'm'));
    const run = await runSluice(['run', '--help']);
    for (const flag of ['config', 'upstream', 'limit', 'key', 'redis', 'listen', 'admin']) {
      assert.match(run.stdout, new RegExp(`--${flag} <`));
    }
    const explain = await runSluice(['explain', '-h']);
    for (const flag of ['-c, --config', '-X, --request', '-H, --header', '--client-ip', '--json']) {
      assert.ok(explain.stdout.includes(flag), flag);
    }
  });
});

describe('sluice, mistyped: one line on stderr and exit code 2', { concurrency: 3 }, () => {
  const cases: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [['chekc', 'sluice.yaml'], /^sluice: unknown command "chekc" \(did you mean "check"\?\)$/],
    [['explian', '-c', 'x', 'http://x/'], /unknown command "explian" \(did you mean "explain"\?\)/],
    [['frobnicate'], /unknown command "frobnicate" \(there is run, check, explain, schema, healthcheck, top, lab\)/],
    [[''], /unknown command ""/],
    [['run', 'sluice.yaml'], /too many arguments for 'run'/],
    [['--upstrem', 'http://x'], /unknown option '--upstrem' \(Did you mean --upstream\?\)/],
    [['--upstream'], /--upstream <url>' argument missing/],
    [['check'], /missing required argument 'file'/],
    [['check', 'a', 'b'], /too many arguments for 'check'/],
    [['schema', 'x'], /too many arguments for 'schema'/],
    [['explain', 'http://x/'], /'-c, --config <file>' not specified/],
    [['lab', 'simulat'], /^sluice: unknown command "lab simulat" \(did you mean "simulate"\?\)$/],
    [['healthcheck', '--admin', '9090'], /^sluice: --admin: "9090" is not an address to listen on \(host:port, for/],
    [['healthcheck', '--admin', '127.0.0.1:0'], /^sluice: --admin: port 0 is nobody’s/],
    [['healthcheck', '--admin', 'a:1', '-c', 'b'], /'--admin <address>' cannot be used with option '-c, --config/],
  ];
  for (const [args, said] of cases) {
    it(`sluice ${args.join(' ')}`, async () => {
      assert.match(await complaint(args), said);
    });
  }
});

describe('sluice run, given a wrong value: names the flag', { concurrency: 3 }, () => {
  const cases: readonly (readonly [flag: string, value: string, said: RegExp])[] = [
    ['--upstream', 'localhost:3000', /--upstream: "localhost:3000" .*did you mean http:\/\/localhost:3000\?/],
    ['--limit', '100', /--limit: "100" is not a rate/],
    ['--key', 'heder:x', /--key: "heder:x" is not a part of a key/],
    ['--redis', 'http://127.0.0.1', /--redis: .*does not start with redis:\/\//],
    ['--listen', '8080', /--listen: "8080" is not an address/],
    ['--listen', '127.0.0.1:70000', /--listen: port 70000 does not exist/],
    ['--admin', '0.0.0.0:9', /--admin: .*has no token \(set SLUICE_ADMIN_TOKEN, or listen on 127\.0\.0\.1\)/],
  ];
  for (const [flag, value, said] of cases) {
    it(`${flag} '${value}'`, async () => {
      assert.match(await complaint(withFlag(flag, value)), said);
    });
  }

  it('SLUICE_REDIS_URL', async () => {
    const line = await complaint(GOOD, 2, { SLUICE_REDIS_URL: 'redis://user:pa55word@127.0.0.1:99999' });
    assert.match(line, /^sluice: SLUICE_REDIS_URL: /);
    assert.doesNotMatch(line, /pa55word/);
  });

  it('--upstream without --limit', async () => {
    assert.match(await complaint(['--upstream', 'http://127.0.0.1:1']), /--limit: missing/);
  });

  it('--config beside any other flag', async () => {
    for (const flag of ['--upstream', '--admin']) {
      const line = await complaint(['--config', 'config/sluice.yaml', flag, '127.0.0.1:0']);
      assert.equal(line, `sluice: ${flag} does not go with --config (write it into the file)`);
    }
  });
});

describe('sluice run, given a bad file: exit code 1', { concurrency: 3 }, () => {
  it('that is not there, is a directory, or has no name', async () => {
    assert.equal(
      await complaint(['--config', '/no/such.yaml'], 1),
      '/no/such.yaml: cannot be read: there is no such file',
    );
    assert.equal(await complaint(['-c', '/tmp'], 1), '/tmp: cannot be read: it is a directory');
    assert.match(await complaint(['--config', '']), /^sluice: --config names no file/);
  });

  it('with a fault: says where', async () => {
    const line = await complaint(['--config', 'config/invalid/bad-rate.yaml'], 1);
    assert.match(line, /^config\/invalid\/bad-rate\.yaml:11:19: "1000 per hour" is not a rate/);
  });
});
