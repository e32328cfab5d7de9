import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatFault } from '../../src/config/faults.ts';
import { loadConfig, loadConfigFile, MAX_CONFIG_BYTES } from '../../src/config/load.ts';
import type { Config } from '../../src/config/types.ts';
import { SMALL } from './fixtures.ts';

function faultsOf(text: string, env: Record<string, string> = {}): string[] {
  const result = loadConfig(text, 'f', env);
  return 'faults' in result ? result.faults.map(formatFault) : [];
}

function configOf(text: string, env: Record<string, string> = {}): Config {
  const result = loadConfig(text, 'f', env);
  assert.ok('config' in result, 'faults' in result ? result.faults.map(formatFault).join('\n') : '');
  return result.config;
}

/** Only `line:column` of each fault. */
const placesOf = (text: string, env?: Record<string, string>): string[] =>
  faultsOf(text, env).map((fault) => fault.split(':').slice(1, 3).join(':'));

test('the smallest file gets the documented defaults', () => {
  const config = configOf(SMALL);
  assert.deepEqual(config.listen, { host: '127.0.0.1', port: 8080 });
  assert.deepEqual(config.admin, { listen: { host: '127.0.0.1', port: 9090 }, token: undefined });
  assert.deepEqual(config.server, {
    headersTimeoutMs: 10_000,
    requestTimeoutMs: 300_000,
    keepAliveTimeoutMs: 65_000,
    streamIdleTimeoutMs: 300_000,
    maxHeaderBytes: 16_384,
    maxHeaderCount: 100,
    maxBodyBytes: undefined,
    maxConnections: 10_000,
  });
  assert.deepEqual(config.log, { level: 'info', access: 1 });
  assert.deepEqual(config.memory, { maxKeys: 1_000_000 });
  assert.deepEqual([config.shutdownDelayMs, config.shutdownTimeoutMs], [0, 25_000]);
  assert.equal(config.headers, 'draft');
  assert.deepEqual(config.trustedProxies, []);
  assert.equal(config.redis, undefined);
  assert.deepEqual(config.upstreams.get('api'), {
    name: 'api',
    servers: ['http://127.0.0.1:3000'],
    timeoutMs: 30_000,
    connectTimeoutMs: 2_000,
    bodyTimeoutMs: 300_000,
    maxConnections: 256,
    retries: 1,
    ejectAfter: 5,
    ejectForMs: 10_000,
    preserveHost: true,
  });
});

test('a configuration is frozen all through', () => {
  const config = configOf(SMALL);
  assert.ok(Object.isFrozen(config) && Object.isFrozen(config.server) && Object.isFrozen(config.routes[0]?.match));
  assert.ok(Object.isFrozen(config.limits.get('per-client')?.key));
});

test('limits are shared through Redis where there is a redis block, unless they say otherwise', () => {
  const redis = 'redis: { url: redis://127.0.0.1 }\n';
  assert.equal(configOf(SMALL).limits.get('per-client')?.sharing, 'local');
  assert.equal(configOf(redis + SMALL).limits.get('per-client')?.sharing, 'redis');
  assert.equal(configOf(`${redis}${SMALL}    sharing: local\n`).limits.get('per-client')?.sharing, 'local');
});

test('a concurrency limit gets its lease', () => {
  const config = configOf(SMALL.replace('rate: 100/1m', 'algorithm: concurrency\n    max: 3'));
  const limit = config.limits.get('per-client');
  assert.ok(limit?.algorithm === 'concurrency');
  assert.deepEqual([limit.max, limit.leaseMs], [3, 30_000]);
});

test('methods, hosts and header names come out in one case, addresses and blocks in one spelling', () => {
  const match = 'match: { method: [get], host: "*.EXAMPLE.com" }\n    upstream';
  const config = configOf(
    `trustedProxies: ["2001:DB8:0::/32", 10.0.0.1]\n${SMALL.replace('upstream: api', `${match}: api`).replace('key: ip', 'key: header:X-Api-Key')}`,
  );
  assert.deepEqual(config.routes[0]?.match, { host: '*.example.com', path: undefined, methods: ['GET'] });
  assert.deepEqual(config.limits.get('per-client')?.key, [[{ kind: 'header', name: 'x-api-key' }]]);
  assert.deepEqual(config.trustedProxies, ['2001:db8::/32', '10.0.0.1/32']);
});

test('all faults come at once, in the order of the file', () => {
  const text = `listen: nowhere
headers: drft
upstreams:
  api: { servers: [ftp://127.0.0.1], timeout: 1x }
routes:
  - upstream: apu
    limits: [per-client, per-user]
limits:
  per-client: { key: ip, rate: [1/1s, 5/1s] }
`;
  assert.deepEqual(placesOf(text), ['1:9', '2:10', '4:20', '4:47', '6:15', '7:26', '9:39']);
});

test('one mistake is one fault', () => {
  const once = (text: string): void => assert.equal(faultsOf(text).length, 1, faultsOf(text).join('\n'));
  // A misspelt heading makes neither its section missing nor the names in it unknown.
  once(SMALL.replace('limits:\n  per', 'limts:\n  per'));
  once(SMALL.replace('upstreams:', 'upstream:'));
  once(SMALL.replace('routes:', 'route:'));
  once(`reddis: { url: redis://127.0.0.1 }\n${SMALL}    sharing: redis\n`);
  // A section of the wrong type, or an entry that could not be read, makes nothing unknown.
  once(SMALL.replace(/limits:\n {2}per.*/s, 'limits: none\n'));
  once(SMALL.replace('rate: 100/1m', 'rate: 100'));
  once(SMALL.replace('  per-client:', '  per client:'));
  // A renamed limit is not an unknown and an unused one.
  once(SMALL.replace('[per-client]', '[per-user]'));
  // A misspelt key of a route hides what it names.
  once(SMALL.replace('limits: [', 'limit: ['));
  // A bad admin block is not also open.
  once(`admin: { listen: 0.0.0.0:9090, tokn: x }\n${SMALL}`);
});

