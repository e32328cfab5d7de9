import type { Buffer } from 'node:buffer';
import type { FailureKind, UpstreamCall, UpstreamHandler, UpstreamRequest } from './client.ts';

/** What a call needs of the connection that carries it. */
export interface Carrier {
  writeBody(chunk: Buffer): boolean;
  endBody(trailers: readonly string[]): void;
  pause(): void;
  resume(): void;
  abandon(): void;
}

/** One request on a connection, or waiting for one. Once it is over it touches no connection any more. */
export class H1Call implements UpstreamCall {
  readonly request: UpstreamRequest;
  readonly handler: UpstreamHandler;
  readonly #forget: (call: H1Call) => void;
  carrier: Carrier | undefined = undefined;
  over = false;

  /** @param forget called when it is given up before it has a connection */
  constructor(request: UpstreamRequest, handler: UpstreamHandler, forget: (call: H1Call) => void) {
    this.request = request;
    this.handler = handler;
    this.#forget = forget;
  }

  write(chunk: Buffer): boolean {
    return this.over ? true : (this.carrier?.writeBody(chunk) ?? true);
  }

  end(trailers: readonly string[]): void {
    if (!this.over) this.carrier?.endBody(trailers);
  }

  pause(): void {
    if (!this.over) this.carrier?.pause();
  }

  resume(): void {
    if (!this.over) this.carrier?.resume();
  }

  abort(): void {
    if (this.over) return;
    this.over = true;
    if (this.carrier === undefined) this.#forget(this);
    else this.carrier.abandon();
  }

  fail(kind: FailureKind, reused: boolean, reason: string): void {
    if (this.over) return;
    this.over = true;
    this.handler.onFailure({ kind, reused, reason });
  }
}
