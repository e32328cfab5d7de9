import assert from 'node:assert/strict';
import { test } from 'node:test';
import { diffConfigs } from '../../src/config/diff.ts';
import { formatFault } from '../../src/config/faults.ts';
import { loadConfig } from '../../src/config/load.ts';
import { planReload } from '../../src/config/plan.ts';
import type { Config } from '../../src/config/types.ts';
import { SMALL } from './fixtures.ts';

function config(text: string): Config {
  const result = loadConfig(text, 'f', {});
  assert.ok('config' in result, 'faults' in result ? result.faults.map(formatFault).join('\n') : '');
  return result.config;
}

const before = config(SMALL);
const said = (text: string, from = before): string[] =>
  diffConfigs(from, config(text)).map((change) => (change.needsRestart ? `${change.text} (restart)` : change.text));

test('two files that mean the same do not differ', () => {
  assert.deepEqual(said(`# a comment\nheaders: draft\n${SMALL.replace('100/1m', '100/60s')}`), []);
});

test('changed settings are said with what they were', () => {
  assert.deepEqual(said(`headers: both\n${SMALL.replace('100/1m', '[10/1s, 200/1m]')}    cost: 2\n`), [
    'headers draft → both',
    'limit per-client: cost 1 → 2',
    'limit per-client: rate 100/1m → [10/1s, 200/1m]',
  ]);
});

test('things come, go and change their order', () => {
  const two = `${SMALL.replace('  - upstream: api', '  - name: first\n    match: { path: /a }\n    upstream: api\n  - name: second\n    upstream: api')}`;
  assert.deepEqual(said(two), ['route first added', 'route second added', 'route route-1 removed']);
  const a =
    'routes:\n  - { name: a, match: { path: /a }, upstream: u }\n  - { name: b, match: { path: /b }, upstream: u }\n';
  const b =
    'routes:\n  - { name: b, match: { path: /b }, upstream: u }\n  - { name: a, match: { path: /a }, upstream: u }\n';
  const u = 'upstreams: { u: { servers: [http://127.0.0.1:1] } }\n';
  assert.deepEqual(said(u + b, config(u + a)), ['routes in another order']);
});

test('what needs a restart says so', () => {
  const head =
    'listen: 127.0.0.1:81\nadmin: { listen: 127.0.0.1:82 }\nserver: { maxBodyBytes: 1MiB }\nlog: { access: off }\nmemory: { maxKeys: 5 }\n';
  assert.deepEqual(said(head + SMALL), [
    'listen 127.0.0.1:8080 → 127.0.0.1:81 (restart)',
    'admin.listen 127.0.0.1:9090 → 127.0.0.1:82 (restart)',
    'server.maxBodyBytes none → 1MiB (restart)',
    'log.access 1 → off (restart)',
    'memory.maxKeys 1000000 → 5 (restart)',
  ]);
});

test('neither secrets nor the keys of clients are shown', () => {
  const text = (n: number): string =>
    `admin: { token: secret${n} }\nredis: { url: "redis://:secret${n}@h" }\n${SMALL}    overrides: [{ key: secret${n}, rate: 1/1s }]\n`;
  assert.deepEqual(said(text(2), config(text(1))), [
    'admin.token changed (restart)',
    'redis.password changed (restart)',
    'limit per-client: overrides changed',
  ]);
  assert.deepEqual(
    said(text(1)).filter((line) => /secret/.test(line)),
    [],
  );
  assert.ok(said(text(1)).includes('admin.token set (restart)'));
});

test('a reload keeps what is built in and takes the rest', () => {
  const loaded = config(`listen: 127.0.0.1:81\nadmin: { token: t }\nheaders: none\n${SMALL.replace('100/1m', '7/1m')}`);
  const plan = planReload(before, loaded);
  assert.ok('config' in plan);
  assert.deepEqual([plan.config.listen, plan.config.admin], [before.listen, before.admin]);
  assert.deepEqual([plan.config.headers, plan.config.limits], ['none', loaded.limits]);
  assert.deepEqual(plan.changes, diffConfigs(before, loaded));
});

test('what waits for a restart is told once', () => {
  const loaded = config(`listen: 127.0.0.1:81\n${SMALL}`);
  const first = planReload(before, loaded);
  assert.ok('config' in first);
  assert.deepEqual(
    first.changes.map((change) => change.needsRestart),
    [true],
  );
  const second = planReload(first.config, loaded, loaded);
  assert.ok('config' in second);
  assert.deepEqual(second.changes, []);
});

test('a reload that would need a Redis which is not there is refused', () => {
  const plan = planReload(before, config(`redis: { url: redis://h }\n${SMALL}`));
  assert.ok('refused' in plan);
  assert.match(plan.refused, /^limit per-client is shared through Redis, .*restart/);
  assert.ok('config' in planReload(before, config(`redis: { url: redis://h }\n${SMALL}    sharing: local\n`)));
});

test('tracing waits for a restart, and what its header fields hold is never said', () => {
  const block = (key: string, sample: number): string =>
    `${SMALL}tracing: { endpoint: http://127.0.0.1:4318, sample: ${sample}, headers: { x-key: ${key} } }\n`;
  assert.deepEqual(said(block('hush', 0.5), config(block('secret', 1))), [
    'tracing.sample 1 → 0.5 (restart)',
    'tracing.headers changed (restart)',
  ]);
  const plan = planReload(before, config(block('hush', 1)));
  assert.ok('config' in plan && plan.config.tracing === undefined);
});