test('names that are defined in a broken entry still exist', () => {
  const text = SMALL.replace('[http://127.0.0.1:3000]', '[nonsense]').replace('rate: 100/1m', 'rate: never');
  assert.deepEqual(placesOf(text), ['3:15', '10:11']);
});

test('what stands before a syntax error is checked, what comes after is not guessed at', () => {
  assert.deepEqual(placesOf(`listne: x\nheaders: drft\n${SMALL}}\nnot: { known: [\n`), ['1:1', '2:10', '13:1']);
});

test('an unclosed quote is reported where it opens', () => {
  assert.deepEqual(faultsOf(`${SMALL}headers: "draft\n`), ['f:11:10: this " is never closed']);
});

test('a syntax error does not quote the file', () => {
  const said = faultsOf(`admin: { token: *hunter2 }\n${SMALL}`).concat(faultsOf(`admin:\n  token: "hunter2\n`));
  assert.equal(said.length, 2);
  assert.ok(!said.join().includes('hunter2'));
});

test('anchors, aliases and merge keys work; own keys come before merged ones', () => {
  const config = configOf(`upstreams:
  a: &defaults { servers: &list [http://127.0.0.1:1], timeout: 1s, retries: 3 }
  b: { <<: *defaults, timeout: 2s }
  c: { <<: [{ retries: 0 }, *defaults] }
  d: { servers: *list }
routes:
  - { match: { path: /a }, upstream: a }
  - { match: { path: /b }, upstream: b }
  - { match: { path: /c }, upstream: c }
  - { upstream: d }
`);
  const seen = [...config.upstreams.values()].map(({ servers, timeoutMs, retries }) => [
    servers[0],
    timeoutMs,
    retries,
  ]);
  assert.deepEqual(seen, [
    ['http://127.0.0.1:1', 1000, 3],
    ['http://127.0.0.1:1', 2000, 3],
    ['http://127.0.0.1:1', 1000, 0],
    ['http://127.0.0.1:1', 30_000, 1],
  ]);
});

test('a fault behind an alias is reported once, where it is written', () => {
  const text = `upstreams:
  a: &a { servers: [http://127.0.0.1:1], timeout: soon }
  b: *a
routes:
  - { match: { path: /a }, upstream: a }
  - { upstream: b }
`;
  assert.deepEqual(placesOf(text), ['2:51']);
});

test('a file may start with a byte order mark and have CRLF line ends', () => {
  configOf(`\uFEFF${SMALL.replaceAll('\n', '\r\n')}`);
  assert.deepEqual(placesOf(`\uFEFFheaders: drft\r\n${SMALL.replaceAll('\n', '\r\n')}    cost: 0\r\n`), [
    '1:10',
    '12:11',
  ]);
});

test('a name that every object has is an ordinary name', () => {
  const config = configOf(SMALL.replaceAll('per-client', 'constructor'));
  assert.ok(config.limits.has('constructor'));
  assert.deepEqual(placesOf(SMALL.replace('[per-client]', '[toString, per-client]')), ['6:14']);
  assert.deepEqual(placesOf(`__proto__: {}\n${SMALL}`), ['1:1']);
});

test('a file that is not there, a directory and a file that is too large are faults, not exceptions', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-config-'));
  t.after(() => rmSync(directory, { recursive: true }));
  const said = (file: string): string[] => {
    const result = loadConfigFile(file, {});
    return 'faults' in result ? result.faults.map((fault) => formatFault(fault).replace(directory, 'D')) : [];
  };
  assert.deepEqual(said(join(directory, 'no.yaml')), ['D/no.yaml: cannot be read: there is no such file']);
  assert.deepEqual(said(directory), ['D: cannot be read: it is a directory']);
  writeFileSync(join(directory, 'big.yaml'), `${SMALL}#${'x'.repeat(MAX_CONFIG_BYTES)}\n`);
  assert.deepEqual(said(join(directory, 'big.yaml')), ['D/big.yaml:1:1: the file is larger than 8MiB']);
});

test('a message stays on one line and cannot steer a terminal', () => {
  assert.deepEqual(faultsOf(`"a\\nb\\e[2J\\u202E": 1\n${SMALL}`), [
    'f:1:1: unknown key "a\\u000ab\\u001b[2J\\u202e" (known here: listen, admin, trustedProxies, headers, server, shutdownDelay, shutdownTimeout, log, memory, redis, peers, etcd, tracing, upstreams, routes, limits)',
  ]);
  assert.match(faultsOf(`headers: "dr\\u2028ft\\e"\n${SMALL}`).join('|'), /^f:1:10: "[\x20-\x7e]+" is not one of /);
});

test('a large but honest file loads in reasonable time', () => {
  const overrides = Array.from({ length: 2_000 }, (_, i) => `      - { key: "client-${i}", rate: ${i + 1}/1m }`);
  const config = configOf(`${SMALL}    overrides:\n${overrides.join('\n')}\n`);
  assert.equal(config.limits.get('per-client')?.overrides.length, 2_000);
});
