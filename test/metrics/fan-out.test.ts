import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Telemetry } from '../../src/core/telemetry.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { fanOut } from '../../src/metrics/fan-out.ts';
import { requestEvent } from './events.ts';

/** Every method, with one call of it. */
const CALLS: { readonly [M in keyof Telemetry]: Parameters<Telemetry[M]> } = {
  requestFinished: [requestEvent()],
  decision: ['limit', 'redis', 'denied'],
  limitUsed: ['limit', 0.9],
  decisionTime: ['local', 0.1],
  fallback: ['limit', 'deny'],
  leased: ['limit', 2],
  leaseUnits: ['limit', 'returned', 3],
  storeRoundtrip: [0.1, 3],
  storeError: ['timeout'],
  circuit: ['open'],
  configReload: ['success'],
  evicted: ['local'],
  upstreamEjected: ['shop', 'http://10.0.0.1'],
  upstreamRetry: ['shop'],
  peerMessage: ['gossip', 'sent', 120],
  peerRefused: ['replayed'],
  staleness: ['mesh', 0.2],
  traceSpans: ['dropped', 4],
};

function recorder(heard: unknown[]): Telemetry {
  const listener: Record<string, unknown> = {};
  for (const method of Object.keys(silentTelemetry)) {
    listener[method] = (...args: unknown[]) => heard.push([method, args]);
  }
  return listener as unknown as Telemetry;
}

describe('fan-out', () => {
  it('tells every listener everything, in order, with the same arguments', () => {
    const heard: [unknown[], unknown[]] = [[], []];
    const all = fanOut(recorder(heard[0]), recorder(heard[1]));
    for (const [method, args] of Object.entries(CALLS)) {
      (all[method as keyof Telemetry] as (...a: readonly unknown[]) => void)(...args);
    }
    const expected = Object.entries(CALLS);
    assert.deepEqual(Object.keys(CALLS).sort(), Object.keys(silentTelemetry).sort());
    assert.deepEqual(heard, [expected, expected]);
  });

  it('gets out of the way of a single listener', () => {
    assert.equal(fanOut(silentTelemetry), silentTelemetry);
  });
});
