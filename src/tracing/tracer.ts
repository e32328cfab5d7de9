import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import type { RequestTrace, Tracer } from '../core/tracing.ts';
import { Ids } from './ids.ts';
import { SampledTrace } from './sampled-trace.ts';
import type { SpanSink } from './span.ts';
import { readTraceContext } from './trace-context.ts';
import { UnsampledTrace } from './unsampled-trace.ts';

export interface TracerOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** The part of the traces started here that is recorded, 0 to 1. */
  readonly sample: number;
  readonly spans: SpanSink;
}

/**
 * Starts a trace for each request, or continues the caller's. Whoever started the trace has decided whether it is recorded;
 * only for those that start here is the decision ours. The context travels on either way.
 */
export function createTracer({ clock, random, sample, spans }: TracerOptions): Tracer {
  const ids = new Ids(random);
  return {
    begin(fields: readonly string[], at: number): RequestTrace {
      const caller = readTraceContext(fields);
      const traceId = caller?.traceId ?? ids.trace();
      const sampled = caller?.sampled ?? (sample > 0 && random.next() < sample);
      if (!sampled) return new UnsampledTrace(traceId, caller?.state, ids);
      return new SampledTrace({ traceId, caller, at, epoch: clock.now() - clock.monotonic(), ids, spans });
    },
  };
}
