import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFault } from '../../src/config/faults.ts';
import { loadConfig, loadConfigFile } from '../../src/config/load.ts';
import { FIXTURE_ENV, validExamples } from './fixtures.ts';

for (const { file } of validExamples()) {
  test(`${file} loads`, () => {
    const result = loadConfigFile(file, FIXTURE_ENV);
    assert.deepEqual('faults' in result ? result.faults.map(formatFault) : [], []);
  });
}

test('config/sluice.yaml is what npm start promises: 10 in 10 seconds for an address, on loopback, without Redis', () => {
  const result = loadConfigFile('config/sluice.yaml', FIXTURE_ENV);
  assert.ok('config' in result);
  const { config } = result;
  assert.deepEqual(config.listen, { host: '127.0.0.1', port: 8080 });
  assert.deepEqual(config.admin, { listen: { host: '127.0.0.1', port: 9090 }, token: undefined });
  assert.equal(config.redis, undefined);
  assert.deepEqual(config.upstreams.get('upstream')?.servers, ['http://127.0.0.1:3000']);
  const limit = config.limits.get('per-client');
  assert.ok(limit !== undefined && limit.algorithm === 'sliding-window');
  assert.deepEqual(limit.rates, [{ count: 10, windowMs: 10_000 }]);
  assert.deepEqual(limit.key, [[{ kind: 'ip' }]]);
  assert.equal(limit.sharing, 'local');
});

/** From the design, without what this version does not have; the unquoted reference inside { } matters. */
const DESIGNED = `
listen: 0.0.0.0:8080
admin: { listen: 127.0.0.1:9090, token: \${SLUICE_ADMIN_TOKEN} }   # required unless on loopback
trustedProxies: [10.0.0.0/8]
headers: draft
redis: { url: redis://127.0.0.1:6379, keyPrefix: sluice, timeout: 50ms }
upstreams:
  orders: { servers: [http://10.0.0.1:3000, http://10.0.0.2:3000], timeout: 30s }
routes:
  - match: { host: "*.example.com", path: /v1/*, method: [GET, POST] }
    upstream: orders
    limits: [per-client]
limits:
  per-client:
    key: ["header:x-api-key|ip"]
    rate: 100/1m
    algorithm: sliding-window
    sharing: redis
    onFailure: local
    mode: enforce
    cost: 1
    lease: none
    overrides:
      - { key: "partner-*", rate: 5000/1m }
      - { key: "internal", unlimited: true }
`;

test('the file of the design loads, and every value arrives', () => {
  const result = loadConfig(DESIGNED, 'designed.yaml', FIXTURE_ENV);
  assert.ok('config' in result, 'faults' in result ? result.faults.map(formatFault).join('\n') : '');
  const { config } = result;
  assert.equal(config.admin.token, FIXTURE_ENV.SLUICE_ADMIN_TOKEN);
  assert.deepEqual(config.redis, {
    servers: { kind: 'single', address: { host: '127.0.0.1', port: 6379 }, database: 0 },
    username: undefined,
    password: undefined,
    tls: undefined,
    keyPrefix: 'sluice',
    timeoutMs: 50,
    instances: 1,
  });
  assert.deepEqual(config.routes, [
    {
      name: 'route-1',
      match: { host: '*.example.com', path: '/v1/*', methods: ['GET', 'POST'] },
      upstream: 'orders',
      limits: ['per-client'],
    },
  ]);
  assert.deepEqual(config.limits.get('per-client'), {
    name: 'per-client',
    key: [[{ kind: 'header', name: 'x-api-key' }, { kind: 'ip' }]],
    sharing: 'redis',
    onFailure: 'local',
    mode: 'enforce',
    whenMissing: 'skip',
    cost: 1,
    overrides: [
      {
        key: 'partner-*',
        unlimited: false,
        rates: [{ count: 5000, windowMs: 60_000 }],
        burst: undefined,
        max: undefined,
      },
      { key: 'internal', unlimited: true, rates: undefined, burst: undefined, max: undefined },
    ],
    algorithm: 'sliding-window',
    rates: [{ count: 100, windowMs: 60_000 }],
    buckets: 2,
    burst: undefined,
    lease: 'none',
  });
});
