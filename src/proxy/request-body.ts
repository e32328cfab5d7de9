import { Buffer } from 'node:buffer';
import type { BodyConsumer, ClientRequest } from './downstream/client-request.ts';
import { forwardableTrailers } from './fields.ts';
import type { UpstreamCall } from './upstream/client.ts';

/** Who reads a request's body. */
export interface BodyReader {
  /** The whole of a buffered body is here. */
  bodyBuffered(content: Buffer): void;
  /** The body went over the limit; nothing more is read. */
  bodyTooLarge(): void;
  /** Bytes came in. */
  bodyMoved(): void;
}

/** A request's body on its way: collected when small, else passed on as it comes. */
export class RequestBody implements BodyConsumer {
  readonly #req: ClientRequest;
  readonly #reader: BodyReader;
  readonly #limit: number;
  #chunks: Buffer[] | undefined;
  #call: UpstreamCall | undefined;
  #ended = false;
  /** Bytes received. */
  bytes = 0;

  /** @param limit most bytes accepted; undefined = any number */
  constructor(req: ClientRequest, limit: number | undefined, reader: BodyReader) {
    this.#req = req;
    this.#limit = limit ?? Number.POSITIVE_INFINITY;
    this.#reader = reader;
  }

  /** Whether all of it has been read. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Whether none of it has been taken yet, so that another upstream can still have the whole. */
  get untouched(): boolean {
    return this.#call === undefined && this.#chunks === undefined && this.bytes === 0;
  }

  collect(): void {
    this.#chunks = [];
    this.#req.consume(this);
  }

  /** Passes the body on as fast as the call takes it. */
  pumpTo(call: UpstreamCall): void {
    this.#call = call;
    this.#req.consume(this);
  }

  /** The call takes more again. */
  resume(): void {
    if (this.#call !== undefined) this.#req.resume();
  }

  /** Reads the rest and forgets it. */
  discard(): void {
    this.#chunks = undefined;
    this.#call = undefined;
    this.#req.discard();
  }

  bodyData(chunk: Buffer): void {
    this.bytes += chunk.length;
    if (this.#chunks === undefined && this.#call === undefined) return;
    if (this.bytes > this.#limit) {
      this.#chunks = undefined;
      this.#call = undefined;
      this.#req.pause();
      this.#reader.bodyTooLarge();
      return;
    }
    this.#reader.bodyMoved();
    if (this.#chunks !== undefined) this.#chunks.push(chunk);
    else if (this.#call?.write(chunk) === false) this.#req.pause();
  }

  bodyEnd(): void {
    this.#ended = true;
    const chunks = this.#chunks;
    if (chunks !== undefined) {
      this.#chunks = undefined;
      const [only] = chunks;
      this.#reader.bodyBuffered(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks));
    } else {
      const trailers = this.#req.trailers;
      this.#call?.end(trailers.length === 0 ? trailers : forwardableTrailers(trailers));
    }
  }
}
