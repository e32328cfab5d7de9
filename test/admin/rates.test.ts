import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { ratesBetween } from '../../src/admin/page/rates.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import { requestEvent } from '../metrics/events.ts';

describe('rates out of two sums', () => {
  it('are what happened in between, a second', () => {
    const metrics = createMetrics({ version: '1' });
    metrics.declare({ routes: [], limits: [{ name: 'a', sharing: 'redis', onFailure: 'local' }], upstreams: [] });
    const { telemetry } = metrics;
    telemetry.decision('a', 'redis', 'allowed');
    telemetry.decisionTime('redis', 5);
    telemetry.storeError('timeout');
    const before = metrics.totals();
    for (let i = 0; i < 6; i++) telemetry.decision('a', 'redis', 'allowed');
    for (let i = 0; i < 3; i++) telemetry.decision('a', 'redis', 'local_denial');
    telemetry.decision('a', 'redis', 'denied');
    telemetry.decision('a', 'redis', 'shadow_denied');
    telemetry.requestFinished(requestEvent({ outcome: 'error' }));
    telemetry.fallback('a', 'local');
    telemetry.storeRoundtrip(0.0015, 1);
    telemetry.storeError('timeout');
    telemetry.storeError('connection');
    const rates = ratesBetween(before, metrics.totals(), 2);
    metrics.close();
    assert.deepEqual(rates.limits.get('a'), { allowed: 3, denied: 2, shadowDenied: 0.5 });
    assert.deepEqual(rates.requests, { allowed: 0, denied: 0, shadowDenied: 0, error: 0.5 });
    assert.deepEqual([rates.storeCalls, rates.storeErrors, rates.fallbacks], [0.5, 1, 0.5]);
    assert.equal(rates.decisionSeconds, undefined, 'what was before is not in it');
    const { p50, p99 } = rates.storeSeconds ?? { p50: 0, p99: 0 };
    assert.ok(p50 > 0.001 && p50 <= p99 && p99 <= 0.002, `${p50} ${p99}: within the bucket`);
  });

  it('are none at first', () => {
    const metrics = createMetrics({ version: '1' });
    const totals = metrics.totals();
    metrics.close();
    const { seconds, requests, storeSeconds } = ratesBetween(totals, totals, 0);
    assert.deepEqual([seconds, requests.allowed, storeSeconds], [0, 0, undefined]);
  });

  it('put a quantile above the last bound at that bound, and tell slow ones from fast ones', () => {
    const metrics = createMetrics({ version: '1' });
    const before = metrics.totals();
    for (let i = 0; i < 99; i++) metrics.telemetry.decisionTime('local', 0.00001);
    metrics.telemetry.decisionTime('local', 7);
    metrics.telemetry.decisionTime('local', 7);
    const { decisionSeconds } = ratesBetween(before, metrics.totals(), 1);
    metrics.close();
    assert.ok((decisionSeconds?.p50 ?? 1) <= 0.00002);
    assert.equal(decisionSeconds?.p99, 1);
  });
});
