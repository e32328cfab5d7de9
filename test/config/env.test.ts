// biome-ignore-all lint/suspicious/noTemplateCurlyInString: references to the environment are what is tested
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EnvMask } from '../../src/config/env.ts';
import { formatFault } from '../../src/config/faults.ts';
import { loadConfig } from '../../src/config/load.ts';
import { SMALL } from './fixtures.ts';

const load = (head: string, env: Record<string, string>) => {
  const result = loadConfig(head + SMALL, 'f', env);
  return 'config' in result ? result.config : result.faults.map(formatFault);
};

test('a reference works unquoted, quoted, inside { } and [ ], and as part of a text', () => {
  for (const head of [
    'listen: ${HOST}:${PORT}\n',
    'listen: "${HOST}:${PORT}"\n',
    "listen: '${HOST}:${PORT}'\n",
    '{ listen: ${HOST}:${PORT} }\n',
  ]) {
    const text = head.startsWith('{') ? head.replace(' }', `, ${JSON.stringify(FLOW).slice(1)}`) : head + SMALL;
    const result = loadConfig(text, 'f', { HOST: '127.0.0.1', PORT: '81' });
    assert.ok('config' in result, 'faults' in result ? result.faults.map(formatFault).join('\n') : '');
    assert.deepEqual(result.config.listen, { host: '127.0.0.1', port: 81 });
  }
});

const FLOW = {
  upstreams: { api: { servers: ['http://127.0.0.1:3000'] } },
  routes: [{ upstream: 'api' }],
};

test('numbers and switches may come from the environment', () => {
  const config = load(
    'memory: { maxKeys: ${N} }\nlog: { access: ${SHARE} }\nserver: { maxHeaderBytes: ${SIZE}, requestTimeout: ${T} }\n',
    {
      N: '77',
      SHARE: '0.5',
      SIZE: '2048',
      T: '3s',
    },
  );
  assert.ok(!Array.isArray(config) && 'memory' in config);
  assert.deepEqual([config.memory.maxKeys, config.log.access], [77, 0.5]);
  assert.deepEqual([config.server.maxHeaderBytes, config.server.requestTimeoutMs], [2048, 3000]);
});

test('a value cannot bring structure, references or quotes with it', () => {
  for (const value of ['a, listen: 1', '"', "'", '${OTHER}', '#', '\n', '{', '*x', 'null', '1']) {
    const config = load('admin: { token: ${T} }\n', { T: value });
    if (/^[\x21-\x7e]+$/.test(value))
      assert.ok(!Array.isArray(config) && 'admin' in config && config.admin.token === value);
    else assert.deepEqual(config, ['f:1:17: "${T}" does not hold text']);
  }
});

test('$${ is a literal ${', () => {
  const mask = new EnvMask('a: "$${NAME} and $${ and $$x ${NAME}"');
  const value = mask.masked.slice(4, -1);
  assert.deepEqual(mask.substitute(value, { NAME: 'v' }), {
    kind: 'text',
    text: '${NAME} and ${ and $$x v',
    referred: true,
  });
  assert.deepEqual(load('headers: "$${H}"\n', {}), [
    'f:1:10: "$${H}" is not one of the words allowed here (one of draft, legacy, both, none)',
  ]);
});

test('an unset variable, and what is no variable, are faults; an empty one is a value', () => {
  assert.deepEqual(load('headers: ${H}\n', {}), [
    'f:1:10: the environment variable H is not set (a literal ${ is written $${)',
  ]);
  assert.deepEqual(load('headers: ${1H}\n', {}), [
    'f:1:10: ${1H} is not an environment variable (write ${NAME}; a literal ${ is written $${)',
  ]);
  assert.deepEqual(load('headers: "${"\n', {}), [
    'f:1:10: ${ is not an environment variable (write ${NAME}; a literal ${ is written $${)',
  ]);
  assert.deepEqual(load('admin: { token: ${EMPTY} }\n', { EMPTY: '' }), ['f:1:17: "${EMPTY}" does not hold text']);
  assert.deepEqual(load('headers: ${toString}\n', {}).toString().includes('not set'), true);
});

test('names of sections and comments are left alone', () => {
  assert.ok(!Array.isArray(load('# ${UNSET}\n', {})));
  assert.deepEqual(load('${K}: 1\n', { K: 'headers' }), [
    'f:1:1: unknown key "${K}" (known here: listen, admin, trustedProxies, headers, server, shutdownDelay, shutdownTimeout, log, memory, redis, peers, etcd, tracing, upstreams, routes, limits)',
  ]);
});

test('a faulty value from the environment is named, not shown', () => {
  const head =
    'listen: ${SECRET}\nheaders: ${SECRET}\nmemory: { maxKeys: ${SECRET} }\ntrustedProxies: [${SECRET}]\nredis: { url: ${SECRET} }\n';
  const text =
    head +
    SMALL.replace('upstream: api', 'upstream: ${SECRET}')
      .replace('100/1m', '${SECRET}')
      .replace('key: ip', 'key: ${SECRET}');
  const result = loadConfig(text, 'f', { SECRET: 'hunter2' });
  assert.ok('faults' in result);
  assert.equal(result.faults.length, 8, result.faults.map(formatFault).join('\n'));
  assert.ok(!result.faults.map(formatFault).join('\n').includes('hunter2'));
});

test('masking keeps every position and can be undone, whatever the text', () => {
  const piece = fc.constantFrom('$', '{', '}', '$${', '${A}', '${', 'x', '\n', '"', ',', '\uE000', '\uE003', '€');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      const text = pieces.join('');
      const mask = new EnvMask(text);
      assert.equal(mask.masked.length, text.length);
      assert.equal(mask.unmask(mask.masked), text);
      if (!text.includes('${')) assert.equal(mask.masked, text);
    }),
  );
});
