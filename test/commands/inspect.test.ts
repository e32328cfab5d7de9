/** `sluice check`, `explain` and `schema`: what they print, and to whom. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { runSluice } from '../support/gateway-process.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const env = { SLUICE_ADMIN_TOKEN: 'a-token-long-enough', SLUICE_REDIS_URL: 'redis://127.0.0.1:1' };
const API_KEYS = 'config/examples/api-keys.yaml';

/** What `sluice ARGS` does where its output goes through `plumbing` of a shell. */
function inShell(args: string, plumbing: string): { status: number | null; stderr: string; stdout: string } {
  const script = `set -o pipefail; "$NODE" src/main.ts ${args} ${plumbing}`;
  return spawnSync('bash', ['-c', script], {
    cwd: ROOT,
    env: { ...process.env, ...env, NODE: process.execPath, NODE_OPTIONS: '' },
    encoding: 'utf8',
    timeout: 30_000,
  });
}

describe('sluice check', { concurrency: 3 }, () => {
  it('sums up a sound file', async () => {
    assert.deepEqual(await runSluice(['check', API_KEYS], { env }), {
      code: 0,
      stdout: `${API_KEYS}: ok, 1 route, 1 limit, 1 upstream\n`,
      stderr: '',
    });
  });

  it('lists faults on stderr and exits with 1', async () => {
    const { code, stdout, stderr } = await runSluice(['check', 'config/invalid/bad-rate.yaml']);
    assert.deepEqual([code, stdout], [1, '']);
    assert.match(stderr, /^config\/invalid\/bad-rate\.yaml:11:19: [^\n]*\nconfig\/invalid\/bad-rate\.yaml: 1 fault\n$/);
  });
});

describe('sluice schema', () => {
  it('is a JSON Schema that the examples satisfy and a misspelt key does not', async () => {
    const { code, stdout, stderr } = await runSluice(['schema']);
    assert.deepEqual([code, stderr], [0, '']);
    const validate = new Ajv({ strict: false, allErrors: true }).compile(JSON.parse(stdout) as object);
    for (const file of [API_KEYS, 'config/sluice.yaml', 'config/examples/several-rates.yaml']) {
      const value: unknown = parse(readFileSync(`${ROOT}/${file}`, 'utf8'));
      assert.ok(validate(value), `${file}: ${JSON.stringify(validate.errors)}`);
    }
    assert.equal(validate({ upstrems: {} }), false);
  });

  it('does not mind a reader who leaves early', () => {
    const { status, stderr } = inShell('schema', '| head -c 1');
    assert.deepEqual([status, stderr], [0, '']);
  });

  it('says so when its output cannot be written', () => {
    const { status, stderr } = inShell('schema', '> /dev/full');
    assert.equal(status, 2);
    assert.match(stderr, /^sluice: cannot write to standard output: [^\n]*no space left[^\n]*\n$/);
  });
});

describe('sluice explain', { concurrency: 3 }, () => {
  const explain = (...args: string[]) => runSluice(['explain', '--config', API_KEYS, ...args], { env });

  it('tells route, limits, keys and policies of a request', async () => {
    const { code, stdout, stderr } = await explain('-H', 'X-API-Key: k1', 'http://api.example.com/v1/orders?x=1');
    assert.deepEqual([code, stderr], [0, '']);
    assert.match(stdout, /^request {3}GET \/v1\/orders on api\.example\.com from 127\.0\.0\.1$/m);
    assert.match(stdout, /^route {5}\S+$/m);
    assert.match(stdout, /^ {2}key {6}k1$/m);
    assert.match(stdout, /^ {2}policy {3}\d+\/\S+/m);
  });

  it('tells the same as JSON', async () => {
    const { code, stdout } = await explain('--json', '-H', 'X-API-Key: k1', 'http://api.example.com/v1/orders');
    assert.equal(code, 0);
    const { method, route, limits } = JSON.parse(stdout) as {
      method: string;
      route: string;
      limits: { key: string; applies: boolean }[];
    };
    assert.equal(method, 'GET');
    assert.ok(route);
    assert.deepEqual(
      limits.map(({ key, applies }) => [key, applies]),
      [['k1', true]],
    );
  });

  it('says when no route matches', async () => {
    const { code, stdout } = await explain('http://elsewhere.example/');
    assert.equal(code, 0);
    assert.match(stdout, /route {5}none: it would be answered 404/);
  });

  const bad: readonly (readonly [args: readonly string[], said: RegExp])[] = [
    [['http://:80:80/'], /"http:\/\/:80:80\/" is not a URL/],
    [['ftp://x/'], /"ftp:\/\/x\/" is not an http URL/],
    [['/a'], /"\/a" has no host/],
    [[''], /"" is not a URL/],
    [['-H', 'x-api-key', 'http://x/'], /-H "x-api-key" is not a header/],
    [['-H', 'x-api-key: a\nb: c', 'http://x/'], /-H "x-api-key: a\\nb: c" is not a header/],
    [['-X', 'G ET', 'http://x/'], /-X "G ET" is not a method/],
    [['--client-ip', '1.2.3', 'http://x/'], /client address is not an IP address/],
    [['http://x/%00'], /path/],
  ];
  for (const [args, said] of bad) {
    it(`refuses ${JSON.stringify(args.join(' '))} in one line`, async () => {
      const { code, stdout, stderr } = await explain(...args);
      assert.deepEqual([code, stdout], [2, '']);
      assert.match(stderr, said);
      assert.match(stderr, /^sluice: [^\n]*\n$/);
    });
  }

  it('shows what is wrong with the file', async () => {
    const { code, stderr } = await runSluice(['explain', '-c', 'config/invalid/bad-rate.yaml', 'http://x/']);
    assert.equal(code, 1);
    assert.match(stderr, /bad-rate\.yaml:11:19: /);
  });
});
