/**
 * Node's request and response objects without the work that a proxy has no use for. Both are handed to the server through
 * its documented options, and use only what Node documents.
 */
import type { IncomingHttpHeaders } from 'node:http';
import { IncomingMessage, ServerResponse } from 'node:http';
import { CONTENT_LENGTH, EXPECT, fieldKind, TRANSFER_ENCODING, UPGRADE } from './fields.ts';

/**
 * A request whose `headers` hold only what Node itself looks at. Everything else reads `rawHeaders`; an object of all
 * fields, built for each request, would be for nobody.
 */
export class LeanRequest extends IncomingMessage {}

Object.defineProperty(LeanRequest.prototype, 'headers', {
  get(this: LeanRequest): IncomingHttpHeaders {
    return headersForNode(this.rawHeaders);
  },
});

const NO_HEADERS: IncomingHttpHeaders = Object.freeze({});

function headersForNode(raw: readonly string[]): IncomingHttpHeaders {
  let found: IncomingHttpHeaders | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const kind = fieldKind(raw[i] ?? '');
    if (kind !== EXPECT && kind !== CONTENT_LENGTH && kind !== TRANSFER_ENCODING && kind !== UPGRADE) continue;
    found ??= {};
    found[(raw[i] ?? '').toLowerCase()] = raw[i + 1] ?? '';
  }
  return found ?? NO_HEADERS;
}

/** A response that can also be sent as one text, made elsewhere. */
export class LeanResponse extends ServerResponse {
  /**
   * Whether `sendWhole` may be used: the connection is this response's, stays open afterwards, and nothing was written.
   * Not while the request is still being parsed: Node does not expect a response to finish at that point.
   */
  get takesWhole(): boolean {
    return (
      this.shouldKeepAlive && !this.headersSent && this.socket !== null && !this.socket.destroyed && this.req.complete
    );
  }

  /**
   * Sends a whole response, head and body, in one write and without Node's processing of each field, which is a fifth of
   * what a proxied request costs.
   *
   * @param text Latin-1; well formed, with its length, and nothing that would close the connection
   */
  sendWhole(text: string): void {
    this.socket?.write(text, 'latin1');
    this.finished = true;
    // What the server waits for to go on to the next request.
    this.emit('finish');
  }
}
