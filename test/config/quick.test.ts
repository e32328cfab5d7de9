import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { QuickFlags } from '../../src/config/quick.ts';
import { quickConfig } from '../../src/config/quick.ts';
import type { Config } from '../../src/config/types.ts';

const DROP_IN = { upstream: 'http://localhost:3000', limit: '100/1m' };

function configOf(flags: Omit<QuickFlags, 'env'>, env: Record<string, string> = {}): Config {
  const result = quickConfig({ ...flags, env });
  assert.ok('config' in result, 'errors' in result ? result.errors.join('\n') : '');
  return result.config;
}

function errorsOf(flags: Omit<QuickFlags, 'env'>, env: Record<string, string> = {}): readonly string[] {
  const result = quickConfig({ ...flags, env });
  return 'errors' in result ? result.errors : [];
}

function redisHost({ redis }: Config): string | undefined {
  return redis?.servers.kind === 'single' ? redis.servers.address.host : undefined;
}

test('an upstream and a limit are enough', () => {
  const config = configOf(DROP_IN);
  assert.deepEqual(config.listen, { host: '127.0.0.1', port: 8080 });
  assert.deepEqual(config.admin, { listen: { host: '127.0.0.1', port: 9090 }, token: undefined });
  assert.deepEqual([...config.upstreams.keys()], ['upstream']);
  assert.deepEqual(config.upstreams.get('upstream')?.servers, ['http://localhost:3000']);
  assert.deepEqual(config.routes, [
    {
      name: 'default',
      match: { host: undefined, path: undefined, methods: undefined },
      upstream: 'upstream',
      limits: ['per-client'],
    },
  ]);
  const limit = config.limits.get('per-client');
  assert.ok(limit?.algorithm === 'sliding-window');
  assert.deepEqual(limit.rates, [{ count: 100, windowMs: 60_000 }]);
  assert.deepEqual([limit.key, limit.sharing], [[[{ kind: 'ip' }]], 'local']);
});

test('key, several rates, Redis and addresses go where they belong', () => {
  const config = configOf({
    ...DROP_IN,
    limit: '10/1s,100/1m',
    key: 'header:x-api-key|ip, route',
    redis: 'redis://127.0.0.1:6379',
    listen: '0.0.0.0:0',
    admin: '[::1]:9191',
  });
  const limit = config.limits.get('per-client');
  assert.ok(limit?.algorithm === 'sliding-window');
  assert.equal(limit.rates.length, 2);
  assert.deepEqual(limit.key, [[{ kind: 'header', name: 'x-api-key' }, { kind: 'ip' }], [{ kind: 'route' }]]);
  assert.equal(limit.sharing, 'redis');
  assert.equal(redisHost(config), '127.0.0.1');
  assert.deepEqual(config.listen, { host: '0.0.0.0', port: 0 });
  assert.deepEqual(config.admin.listen, { host: '::1', port: 9191 });
});

test('the demonstration needs no flag, and takes them', () => {
  const env = { SLUICE_DEMO_UPSTREAM: 'http://127.0.0.1:4999' };
  const limit = configOf({}, env).limits.get('per-client');
  assert.ok(limit?.algorithm === 'sliding-window');
  assert.deepEqual(limit.rates, [{ count: 10, windowMs: 10_000 }]);
  assert.deepEqual(configOf({ listen: '127.0.0.1:0' }, env).upstreams.get('upstream')?.servers, [
    'http://127.0.0.1:4999',
  ]);
});

test('the environment brings Redis and the admin token, and flags come before it', () => {
  const env = { SLUICE_REDIS_URL: 'redis://10.0.0.1', SLUICE_ADMIN_TOKEN: 'abc' };
  const config = configOf({ ...DROP_IN, admin: '0.0.0.0:9090' }, env);
  assert.equal(redisHost(config), '10.0.0.1');
  assert.equal(config.limits.get('per-client')?.sharing, 'redis');
  assert.equal(config.admin.token, 'abc');
  assert.equal(redisHost(configOf({ ...DROP_IN, redis: 'redis://10.0.0.2' }, env)), '10.0.0.2');
  assert.equal(configOf(DROP_IN, { SLUICE_REDIS_URL: '', SLUICE_ADMIN_TOKEN: '' }).redis, undefined);
});

test('an error is one line that names the flag', () => {
  const cases: [Omit<QuickFlags, 'env'>, RegExp][] = [
    [{}, /^--upstream: missing .*\n--limit: missing /],
    [{ upstream: 'http://localhost:3000' }, /^--limit: missing \(.*--limit 100\/1m\)$/],
    [{ limit: '1/1s' }, /^--upstream: missing/],
    [
      { ...DROP_IN, upstream: 'localhost:3000' },
      /^--upstream: "localhost:3000" .*\(did you mean http:\/\/localhost:3000\?\)$/,
    ],
    [{ ...DROP_IN, limit: '100' }, /^--limit: "100" is not a rate \(.*\)$/],
    [{ ...DROP_IN, limit: '' }, /^--limit: "" is not a rate/],
    [{ ...DROP_IN, limit: '10/1s,100000/1m' }, /^--limit: 100000\/1m can never refuse/],
    [{ ...DROP_IN, key: 'x-api-key' }, /^--key: .*did you mean "header:x-api-key"/],
    [{ ...DROP_IN, key: ['ip', 'global'] }, /^--key: global joined/],
    [{ ...DROP_IN, redis: 'http://user:hunter2@localhost' }, /^--redis: (?!.*hunter2)/],
    [{ ...DROP_IN, listen: '8080' }, /^--listen: "8080" is not an address/],
    [{ ...DROP_IN, admin: '0.0.0.0:9090' }, /^--admin: .*\(set SLUICE_ADMIN_TOKEN, or listen on 127\.0\.0\.1\)$/],
    [{ ...DROP_IN, listen: '127.0.0.1:9090' }, /^--listen: .*both want port 9090/],
    [{ ...DROP_IN, listen: '127.0.0.1:3000' }, /^--upstream: this server is the gateway itself/],
  ];
  for (const [flags, expected] of cases) assert.match(errorsOf(flags).join('\n'), expected);
  assert.match(errorsOf(DROP_IN, { SLUICE_REDIS_URL: 'x:hunter2' }).join('\n'), /^SLUICE_REDIS_URL: (?!.*hunter2)/);
  assert.match(
    errorsOf({ ...DROP_IN, admin: ':1' }, { SLUICE_ADMIN_TOKEN: 'a b' }).join('\n'),
    /--admin: .*\nSLUICE_ADMIN_TOKEN: (?!.*a b)/s,
  );
});

test('what the shell left in a flag is no reference', () => {
  // biome-ignore lint/suspicious/noTemplateCurlyInString: as a shell passes it in single quotes
  assert.match(errorsOf({ ...DROP_IN, limit: '${RATE}' }, { RATE: '1/1s' }).join(), /^--limit: /);
});
