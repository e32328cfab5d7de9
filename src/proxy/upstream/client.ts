/** The contract between an exchange and whatever speaks HTTP/1.1 with one upstream server. */
import type { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';

export interface UpstreamRequest {
  readonly method: string;
  /** Origin-form, or `*`. */
  readonly target: string;
  /** Value of the Host field. */
  readonly host: string;
  /** End-to-end fields, flat; neither Host nor framing nor connection fields. */
  readonly fields: readonly string[];
  /** Protocols for the Upgrade field; undefined = none. */
  readonly upgrade: string | undefined;
  /** The whole body; undefined when there is none, or when it is written through the call. */
  readonly body: Buffer | undefined;
  /** Whether the body is written through the call after `onReady`. */
  readonly streaming: boolean;
  /** Value of Content-Length; undefined = no such field: chunked when streaming, otherwise no body. */
  readonly length: number | undefined;
  /** Do not use a connection that has carried a request before. */
  readonly fresh: boolean;
}

export type FailureKind =
  /** No connection came about: nothing was sent. */
  | 'connect'
  /** The connection ended before a whole response. */
  | 'lost'
  /** What came was no HTTP/1.1 response. */
  | 'protocol'
  /** Too many requests wait for a connection. */
  | 'overloaded';

export interface UpstreamFailure {
  readonly kind: FailureKind;
  /** The connection had served before, so that the server may have closed it for idleness just as the request went out. */
  readonly reused: boolean;
  /** One line, for the log. */
  readonly reason: string;
}

/**
 * Told what happens to one request. Calls come in the order ready, information*, head, data*, end; a failure or an
 * upgrade may take the place of anything from there on, and nothing follows end, failure or upgrade. Field lists are
 * flat, values as received. Implementations must not throw.
 */
export interface UpstreamHandler {
  /** A connection is there; the body of a streaming request may be written. */
  onReady(): void;
  /** A response with status 1xx other than 101; more follow. */
  onInformation(status: number, fields: readonly string[]): void;
  onHead(status: number, fields: readonly string[]): void;
  /** The bytes are only valid during the call. */
  onData(chunk: Buffer): void;
  onEnd(trailers: readonly string[]): void;
  /** Everything that had arrived was delivered, and the message goes on: the time to flush. */
  onPause(): void;
  /** 101: the connection is the handler's from here on. */
  onUpgrade(fields: readonly string[], socket: Duplex, head: Buffer): void;
  /** After `write` said false: more may be written. */
  onDrain(): void;
  onFailure(failure: UpstreamFailure): void;
}

/** One request under way. */
export interface UpstreamCall {
  /** False: wait for `onDrain`. The chunk must not change afterwards. */
  write(chunk: Buffer): boolean;
  /** Ends the body of a streaming request. @param trailers flat */
  end(trailers: readonly string[]): void;
  /** Stops `onData` after what has already been read. */
  pause(): void;
  resume(): void;
  /** Gives the request up; nothing is told any more. Harmless when it has ended. */
  abort(): void;
}

/** Speaks with one server; keeps connections. */
export interface UpstreamClient {
  dispatch(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall;
  /** Takes no more requests, closes idle connections at once and the others when they are done. */
  close(): void;
}

export interface UpstreamClientOptions {
  /** `http://host:port` or `https://host:port`. */
  readonly origin: string;
  readonly maxConnections: number;
  readonly connectTimeoutMs: number;
}
