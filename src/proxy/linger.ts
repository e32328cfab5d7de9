import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../core/clock.ts';

/** Most bytes read of a body that nobody wants, and longest time, before the connection is closed. */
const LINGER_BYTES = 262_144;
const LINGER_MS = 1_000;

/**
 * Ends a response whose request body is still arriving. Closing at once would reset the connection, and the reset can
 * overtake the response (RFC 9112, 9.6); so the rest is read and dropped for a bounded while first.
 *
 * @param res everything but the end is written, with `Connection: close`
 */
export function endAfterLingering(req: IncomingMessage, res: ServerResponse, clock: Clock): void {
  let left = LINGER_BYTES;
  const end = (): void => {
    timer.cancel();
    req.off('data', count);
    if (!res.writableEnded) res.end();
  };
  const count = (chunk: Uint8Array): void => {
    left -= chunk.length;
    if (left <= 0) end();
  };
  const timer = clock.after(LINGER_MS, end);
  req.on('data', count);
  req.once('end', end);
  res.once('close', () => timer.cancel());
  req.resume();
}
