import type {
  PeerRefusal,
  PeerTraffic,
  RequestEvent,
  StoreErrorKind,
  Telemetry,
  TraceSpansResult,
} from '../core/telemetry.ts';
import type { FailurePolicy, ReplicatedSharing, SharingName } from '../core/types.ts';

/** Tells several listeners everything, in order. Allocates nothing per call. */
export function fanOut(...listeners: readonly Telemetry[]): Telemetry {
  const [only] = listeners;
  return only !== undefined && listeners.length === 1 ? only : new FanOut(listeners);
}

class FanOut implements Telemetry {
  readonly #listeners: readonly Telemetry[];
  constructor(listeners: readonly Telemetry[]) {
    this.#listeners = listeners;
  }
  requestFinished(event: RequestEvent): void {
    for (const listener of this.#listeners) listener.requestFinished(event);
  }
  decision(
    limit: string,
    sharing: SharingName,
    verdict: 'allowed' | 'denied' | 'shadow_denied' | 'local_denial',
  ): void {
    for (const listener of this.#listeners) listener.decision(limit, sharing, verdict);
  }
  limitUsed(limit: string, part: number): void {
    for (const listener of this.#listeners) listener.limitUsed(limit, part);
  }
  decisionTime(sharing: SharingName, seconds: number): void {
    for (const listener of this.#listeners) listener.decisionTime(sharing, seconds);
  }
  fallback(limit: string, policy: FailurePolicy): void {
    for (const listener of this.#listeners) listener.fallback(limit, policy);
  }
  leased(limit: string, units: number): void {
    for (const listener of this.#listeners) listener.leased(limit, units);
  }
  leaseUnits(limit: string, result: 'bought' | 'returned' | 'expired', units: number): void {
    for (const listener of this.#listeners) listener.leaseUnits(limit, result, units);
  }
  storeRoundtrip(seconds: number, checks: number): void {
    for (const listener of this.#listeners) listener.storeRoundtrip(seconds, checks);
  }
  storeError(kind: StoreErrorKind): void {
    for (const listener of this.#listeners) listener.storeError(kind);
  }
  circuit(state: 'closed' | 'open' | 'half_open'): void {
    for (const listener of this.#listeners) listener.circuit(state);
  }
  configReload(result: 'success' | 'failure' | 'unchanged'): void {
    for (const listener of this.#listeners) listener.configReload(result);
  }
  evicted(sharing: SharingName): void {
    for (const listener of this.#listeners) listener.evicted(sharing);
  }
  upstreamEjected(upstream: string, server: string): void {
    for (const listener of this.#listeners) listener.upstreamEjected(upstream, server);
  }
  upstreamRetry(upstream: string): void {
    for (const listener of this.#listeners) listener.upstreamRetry(upstream);
  }
  peerMessage(traffic: PeerTraffic, direction: 'sent' | 'received', bytes: number): void {
    for (const listener of this.#listeners) listener.peerMessage(traffic, direction, bytes);
  }
  peerRefused(reason: PeerRefusal): void {
    for (const listener of this.#listeners) listener.peerRefused(reason);
  }
  staleness(sharing: ReplicatedSharing, seconds: number): void {
    for (const listener of this.#listeners) listener.staleness(sharing, seconds);
  }
  traceSpans(result: TraceSpansResult, spans: number): void {
    for (const listener of this.#listeners) listener.traceSpans(result, spans);
  }
}
