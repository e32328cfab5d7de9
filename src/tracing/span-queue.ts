import type { Clock, Timer } from '../core/clock.ts';
import { withDeadline } from '../core/deadline.ts';
import { reasonOf } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { OutageLog } from '../core/outage-log.ts';
import type { Telemetry } from '../core/telemetry.ts';
import type { Span, SpanSink } from './span.ts';

export interface SpanQueueOptions {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** Spans that may wait; beyond them new ones are dropped. */
  readonly maxWaiting: number;
  /** No batch is waited for longer, in milliseconds. */
  readonly timeoutMs: number;
  /** Hands a batch to the collector; rejects when it did not take it. */
  readonly send: (batch: readonly Span[]) => Promise<void>;
}

/** A batch of so many takes about a millisecond to encode, in which nothing else happens. */
const BATCH = 128;
/** Longest that a span waits for others to travel with. */
const GATHER_MS = 1_000;

/**
 * Gathers spans and hands them on in batches, one after another, never while a request is worked on. Whatever the collector
 * does, a request notices nothing: what cannot wait any more is dropped and counted, what was not taken is counted and gone.
 */
export class SpanQueue implements SpanSink {
  readonly #options: SpanQueueOptions;
  readonly #log: OutageLog;
  #waiting: Span[] = [];
  #sending: Promise<void> | undefined = undefined;
  #underWay = 0;
  #timer: Timer | undefined = undefined;
  #due = false;
  #closed = false;

  constructor(options: SpanQueueOptions) {
    this.#options = options;
    this.#log = new OutageLog({
      clock: options.clock,
      logger: options.logger,
      failing: 'tracing: the collector does not take spans; they are lost until it does',
      working: 'tracing: the collector takes spans again',
    });
  }

  add(span: Span): void {
    if (this.#closed || this.#waiting.length >= this.#options.maxWaiting) {
      this.#options.telemetry.traceSpans('dropped', 1);
      return;
    }
    this.#waiting.push(span);
    if (this.#sending !== undefined) return;
    if (this.#waiting.length >= BATCH) this.#sendSoon();
    else this.#timer ??= this.#options.clock.after(GATHER_MS, () => this.#send());
  }

  /** Hands on what waits, for `withinMs` milliseconds at most; what is left then is dropped. */
  async close(withinMs: number): Promise<void> {
    const { clock, telemetry, logger } = this.#options;
    this.#closed = true;
    const late = (): Error => new Error('the collector is too slow');
    await withDeadline(clock, withinMs, this.#drain(), late).catch(() => {
      const waiting = this.#waiting.length;
      this.#waiting = [];
      if (waiting > 0) telemetry.traceSpans('dropped', waiting);
      const spans = waiting + this.#underWay;
      logger.warn({ spans }, 'tracing: the collector is too slow; the last spans are lost');
    });
  }

  async #drain(): Promise<void> {
    for (;;) {
      await this.#sending;
      if (this.#waiting.length === 0) return;
      this.#send();
    }
  }

  #sendSoon(): void {
    if (this.#due) return;
    this.#due = true;
    this.#options.clock.endOfTurn(() => {
      this.#due = false;
      this.#send();
    });
  }

  #send(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#sending !== undefined || this.#waiting.length === 0) return;
    const batch = this.#waiting.splice(0, BATCH);
    this.#underWay = batch.length;
    this.#sending = this.#deliver(batch).then(() => {
      this.#sending = undefined;
      this.#underWay = 0;
      if (this.#closed || this.#waiting.length === 0) return;
      if (this.#waiting.length >= BATCH) this.#sendSoon();
      else this.#timer ??= this.#options.clock.after(GATHER_MS, () => this.#send());
    });
  }

  async #deliver(batch: readonly Span[]): Promise<void> {
    const { clock, telemetry, timeoutMs, send } = this.#options;
    try {
      const late = (): Error => new Error(`no answer within ${timeoutMs} ms`);
      await withDeadline(clock, timeoutMs, send(batch), late);
      telemetry.traceSpans('exported', batch.length);
      this.#log.works();
    } catch (error) {
      telemetry.traceSpans('failed', batch.length);
      this.#log.failed(reasonOf(error));
    }
  }
}
