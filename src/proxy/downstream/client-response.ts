import { Buffer } from 'node:buffer';
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import type { ClientRequest } from './client-request.ts';

/**
 * How the end of a response's body is found: by a Content-Length among its fields, by chunks, by the end of the
 * connection, or by there being none.
 */
export type Framing = 'length' | 'chunked' | 'close' | 'none';

/** What responses need of whoever serves. */
export interface ResponseHost {
  /** What ends the head of a response on a connection that is kept: its last fields and the empty line. */
  readonly keepAliveFields: string;
  /** Value for a Date field. */
  httpDate(): string;
}

/** Hears of the end of a response. */
export interface ResponseOwner {
  /** All of it was written, though the system may not have taken it yet. */
  responseEnded(response: ClientResponse): void;
}

const CLOSE_FIELDS = 'Connection: close\r\n\r\n';
const CRLF = '\r\n';

/** One response on a connection. */
export class ClientResponse {
  readonly socket: Socket;
  readonly #request: ClientRequest;
  readonly #owner: ResponseOwner;
  readonly #host: ResponseHost;
  /** Whether another request may follow. */
  shouldKeepAlive: boolean;
  /** A head was made; it may still be held. */
  headersSent = false;
  /** Nothing more can be written. */
  ended = false;
  /** The client waits for 100 Continue, and has not got it. */
  awaited: boolean;
  /** The head, until the first bytes of the body are known. */
  #held = '';
  #chunked = false;
  #bodiless = false;

  constructor(
    socket: Socket,
    request: ClientRequest,
    owner: ResponseOwner,
    host: ResponseHost,
    keepAlive: boolean,
    awaited: boolean,
  ) {
    this.socket = socket;
    this.#request = request;
    this.#owner = owner;
    this.#host = host;
    this.shouldKeepAlive = keepAlive;
    this.awaited = awaited;
  }

  get destroyed(): boolean {
    return this.socket.destroyed;
  }

  /** Bytes that the system has not taken yet. */
  get unflushed(): number {
    return this.socket.writableLength;
  }

  /** Whether `sendWhole` may be used. */
  get takesWhole(): boolean {
    return (
      this.shouldKeepAlive && !this.headersSent && !this.awaited && this.#request.complete && !this.socket.destroyed
    );
  }

  /** Sends a whole response, head and body, in one write. @param text Latin-1; framed by its length; keeps the connection */
  sendWhole(text: string): void {
    this.headersSent = true;
    this.ended = true;
    this.socket.write(text, 'latin1');
    this.#owner.responseEnded(this);
  }

  /** @param fields flat, framing and connection fields not among them except Content-Length and Trailer */
  writeHead(status: number, fields: readonly string[], framing: Framing, dated: boolean): void {
    const old = this.#request.minor === 0;
    this.#chunked = framing === 'chunked';
    this.#bodiless = this.#request.method === 'HEAD' || status === 204 || status === 304;
    // Whoever waits for 100 Continue and gets a final answer may send the body or not: nobody knows what comes next.
    if (this.awaited || framing === 'close' || (old && framing !== 'length')) this.shouldKeepAlive = false;
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
    for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
    if (this.#chunked) text += 'Transfer-Encoding: chunked\r\n';
    if (!dated) text += `Date: ${this.#host.httpDate()}\r\n`;
    this.#held = text + (this.shouldKeepAlive ? this.#host.keepAliveFields : CLOSE_FIELDS);
    this.headersSent = true;
  }

  /** Sends a head that is held, and what follows it. @param text Latin-1; not for a body in chunks */
  flush(text = ''): void {
    this.#write(this.#bodiless ? '' : text);
  }

  /** @returns false when the client reads too slowly: wait for `drained` */
  write(chunk: Buffer): boolean {
    if (this.ended || this.#bodiless || chunk.length === 0) return this.ended || this.#write('');
    if (!this.#chunked) return this.#writeWith('', chunk, '');
    return this.#writeWith(`${chunk.length.toString(16)}\r\n`, chunk, CRLF);
  }

  /** Sends the last of the body. @param text Latin-1 */
  end(text = '', trailers: readonly string[] = []): void {
    if (this.ended) return;
    let last = this.#bodiless ? '' : text;
    if (this.#chunked && !this.#bodiless) {
      if (last !== '') last = `${last.length.toString(16)}\r\n${last}\r\n`;
      last += '0\r\n';
      for (let i = 0; i < trailers.length; i += 2) last += `${trailers[i]}: ${trailers[i + 1]}\r\n`;
      last += CRLF;
    }
    this.#write(last);
    this.ended = true;
    this.#owner.responseEnded(this);
  }

  /** Tells a waiting client to send its body. */
  writeContinue(): void {
    this.awaited = false;
    this.socket.write('HTTP/1.1 100 Continue\r\n\r\n', 'latin1');
  }

  /** A response with status 1xx; the final one follows. @param fields flat */
  writeInformation(status: number, fields: readonly string[]): void {
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
    for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
    this.socket.write(text + CRLF, 'latin1');
  }

  /** Calls once the client has taken what was too much for it. */
  drained(callback: () => void): void {
    this.socket.once('drain', callback);
  }

  /** Calls once the system has taken all that was written so far; never when the connection ends before. */
  flushed(callback: () => void): void {
    this.socket.write('', (error) => {
      if (error === undefined || error === null) callback();
    });
  }

  /** Breaks the connection off. */
  destroy(): void {
    this.socket.destroy();
  }

  #write(text: string): boolean {
    const whole = this.#held + text;
    this.#held = '';
    return whole === '' ? true : this.socket.write(whole, 'latin1');
  }

  #writeWith(before: string, chunk: Buffer, after: string): boolean {
    const head = this.#held + before;
    this.#held = '';
    if (head === '' && after === '') return this.socket.write(chunk);
    this.socket.cork();
    if (head !== '') this.socket.write(head, 'latin1');
    const more = this.socket.write(chunk);
    if (after !== '') this.socket.write(after, 'latin1');
    this.socket.uncork();
    return more;
  }
}

/** The bytes of a text in UTF-8, as Latin-1. */
export function utf8AsLatin1(text: string): string {
  return Buffer.from(text).toString('latin1');
}
