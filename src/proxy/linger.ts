import type { Buffer } from 'node:buffer';
import type { Clock, Timer } from '../core/clock.ts';
import type { BodyConsumer, ClientRequest } from './downstream/client-request.ts';
import type { ClientResponse } from './downstream/client-response.ts';

/** Most bytes read of a body that nobody wants, and longest time, before the connection is closed. */
const LINGER_BYTES = 262_144;
const LINGER_MS = 1_000;

/**
 * Ends a response whose request body is still arriving. Closing at once would reset the connection, and the reset can
 * overtake the response (RFC 9112, 9.6); so the rest is read and dropped for a bounded while first.
 *
 * @param res everything but the end is written, with `Connection: close`
 */
export function endAfterLingering(req: ClientRequest, res: ClientResponse, clock: Clock): void {
  if (req.complete) res.end();
  else req.consume(new Lingering(res, clock));
}

class Lingering implements BodyConsumer {
  readonly #res: ClientResponse;
  readonly #timer: Timer;
  #left = LINGER_BYTES;

  constructor(res: ClientResponse, clock: Clock) {
    this.#res = res;
    this.#timer = clock.after(LINGER_MS, () => this.bodyEnd());
  }

  bodyData(chunk: Buffer): void {
    this.#left -= chunk.length;
    if (this.#left <= 0) this.bodyEnd();
  }

  bodyEnd(): void {
    this.#timer.cancel();
    this.#res.end();
  }
}
