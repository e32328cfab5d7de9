import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { summariseLimits } from '../../src/admin/limit-summary.ts';
import type { Config, LimitConfig } from '../../src/config/types.ts';

const BASE = {
  key: [[{ kind: 'header', name: 'x-api-key' }, { kind: 'ip' }], [{ kind: 'path' }]],
  sharing: 'redis',
  onFailure: 'local',
  mode: 'shadow',
  whenMissing: 'skip',
  cost: 1,
  overrides: [{ key: 'partner-*', unlimited: true, rates: undefined, burst: undefined, max: undefined }],
} as const;

const LIMITS: readonly LimitConfig[] = [
  {
    ...BASE,
    name: 'per-client',
    algorithm: 'sliding-window',
    rates: [
      { count: 10, windowMs: 1000 },
      { count: 1000, windowMs: 3_600_000 },
    ],
    buckets: 2,
    burst: undefined,
    lease: 'none',
  },
  { ...BASE, name: 'parallel', algorithm: 'concurrency', max: 5, leaseMs: 30_000 },
];

describe('the summary of limits', () => {
  it('shows each as its configuration writes it, with the routes that use it', () => {
    const route = (name: string, limits: string[]) => ({
      name,
      match: { host: undefined, path: undefined, methods: undefined },
      upstream: 'shop',
      limits,
    });
    const config = {
      limits: new Map(LIMITS.map((limit) => [limit.name, limit])),
      routes: [route('orders', ['per-client', 'parallel']), route('rest', ['per-client'])],
    } as unknown as Config;
    const common = {
      key: ['header:x-api-key|ip', 'path'],
      sharing: 'redis',
      mode: 'shadow',
      onFailure: 'local',
      overrides: 1,
    };
    assert.deepEqual(summariseLimits(config), [
      {
        ...common,
        name: 'per-client',
        rates: ['10/1s', '1000/1h'],
        max: undefined,
        algorithm: 'sliding-window',
        routes: ['orders', 'rest'],
      },
      { ...common, name: 'parallel', rates: [], max: 5, algorithm: 'concurrency', routes: ['orders'] },
    ]);
  });
});
