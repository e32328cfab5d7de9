/** One line of JSON for each request, for people and log pipelines. */
import type { Random } from '../core/random.ts';
import type { RequestEvent, Telemetry } from '../core/telemetry.ts';
import { silentTelemetry } from '../core/telemetry.ts';

/** The part of pino's logger that access lines need. */
export interface AccessLines {
  info(fields: object, message: string): void;
}

export interface AccessLogOptions {
  /** `off`, or the fraction of allowed requests to log; refused and failed ones are always logged. */
  readonly access: number | 'off';
  /** Where lines go: `LogSink.access` of logger.ts. */
  readonly lines: AccessLines;
  readonly random: Random;
}

/** A path longer than this is cut, in characters: a client chooses it, a log line must stay short. */
const MAX_PATH = 256;

/**
 * The listener that writes access lines. They are a log of their own: `access` alone says how many there are. A line
 * holds what {@link RequestEvent} holds: no header, no query, no key.
 */
export function createAccessLog(options: AccessLogOptions): Telemetry {
  const { access, lines, random } = options;
  if (access === 'off') return silentTelemetry;
  return {
    ...silentTelemetry,
    requestFinished(event: RequestEvent): void {
      const ordinary = event.outcome === 'allowed' && event.fault === undefined;
      if (ordinary && access < 1 && random.next() >= access) return;
      lines.info(fieldsOf(event), 'request');
    },
  };
}

/** Undefined fields are left out of the line. */
function fieldsOf(event: RequestEvent) {
  return {
    route: event.route,
    method: event.method,
    path: event.path.length > MAX_PATH ? `${event.path.slice(0, MAX_PATH)}…` : event.path,
    status: event.status,
    outcome: event.outcome,
    limits: event.violated.length === 0 ? undefined : event.violated,
    fault: event.fault,
    client: event.clientIp,
    upstream: event.upstream,
    durationMs: toMicroseconds(event.durationMs),
    decisionMs: toMicroseconds(event.decisionMs),
    upstreamMs: event.upstreamMs === undefined ? undefined : toMicroseconds(event.upstreamMs),
    bytesIn: event.bytesIn,
    bytesOut: event.bytesOut,
    trace_id: event.traceId,
  };
}

/** Milliseconds with three decimals: more digits only make lines longer. */
function toMicroseconds(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
