import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../src/config/load.ts';
import { SMALL } from './fixtures.ts';

function codesOf(text: string): string[] {
  const result = loadConfig(text, 'f', {});
  return 'faults' in result ? result.faults.map((fault) => `${fault.line}:${fault.column} ${fault.code}`) : [];
}

const limit = (settings: string): string =>
  `${SMALL.slice(0, SMALL.indexOf('  per-client:'))}  per-client: { ${settings} }\n`;
const routes = (...matches: string[]): string =>
  `upstreams: { u: { servers: [http://127.0.0.1:1] } }\nroutes:\n${matches.map((m) => `  - { match: { ${m} }, upstream: u }`).join('\n')}\n`;

test('unusual limits that work are left alone', () => {
  for (const settings of [
    'key: "header:x-tenant|global", rate: 1/1s',
    'key: [ip, "header:x-tenant|global"], rate: 1/1s',
    'key: [ip, header:x-tenant], rate: 1/1s, whenMissing: deny',
    'key: [ip, route, path, method, host], rate: 1/1s',
    'key: ip, rate: [10/1s, 100/1m, 1000/1h], buckets: 60',
    'key: ip, rate: [10/1s, 100/1m], algorithm: token-bucket',
    'key: ip, rate: 10/1s, algorithm: token-bucket, burst: 1',
    'key: ip, rate: 10/1s, algorithm: token-bucket, burst: 500, cost: 500',
    'key: ip, rate: 10/1s, cost: 10',
    'key: ip, rate: 10/1s, cost: header:x-cost',
    'key: ip, max: 1, algorithm: concurrency, cost: 1',
    'key: ip, rate: 1000000/1d, algorithm: fixed-window',
    'key: ip, rate: 10/59ms, buckets: 60',
    'key: ip, rate: 1/1m, overrides: [{ key: a, rate: 5/1m }, { key: "a*", rate: 4/1m }, { key: "*a", rate: 3/1m }, { key: b, unlimited: true }]',
    'key: ip, rate: 1/1m, algorithm: token-bucket, overrides: [{ key: a, burst: 7 }, { key: b, rate: 2/1m, burst: 7 }, { key: c, rate: [1/1s, 10/1m] }]',
  ]) {
    assert.deepEqual(codesOf(limit(settings)), [], settings);
  }
});

test('a limit is judged by the numbers that each override leaves in force', () => {
  const cases: Record<string, string> = {
    'key: ip, rate: 10/1s, cost: 5, overrides: [{ key: a, rate: 3/1s }]': 'cost-too-high',
    'key: ip, rate: 10/1s, cost: 5, algorithm: token-bucket, overrides: [{ key: a, burst: 3 }]': 'cost-too-high',
    'key: ip, rate: 10/1s, overrides: [{ key: a, rate: [10/1s, 100000/1m] }]': 'idle-rate',
    'key: ip, rate: 10/1s, overrides: [{ key: a, rate: [10/1s, 11/1000ms] }]': 'same-window',
    'key: ip, rate: 10/1s, buckets: 60, overrides: [{ key: a, rate: 10/58ms }]': 'short-window',
    'key: ip, rate: 10/1s, overrides: [{ key: a, rate: 9007199254740991/1s }]': 'beyond-exact',
    'key: ip, rate: [1/1s, 20/1m], algorithm: token-bucket, overrides: [{ key: a, burst: 7 }]': 'burst-with-rates',
    'key: ip, rate: 1/1s, algorithm: token-bucket, burst: 3, overrides: [{ key: a, rate: [1/1s, 20/1m], burst: 7 }]':
      'burst-with-rates',
    'key: ip, rate: 1/1s, overrides: [{ key: a, max: 3 }]': 'other-algorithm',
    'key: ip, rate: 1/1s, overrides: [{ key: "a*b", rate: 2/1s }, { key: "a**b", rate: 3/1s }]': 'hidden-override',
    'key: ip, rate: 1/1s, overrides: [{ key: "**", rate: 2/1s }]': 'never-refuses',
  };
  for (const [settings, code] of Object.entries(cases)) {
    assert.deepEqual(
      codesOf(limit(settings)).map((at) => at.split(' ')[1]),
      [code],
      settings,
    );
  }
});

