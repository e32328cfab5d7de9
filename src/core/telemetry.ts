import type { FailurePolicy, ReplicatedSharing, SharingName } from './types.ts';

/** One finished request, as metrics and the access log see it. */
export interface RequestEvent {
  readonly route: string;
  /** `error`: no decision of ours, but a fault: no route, bad request, upstream down, client gone. */
  readonly outcome: 'allowed' | 'denied' | 'shadow_denied' | 'error';
  readonly status: number;
  readonly method: string;
  /** Path as matched, without the query. */
  readonly path: string;
  readonly clientIp: string;
  /** Names of the limits that refused (or, in shadow mode, would have). */
  readonly violated: readonly string[];
  readonly upstream: string | undefined;
  readonly durationMs: number;
  readonly decisionMs: number;
  /** Until the upstream's response was complete; undefined when it was never asked. */
  readonly upstreamMs: number | undefined;
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** A stable word for what went wrong, when something did: `upstream_timeout`, `client_aborted`, … */
  readonly fault: string | undefined;
  /** Of the request's trace; undefined when requests are not traced. */
  readonly traceId: string | undefined;
}

export type StoreErrorKind = 'timeout' | 'connection' | 'reply' | 'circuit_open' | 'overloaded';

/** Who talks to peers: a way of sharing, the membership that serves all of them, or an operator who asks for busiest keys (`top`). */
export type PeerTraffic = ReplicatedSharing | 'membership' | 'top';

/** Why something that arrived from the network was dropped unread. */
export type PeerRefusal =
  | 'malformed'
  | 'version'
  | 'unauthenticated'
  | 'replayed'
  | 'clock'
  | 'too_large'
  | 'stale_term'
  | 'overloaded';

export type TraceSpansResult = 'exported' | 'dropped' | 'failed';

/** Where the parts report what happened. They tell; nobody asks them. Implementations must not throw and must be quick. */
export interface Telemetry {
  requestFinished(event: RequestEvent): void;
  /** One limit decided one request. `local_denial`: refused from memory, no trip to the store. */
  decision(limit: string, sharing: SharingName, verdict: 'allowed' | 'denied' | 'shadow_denied' | 'local_denial'): void;
  /** A key had used this part of the limit when a request of it was decided, that request included; above 1 it was refused. */
  limitUsed(limit: string, part: number): void;
  /** One request's decision on limits of this sharing took so long. */
  decisionTime(sharing: SharingName, seconds: number): void;
  fallback(limit: string, policy: FailurePolicy): void;
  /** One limit decided one request from units bought ahead, and used so many of them. */
  leased(limit: string, units: number): void;
  /** What became of units bought ahead, beside being used: `returned` to the store, or `expired` with their window. */
  leaseUnits(limit: string, result: 'bought' | 'returned' | 'expired', units: number): void;
  storeRoundtrip(seconds: number, checks: number): void;
  storeError(kind: StoreErrorKind): void;
  circuit(state: 'closed' | 'open' | 'half_open'): void;
  configReload(result: 'success' | 'failure' | 'unchanged'): void;
  /** A counter had to make room before its time: memory is at its cap and accuracy suffers. */
  evicted(sharing: SharingName): void;
  upstreamEjected(upstream: string, server: string): void;
  upstreamRetry(upstream: string): void;
  /** One message to or from a peer, of so many bytes as on the wire, authentication included. */
  peerMessage(traffic: PeerTraffic, direction: 'sent' | 'received', bytes: number): void;
  peerRefused(reason: PeerRefusal): void;
  /** News of another host's counts arrived, so many seconds after that host sent them. */
  staleness(sharing: ReplicatedSharing, seconds: number): void;
  /** What became of spans: the collector has them, they had to make room, or it could not be told. */
  traceSpans(result: TraceSpansResult, spans: number): void;
}

/** Discards everything. */
export const silentTelemetry: Telemetry = {
  requestFinished() {},
  decision() {},
  limitUsed() {},
  decisionTime() {},
  fallback() {},
  leased() {},
  leaseUnits() {},
  storeRoundtrip() {},
  storeError() {},
  circuit() {},
  configReload() {},
  evicted() {},
  upstreamEjected() {},
  upstreamRetry() {},
  peerMessage() {},
  peerRefused() {},
  staleness() {},
  traceSpans() {},
};
