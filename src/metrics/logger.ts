/** The process's logger: JSON lines through pino, written in batches off the request path. */

import type { Logger } from 'pino';
import { pino, stdTimeFunctions } from 'pino';
import type { Clock } from '../core/clock.ts';
import { systemClock } from '../core/clock.ts';
import { reasonOf } from '../core/errors.ts';
import { LogWriter } from './log-writer.ts';

export interface LoggerOptions {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** A file descriptor or a file's path. Default 1, standard output. */
  readonly destination?: number | string;
  readonly clock?: Clock;
}

export interface LogSink {
  readonly logger: Logger;
  /** For access lines. Written whatever the level is, except `silent`; without redaction, which would cost 9 µs a line. */
  readonly access: Logger;
  /** Writes out what is buffered, now; waits a second for a slow reader at most. For the end of the process. */
  flush(): void;
  /** Flushes, and takes no more lines. */
  close(): void;
  /** Lines lost so far: the reader stalled, the disk was full, or nobody reads any more. */
  dropped(): number;
}

/** Fields that are masked wherever they stand at the top of a line or one level down, should anybody log them by mistake. */
const SECRETS = ['authorization', 'cookie', 'password', 'secret', 'token', 'headers', 'key'];

/** Creates the logger. What is buffered is also written when the process exits, unless by SIGKILL. */
export function createLogger(options: LoggerOptions): LogSink {
  const writer = new LogWriter(options.destination ?? 1, options.clock ?? systemClock);
  const common = {
    base: null,
    timestamp: stdTimeFunctions.isoTime,
    formatters: { level: (label: string) => ({ level: label }) },
  };
  const logger = pino(
    {
      ...common,
      level: options.level,
      redact: { paths: [...SECRETS, ...SECRETS.map((name) => `*.${name}`)], censor: '[redacted]' },
      serializers: { err: describeError, error: describeError },
    },
    writer,
  );
  const access = pino({ ...common, level: options.level === 'silent' ? 'silent' : 'info' }, writer);
  return {
    logger,
    access,
    flush: writer.flush,
    close: () => writer.close(),
    dropped: () => writer.dropped,
  };
}

/** Name, code and one-line reason; no stack, and no password that a URL in the message carries. */
function describeError(error: unknown): object {
  const reason = reasonOf(error).replace(/\/\/[^/@\s]*@/g, '//[redacted]@');
  if (!(error instanceof Error)) return { reason };
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return { type: error.name, code, reason };
}
