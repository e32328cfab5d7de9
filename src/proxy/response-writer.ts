import { Buffer } from 'node:buffer';
import { STATUS_CODES } from 'node:http';
import type { ClientResponse, Framing } from './downstream/client-response.ts';
import type { ExchangeHost } from './exchange-host.ts';
import { forwardableTrailers } from './fields.ts';
import type { ResponseHead } from './response-headers.ts';

/** Bodies up to here are sent as one string with the head: one write of one kind is what the kernel is quickest at. */
const STRING_BODY_BYTES = 16_384;

/**
 * Writes one upstream response to the client. The head is held back until the bytes that arrived with it are known, so
 * that a small response leaves in a single write; a response that is whole by then gets a Content-Length.
 */
export class ResponseWriter {
  readonly #host: ExchangeHost;
  readonly #res: ClientResponse;
  readonly #isHead: boolean;
  readonly #oldClient: boolean;
  /** Held back: not yet written. */
  #head: ResponseHead | undefined;
  /** Body bytes that came with the held head; only valid until the end of the turn. */
  #first: Buffer | undefined;
  #more: Buffer[] | undefined;
  #chunked = false;
  /** Nothing but the end of the connection marks the end of the body. */
  #closeDelimited = false;
  /** Body bytes taken. */
  bytes = 0;

  constructor(host: ExchangeHost, res: ClientResponse, method: string, httpMinor: number) {
    this.#host = host;
    this.#res = res;
    this.#isHead = method === 'HEAD';
    this.#oldClient = httpMinor === 0;
  }

  /** Whether a byte of the response may have reached the client. */
  get started(): boolean {
    return this.#res.headersSent;
  }

  head(head: ResponseHead): void {
    this.#head = head;
  }

  /** @returns false when the client reads too slowly: wait for `drain` */
  data(chunk: Buffer): boolean {
    this.bytes += chunk.length;
    if (this.#head === undefined) return this.#res.write(Buffer.from(chunk));
    if (this.#first === undefined) this.#first = chunk;
    else if (this.#more === undefined) this.#more = [this.#first, chunk];
    else this.#more.push(chunk);
    return true;
  }

  /** Writes what is held. @returns false when the client reads too slowly */
  flush(): boolean {
    const head = this.#head;
    if (head === undefined) return true;
    this.#writeHead(head, this.#declaredLength(head), true);
    const body = this.#takeBody();
    if (body !== undefined) return this.#res.write(Buffer.from(body));
    this.#res.flush();
    return true;
  }

  /**
   * Ends the response cleanly.
   *
   * @param linger ends the message later, where the client knows its end without that; undefined = at once
   */
  end(trailers: readonly string[], linger: (() => void) | undefined): void {
    const head = this.#head;
    const passed = trailers.length === 0 ? trailers : forwardableTrailers(trailers);
    if (linger !== undefined && (head === undefined ? !this.#chunked : trailers.length === 0)) {
      if (head !== undefined) this.#flushWhole(head);
      linger();
      return;
    }
    if (head === undefined) {
      this.#res.end('', passed);
      return;
    }
    const declared = this.#declaredLength(head);
    const bodiless = this.#isHead || head.status === 204 || head.status === 304;
    const body = this.#takeBody();
    const chunked = passed.length > 0 && declared === undefined && !this.#oldClient;
    const size = body?.length ?? 0;
    if (!chunked && !this.#oldClient && size <= STRING_BODY_BYTES && this.#res.takesWhole) {
      this.#head = undefined;
      this.#res.sendWhole(this.#render(head, bodiless ? declared : size, body));
      return;
    }
    this.#writeHead(head, bodiless || chunked ? declared : this.bytes, chunked);
    if (body === undefined) this.#res.end('', passed);
    else if (body.length <= STRING_BODY_BYTES) this.#res.end(body.toString('latin1'), passed);
    else {
      this.#res.write(Buffer.from(body));
      this.#res.end('', passed);
    }
  }

  /** Forgets what is held; another response may then be written. */
  discard(): void {
    this.#head = undefined;
    this.#first = undefined;
    this.#more = undefined;
    this.bytes = 0;
  }

  /** Breaks the connection off so that the client cannot take what it has for the whole. */
  truncate(): void {
    const socket = this.#res.socket;
    // The end of the connection is a clean end to a close-delimited body; only a reset is not.
    if (this.#closeDelimited) socket.resetAndDestroy();
    else this.#res.destroy();
  }

  /** Head and body as one text. */
  #render(head: ResponseHead, length: number | undefined, body: Buffer | undefined): string {
    const { fields, status } = head;
    let text = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'unknown'}\r\n`;
    for (let i = 0; i < fields.length; i += 2) text += `${fields[i]}: ${fields[i + 1]}\r\n`;
    if (length !== undefined) text += `Content-Length: ${length}\r\n`;
    if (!head.hasDate) text += `Date: ${this.#host.httpDate()}\r\n`;
    text += this.#host.keepAliveFields;
    return body === undefined || this.#isHead ? text : text + body.toString('latin1');
  }

  #flushWhole(head: ResponseHead): void {
    const bodiless = this.#isHead || head.status === 204 || head.status === 304;
    const body = this.#takeBody();
    this.#writeHead(head, bodiless ? this.#declaredLength(head) : this.bytes, false);
    if (body === undefined) this.#res.flush();
    else this.#res.write(Buffer.from(body));
  }

  #declaredLength(head: ResponseHead): number | undefined {
    return head.status === 204 ? undefined : head.contentLength;
  }

  #takeBody(): Buffer | undefined {
    const body = this.#more === undefined ? this.#first : Buffer.concat(this.#more);
    this.#first = undefined;
    this.#more = undefined;
    return body;
  }

  #writeHead(head: ResponseHead, length: number | undefined, mayChunk: boolean): void {
    this.#head = undefined;
    const { fields, status } = head;
    const bodiless = this.#isHead || status === 204 || status === 304;
    let framing: Framing = 'none';
    if (length !== undefined) {
      framing = 'length';
      fields.push('Content-Length', String(length));
    } else if (!bodiless) {
      this.#chunked = mayChunk && !this.#oldClient;
      this.#closeDelimited = !this.#chunked;
      framing = this.#chunked ? 'chunked' : 'close';
      if (this.#chunked && head.trailer !== undefined) fields.push('Trailer', head.trailer);
    }
    this.#res.writeHead(status, fields, framing, head.hasDate);
  }
}
