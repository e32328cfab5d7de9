import type { RequestEvent } from '../core/telemetry.ts';
import type { LimitVerdict, RequestTrace, TracedRequest } from '../core/tracing.ts';
import type { FailurePolicy, SharingName } from '../core/types.ts';
import type { Attempt, Decision, StoreTrip } from './attributes.ts';
import {
  attemptAttributes,
  clientSpanName,
  decisionAttributes,
  serverAttributes,
  serverSpanName,
  tripAttributes,
} from './attributes.ts';
import type { Ids } from './ids.ts';
import type { Span, SpanSink } from './span.ts';
import type { TraceContext } from './trace-context.ts';
import { traceFields } from './trace-context.ts';

export interface SampledTraceOptions {
  readonly traceId: string;
  readonly caller: TraceContext | undefined;
  /** When the request came, on the monotonic clock. */
  readonly at: number;
  /** What turns a time of the monotonic clock into one of the wall clock. One for all spans of a trace, so that none moves against another. */
  readonly epoch: number;
  readonly ids: Ids;
  readonly spans: SpanSink;
}

/** Attempts beyond these are made and not told: the spans of one request are bounded. */
const MAX_ATTEMPTS = 32;

/** Gathers what happens to one request and hands on its spans when all is over. */
export class SampledTrace implements RequestTrace {
  readonly traceId: string;
  readonly #options: SampledTraceOptions;
  readonly #spanId: string;
  readonly #limits: string[] = [];
  readonly #sharings: string[] = [];
  readonly #verdicts: string[] = [];
  #fallbacks: string[] | undefined = undefined;
  #trips: StoreTrip[] | undefined = undefined;
  #decision: Decision | undefined = undefined;
  readonly #attempts: Attempt[] = [];
  #current: Attempt | undefined = undefined;

  constructor(options: SampledTraceOptions) {
    this.traceId = options.traceId;
    this.#options = options;
    this.#spanId = options.ids.span();
  }

  asked(sharing: SharingName, from: number, to: number, error: string | undefined): void {
    this.#trips ??= [];
    this.#trips.push({ sharing, from, to, error });
  }

  decided(limit: string, sharing: SharingName, verdict: LimitVerdict): void {
    this.#limits.push(limit);
    this.#sharings.push(sharing);
    this.#verdicts.push(verdict);
  }

  fellBack(limit: string, policy: FailurePolicy): void {
    this.#fallbacks ??= [];
    this.#fallbacks.push(`${limit}=${policy}`);
  }

  decisionEnded(at: number, limits: readonly string[], verdict: RequestEvent['outcome']): void {
    if (limits.length > 0) this.#decision = { at, verdict };
  }

  attempt(origin: string, at: number): readonly string[] {
    const spanId = this.#options.ids.span();
    this.attemptEnded(at, 0, undefined);
    const attempt: Attempt = { spanId, origin, from: at, to: at, status: 0, fault: undefined };
    if (this.#attempts.length < MAX_ATTEMPTS) this.#attempts.push(attempt);
    this.#current = attempt;
    return traceFields(this.traceId, spanId, true, this.#options.caller?.state);
  }

  attemptEnded(at: number, status: number, fault: string | undefined): void {
    const attempt = this.#current;
    if (attempt === undefined) return;
    this.#current = undefined;
    attempt.to = at;
    attempt.status = status;
    attempt.fault = fault;
  }

  finished(event: RequestEvent, request: TracedRequest, at: number): void {
    this.attemptEnded(at, event.status, event.fault);
    const { caller } = this.#options;
    const from = this.#options.at;
    this.#hand(this.#spanId, caller?.spanId, 'server', serverSpanName(event, request), from, at, {
      failed: event.status >= 500 || (event.fault !== undefined && event.status < 400),
      attributes: serverAttributes(event, request),
    });
    this.#handDecision(from);
    const name = clientSpanName(event.method);
    this.#attempts.forEach((attempt, i) => {
      const failed = attempt.fault !== undefined || attempt.status >= 400;
      const attributes = attemptAttributes(attempt, event, i);
      this.#hand(attempt.spanId, this.#spanId, 'client', name, attempt.from, attempt.to, { failed, attributes });
    });
  }

  #handDecision(from: number): void {
    const decision = this.#decision;
    if (decision === undefined) return;
    const spanId = this.#options.ids.span();
    const attributes = decisionAttributes(decision, this.#limits, this.#sharings, this.#verdicts, this.#fallbacks);
    this.#hand(spanId, this.#spanId, 'internal', 'sluice.decide', from, decision.at, { failed: false, attributes });
    for (const trip of this.#trips ?? []) {
      const failed = trip.error !== undefined;
      this.#hand(this.#options.ids.span(), spanId, 'client', `sluice.ask ${trip.sharing}`, trip.from, trip.to, {
        failed,
        attributes: tripAttributes(trip),
      });
    }
  }

  #hand(
    spanId: string,
    parentId: string | undefined,
    kind: Span['kind'],
    name: string,
    from: number,
    to: number,
    rest: Pick<Span, 'failed' | 'attributes'>,
  ): void {
    const { caller, epoch, spans } = this.#options;
    spans.add({
      traceId: this.traceId,
      spanId,
      parentId,
      remoteParent: kind === 'server' && parentId !== undefined,
      state: caller?.state,
      kind,
      name,
      start: epoch + from,
      end: epoch + Math.max(from, to),
      ...rest,
    });
  }
}
