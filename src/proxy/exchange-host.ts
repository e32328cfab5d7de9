import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Telemetry } from '../core/telemetry.ts';
import type { Tracer } from '../core/tracing.ts';
import type { ServerOptions } from './options.ts';
import type { CompiledSnapshot } from './snapshot.ts';

/** What all exchanges of a gateway share. */
export interface ExchangeHost {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** undefined: requests are not traced. */
  readonly tracer: Tracer | undefined;
  readonly logger: Logger;
  readonly server: ServerOptions;
  /** Monotonic milliseconds as of the last tick: good enough for time limits and free to read. */
  readonly coarseNow: number;
  /** Longest time that `coarseNow` is behind. */
  readonly tickMs: number;
  readonly draining: boolean;
  readonly snapshot: CompiledSnapshot;
  /** Via of a message that came as HTTP/1.0, and as HTTP/1.1. */
  readonly via: readonly [string, string];
  /** What ends the head of a response on a connection that is kept: its last fields and the empty line. */
  readonly keepAliveFields: string;
  /** Value for a Date field. */
  httpDate(): string;
}
