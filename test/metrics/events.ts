import type { RequestEvent } from '../../src/core/telemetry.ts';

/** A request that went well, with whatever a test wants different. */
export function requestEvent(changes: Partial<RequestEvent> = {}): RequestEvent {
  return {
    route: 'orders',
    outcome: 'allowed',
    status: 200,
    method: 'GET',
    path: '/v1/orders',
    clientIp: '192.0.2.7',
    violated: [],
    upstream: 'shop',
    durationMs: 12.5,
    decisionMs: 0.25,
    upstreamMs: 11.125,
    bytesIn: 0,
    bytesOut: 512,
    fault: undefined,
    traceId: undefined,
    ...changes,
  };
}