test('two listeners collide where the system would refuse the second one', () => {
  const listeners = (listen: string, admin: string): string[] =>
    codesOf(`listen: "${listen}"\nadmin: { listen: "${admin}", token: t }\n${SMALL}`).map(
      (at) => at.split(' ')[1] ?? '',
    );
  for (const [a, b] of [
    ['127.0.0.1:1', '127.0.0.1:1'],
    ['0.0.0.0:1', '127.0.0.1:1'],
    ['127.0.0.1:1', '[::]:1'],
    ['localhost:1', '127.0.0.1:1'],
    ['[::1]:1', '[0:0::1]:1'],
  ] as const) {
    assert.deepEqual(listeners(a, b), ['same-port'], `${a} ${b}`);
  }
  for (const [a, b] of [
    ['127.0.0.1:0', '127.0.0.1:0'],
    ['127.0.0.1:1', '127.0.0.1:2'],
    ['10.0.0.1:1', '127.0.0.1:1'],
    ['[::1]:1', '127.0.0.1:1'],
  ] as const) {
    assert.deepEqual(listeners(a, b), [], `${a} ${b}`);
  }
});

test('only loopback may do without an admin token', () => {
  const codes = (admin: string): string[] => codesOf(`admin: { listen: "${admin}" }\n${SMALL}`);
  for (const loopback of ['127.0.0.1:1', '127.9.9.9:1', '[::1]:1', '[0:0::1]:1', 'localhost:1'])
    assert.deepEqual(codes(loopback), []);
  for (const open of [
    '0.0.0.0:1',
    '[::]:1',
    '10.0.0.1:1',
    'example.com:1',
    '127.example.com:1',
    '[::ffff:10.0.0.1]:1',
  ]) {
    assert.deepEqual(codes(open), ['1:18 open-admin'], open);
  }
});

test('an upstream that is the gateway itself is a loop, however it is written', () => {
  const codes = (listen: string, server: string): string[] =>
    codesOf(`listen: "${listen}"\n${SMALL.replace('http://127.0.0.1:3000', `"${server}"`)}`).map(
      (at) => at.split(' ')[1] ?? '',
    );
  for (const [listen, server] of [
    ['127.0.0.1:8080', 'http://localhost:8080'],
    ['0.0.0.0:8080', 'http://127.0.0.1:8080'],
    ['0.0.0.0:80', 'http://localhost'],
    ['[::]:443', 'https://[::1]'],
    ['api.internal:8080', 'http://API.internal:8080/'],
  ] as const) {
    assert.deepEqual(codes(listen, server), ['upstream-loop'], `${listen} ${server}`);
  }
  for (const [listen, server] of [
    ['127.0.0.1:8080', 'http://127.0.0.1:8081'],
    ['127.0.0.1:8080', 'http://10.0.0.1:8080'],
    ['0.0.0.0:8080', 'http://api.internal:8080'],
  ] as const) {
    assert.deepEqual(codes(listen, server), [], `${listen} ${server}`);
  }
});

test('a route is unreachable only when earlier ones take all of it', () => {
  const reachable = [
    routes('path: /a', 'path: /a/*', 'path: /*'),
    routes('method: GET', 'method: POST', 'path: /a'),
    routes('host: a.com', 'host: "*.a.com"', 'host: b.com', 'path: /*'),
    routes('host: a.com, path: /x', 'host: a.com', 'path: /x'),
    routes('path: /a/*, method: GET', 'path: /a/*'),
  ];
  for (const text of reachable) assert.deepEqual(codesOf(text), [], text);
  const unreachable = [
    routes('path: /a/*', 'path: /a'),
    routes('path: /*', 'path: /a'),
    routes('host: "*.a.com"', 'host: "*.b.a.com", path: /x'),
    routes('host: A.com', 'host: a.COM'),
    routes('method: [GET, HEAD]', 'method: HEAD'),
    routes('path: /a', 'path: /a'),
  ];
  for (const text of unreachable) assert.deepEqual(codesOf(text), ['4:5 shadowed-route'], text);
});

test('a limit of a shadowed route is used all the same: one mistake, one fault', () => {
  const text = `${SMALL.replace('    limits: [per-client]\n', '  - match: { path: /a }\n    upstream: api\n    limits: [per-client]\n')}`;
  assert.deepEqual(codesOf(text), ['6:5 shadowed-route']);
});
