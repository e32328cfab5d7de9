import { STATUS_CODES } from 'node:http';

/** A response of our own to a request that could not be served, as `application/problem+json` (RFC 9457). */
export interface Fault {
  /** Stable word: in the body as `code`, in telemetry as `fault`. */
  readonly code: string;
  readonly status: number;
  /** ASCII. */
  readonly body: string;
  /** Length of the body as a field value. */
  readonly length: string;
}

function fault(code: string, status: number, detail: string): Fault {
  const body = JSON.stringify({ type: 'about:blank', title: STATUS_CODES[status], status, detail, code });
  return { code, status, body, length: String(body.length) };
}

/** Everything that can go wrong with a request, built once. Details tell the client what to change, never what is inside. */
export const FAULTS = {
  malformed: fault('malformed_request', 400, 'The request is not valid HTTP.'),
  target: fault('bad_target', 400, 'The request target is neither a path nor an http(s) URL.'),
  path: fault('bad_path', 400, 'The path has a control character, a broken percent-escape or a fragment.'),
  ambiguousPath: fault(
    'ambiguous_path',
    400,
    'The path has an encoded slash or backslash that could be read in two ways.',
  ),
  host: fault('bad_host', 400, 'The request needs exactly one valid Host field.'),
  framing: fault('bad_framing', 400, 'The end of the body is not certain from Content-Length and Transfer-Encoding.'),
  noRoute: fault('no_route', 404, 'Nothing is served here.'),
  requestTimeout: fault('request_timeout', 408, 'The request did not arrive in time.'),
  bodyTooLarge: fault('body_too_large', 413, 'The body is larger than accepted.'),
  expectation: fault('expectation_failed', 417, 'The only expectation served is 100-continue.'),
  headersTooLarge: fault('headers_too_large', 431, 'The header fields are too large or too many.'),
  clientGone: fault('client_aborted', 499, 'The client went away.'),
  internal: fault('internal', 500, 'The gateway failed on this request.'),
  method: fault('method_not_supported', 501, 'The method is not supported.'),
  coding: fault('unsupported_transfer_coding', 501, 'The only transfer coding served is chunked.'),
  unreachable: fault('upstream_unreachable', 502, 'The service behind the gateway cannot be reached.'),
  lost: fault('upstream_lost', 502, 'The service behind the gateway closed the connection without an answer.'),
  protocol: fault('upstream_protocol', 502, 'The service behind the gateway gave an invalid answer.'),
  connections: fault('too_many_connections', 503, 'The gateway has as many connections as it accepts.'),
  overloaded: fault('upstream_overloaded', 503, 'Too many requests are waiting for the service behind the gateway.'),
  upstreamTimeout: fault('upstream_timeout', 504, 'The service behind the gateway did not answer in time.'),
  version: fault('bad_version', 505, 'The HTTP version is not supported.'),
  /** After the head has gone out there is no status to send; these only name what cut the exchange short. */
  truncated: fault('upstream_truncated', 502, 'The service behind the gateway broke off.'),
  streamIdle: fault('stream_idle', 408, 'Nothing moved for too long.'),
  drained: fault('drained', 503, 'The gateway is shutting down.'),
} as const satisfies Record<string, Fault>;

/** A whole response for a connection on which no request object exists; the connection is closed after it. */
export function rawFaultResponse(fault: Fault, date: string): string {
  return (
    `HTTP/1.1 ${fault.status} ${STATUS_CODES[fault.status] ?? 'Error'}\r\n` +
    `Content-Type: application/problem+json\r\nContent-Length: ${fault.length}\r\n` +
    `Date: ${date}\r\nConnection: close\r\n\r\n${fault.body}`
  );
}
