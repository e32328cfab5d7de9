/**
 * How a request is traced, as those see it who serve it. Implemented by whoever records spans; where nobody does, there is no
 * tracer and nothing is called. Times are of Clock.monotonic. No method may throw.
 */
import type { RequestEvent } from './telemetry.ts';
import type { FailurePolicy, SharingName } from './types.ts';

export interface Tracer {
  /** @param fields of the request's header, flat; the context that the caller sent is among them */
  begin(fields: readonly string[], at: number): RequestTrace;
}

/** Hears how the limits of one request were decided. Never hears a key. */
export interface DecisionTrace {
  /** The count of these limits was asked for elsewhere. @param error stable word for why there was no answer */
  asked(sharing: SharingName, from: number, to: number, error: string | undefined): void;
  decided(limit: string, sharing: SharingName, verdict: LimitVerdict): void;
  /** The limit's failure policy decided, because its count could not be had. */
  fellBack(limit: string, policy: FailurePolicy): void;
}

export type LimitVerdict = 'allowed' | 'denied' | 'shadow_denied' | 'local_denial';

/** One request's trace. */
export interface RequestTrace extends DecisionTrace {
  /** 32 hexadecimal digits. */
  readonly traceId: string;
  /** All limits are decided. @param limits those that the route names */
  decisionEnded(at: number, limits: readonly string[], verdict: RequestEvent['outcome']): void;
  /**
   * The request goes to a server of the service behind; ends once {@link attemptEnded} says so.
   * @param origin `http://host:port`
   * @returns the fields that carry the trace on, flat, in place of those that came
   */
  attempt(origin: string, at: number): readonly string[];
  /** Harmless when none is under way. @param status of the response; 0: none came @param fault why it was no whole one */
  attemptEnded(at: number, status: number, fault: string | undefined): void;
  /** The exchange is over; nothing follows. */
  finished(event: RequestEvent, request: TracedRequest, at: number): void;
}

/** What a trace tells of a request beside its event. */
export interface TracedRequest {
  /** Host, and port if there is one, that the client asked for; '' when it named none. */
  readonly authority: string;
  readonly httpMinor: number;
  readonly route: { readonly match: { readonly path: string | undefined } } | undefined;
}
