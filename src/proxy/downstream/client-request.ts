import type { Buffer } from 'node:buffer';
import type { BodyFraming, RequestHead } from '../request-head.ts';

/** Takes a request's body. */
export interface BodyConsumer {
  bodyData(chunk: Buffer): void;
  bodyEnd(): void;
}

/** Where a request's body comes from. */
export interface BodySource {
  /** The consumer takes more. */
  wake(): void;
}

const NO_TRAILERS: readonly string[] = [];

/** One request as it was read from a connection. Its body stays unread until somebody takes it. */
export class ClientRequest {
  readonly method: string;
  /** The request target as the client spelled it. */
  readonly target: string;
  /** 0 or 1: HTTP/1.0 or HTTP/1.1. */
  readonly minor: number;
  readonly head: RequestHead;
  readonly framing: BodyFraming;
  readonly #source: BodySource;
  #consumer: BodyConsumer | undefined = undefined;
  #paused = false;
  /** All of the body has been read. */
  complete: boolean;
  /** Flat; known when the body has ended. */
  trailers = NO_TRAILERS;

  constructor(
    source: BodySource,
    method: string,
    target: string,
    minor: number,
    head: RequestHead,
    framing: BodyFraming,
  ) {
    this.#source = source;
    this.method = method;
    this.target = target;
    this.minor = minor;
    this.head = head;
    this.framing = framing;
    this.complete = framing === 'none' || (framing === 'length' && head.contentLength === 0);
  }

  /** Whether somebody takes the body now. */
  get wanted(): boolean {
    return this.#consumer !== undefined && !this.#paused;
  }

  /** For the source. */
  data(chunk: Buffer): void {
    this.#consumer?.bodyData(chunk);
  }

  /** For the source: the body is whole. @param trailers flat */
  ended(trailers: readonly string[]): void {
    this.complete = true;
    this.trailers = trailers;
    this.#consumer?.bodyEnd();
  }

  /** Hands the body, or what is left of it, to `consumer`; some of it perhaps before this returns. */
  consume(consumer: BodyConsumer): void {
    this.#consumer = consumer;
    this.resume();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    if (!this.complete) this.#source.wake();
  }

  /** Reads the rest and forgets it. */
  discard(): void {
    this.consume(this.#consumer ?? NOBODY);
  }
}

const NOBODY: BodyConsumer = { bodyData: () => {}, bodyEnd: () => {} };
