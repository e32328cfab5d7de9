/** Spans to a collector by OTLP over HTTP. Brings OpenTelemetry's libraries with it: load it only where requests are traced. */
import type { HrTime, SpanContext } from '@opentelemetry/api';
import { createTraceState, SpanKind, SpanStatusCode, TraceFlags } from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import type { Resource } from '@opentelemetry/resources';
import { resourceFromAttributes } from '@opentelemetry/resources';
import type { Span } from './span.ts';

export interface OtlpOptions {
  /** Base URL of the collector; `/v1/traces` is added. */
  readonly endpoint: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Who the spans come from. */
  readonly service: { readonly name: string; readonly version: string; readonly instance: string };
}

export interface OtlpExporter {
  /** Rejects when the collector did not take the batch. */
  send(batch: readonly Span[]): Promise<void>;
  close(): Promise<void>;
}

/** What the library wants to hear of a span. */
type OtelSpan = Parameters<OTLPTraceExporter['export']>[0][number];

const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT, internal: SpanKind.INTERNAL } as const;
const TAKEN = 0;

export function createOtlpExporter({ endpoint, headers, timeoutMs, service }: OtlpOptions): OtlpExporter {
  const url = `${endpoint.replace(/\/$/, '')}/v1/traces`;
  const exporter = new OTLPTraceExporter({ url, headers: { ...headers }, timeoutMillis: timeoutMs });
  const resource = resourceFromAttributes({
    'service.name': service.name,
    'service.version': service.version,
    'service.instance.id': service.instance,
  });
  const scope = { name: 'sluice', version: service.version };
  return {
    send: (batch) =>
      new Promise((resolve, reject) => {
        exporter.export(
          batch.map((span) => otelSpan(span, resource, scope)),
          ({ code, error }) => {
            if (code === TAKEN) resolve();
            else reject(described(error));
          },
        );
      }),
    close: () => exporter.shutdown(),
  };
}

function otelSpan(span: Span, resource: Resource, scope: OtelSpan['instrumentationScope']): OtelSpan {
  const { traceId, parentId } = span;
  const traceState = span.state === undefined ? undefined : createTraceState(span.state);
  const context = (spanId: string): SpanContext => ({
    traceId,
    spanId,
    traceFlags: TraceFlags.SAMPLED,
    ...(traceState === undefined ? {} : { traceState }),
  });
  const own = context(span.spanId);
  return {
    name: span.name,
    kind: KINDS[span.kind],
    spanContext: () => own,
    ...(parentId === undefined ? {} : { parentSpanContext: { ...context(parentId), isRemote: span.remoteParent } }),
    startTime: hrTime(span.start),
    endTime: hrTime(span.end),
    duration: hrTime(span.end - span.start),
    ended: true,
    status: { code: span.failed ? SpanStatusCode.ERROR : SpanStatusCode.UNSET },
    attributes: span.attributes,
    links: [],
    events: [],
    resource,
    instrumentationScope: scope,
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

/** Seconds and nanoseconds. */
function hrTime(ms: number): HrTime {
  const seconds = Math.floor(ms / 1_000);
  return [seconds, Math.min(999_999_999, Math.round((ms - seconds * 1_000) * 1e6))];
}

/** The library puts a status code beside the words of an answer, and says nothing where it gave up trying again. */
function described(error: Error | undefined): Error {
  if (error === undefined) return new Error('not taken');
  const code: unknown = 'code' in error ? error.code : undefined;
  return typeof code === 'number' ? new Error(`HTTP ${code} ${error.message}`.trim()) : error;
}
