/** Composes the tracing of requests from its part of the configuration. */
import type { TracingConfig } from './config/types.ts';
import type { Clock } from './core/clock.ts';
import type { Logger } from './core/logger.ts';
import type { Random } from './core/random.ts';
import type { Telemetry } from './core/telemetry.ts';
import type { Tracer } from './core/tracing.ts';
import type { OtlpExporter } from './tracing/otlp-exporter.ts';
import { SpanQueue } from './tracing/span-queue.ts';
import { createTracer } from './tracing/tracer.ts';

export interface TracingDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly version: string;
  readonly instance: string;
}

/** How long the end of the process waits for the last spans to be taken. */
const FLUSH_MS = 2_000;

/** Tracer, queue and exporter. */
export class TracingEngine {
  readonly tracer: Tracer;
  readonly #config: TracingConfig;
  readonly #deps: TracingDeps;
  readonly #queue: SpanQueue;
  #exporter: OtlpExporter | undefined;

  constructor(config: TracingConfig, deps: TracingDeps) {
    const { clock, random, telemetry, logger } = deps;
    this.#config = config;
    this.#deps = deps;
    this.#queue = new SpanQueue({
      clock,
      telemetry,
      logger,
      maxWaiting: config.maxSpans,
      timeoutMs: config.timeoutMs,
      send: async (batch) => this.#exporter?.send(batch),
    });
    this.tracer = createTracer({ clock, random, sample: config.sample, spans: this.#queue });
  }

  /** Loads what speaks to the collector; whether one is there shows later. */
  async start(): Promise<void> {
    // Only here, so that a gateway that traces nothing does not carry OpenTelemetry's libraries.
    const { createOtlpExporter } = await import('./tracing/otlp-exporter.ts');
    const { endpoint, headers, timeoutMs, serviceName } = this.#config;
    const { version, instance } = this.#deps;
    this.#exporter = createOtlpExporter({
      endpoint,
      headers,
      timeoutMs,
      service: { name: serviceName, version, instance },
    });
  }

  /** Hands on the last spans, within a bound of its own. */
  async stop(): Promise<void> {
    await this.#queue.close(FLUSH_MS);
    // It would wait for an answer that is not coming; the process ends without it.
    void this.#exporter?.close().catch(() => {});
  }
}
