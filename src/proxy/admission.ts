import type { RequestTrace } from '../core/tracing.ts';
import { resolveClientIp } from './client-address.ts';
import type { ClientConnection } from './downstream/client-connection.ts';
import type { ClientRequest } from './downstream/client-request.ts';
import type { Fault } from './faults.ts';
import { FAULTS } from './faults.ts';
import { normaliseHost } from './host.ts';
import type { ServerOptions } from './options.ts';
import type { NormalPath } from './path.ts';
import { normalisePath } from './path.ts';
import type { BodyFraming, RequestHead } from './request-head.ts';
import type { CompiledRoute, CompiledSnapshot } from './snapshot.ts';
import { findRoute } from './snapshot.ts';
import { parseTarget } from './target.ts';

const ASTERISK: NormalPath = { forward: '*', match: '*', decoded: '*' };

/**
 * Everything that is settled about a request before any limit is asked. With a `fault` the request is not served, and
 * fields that come after the fault in order of reading keep their empty values.
 */
export class Admission {
  readonly method: string;
  readonly head: RequestHead;
  readonly httpMinor: number;
  clientIp: string;
  peerTrusted = false;
  readonly framing: BodyFraming;
  /** As the client spelled it: for the upstream's Host field. '' when the request has none. */
  authority = '';
  host = '';
  path: NormalPath = { forward: '', match: '', decoded: '' };
  query = '';
  route: CompiledRoute | undefined;
  readonly fault: Fault | undefined;
  /** undefined when requests are not traced. */
  readonly trace: RequestTrace | undefined;

  constructor(
    req: ClientRequest,
    connection: ClientConnection,
    snapshot: CompiledSnapshot,
    options: ServerOptions,
    trace: RequestTrace | undefined,
  ) {
    this.method = req.method;
    this.httpMinor = req.minor;
    this.framing = req.framing;
    this.clientIp = connection.peer;
    this.head = req.head;
    this.trace = trace;
    this.fault = this.#read(req, connection, snapshot, options);
  }

  #read(
    req: ClientRequest,
    connection: ClientConnection,
    snapshot: CompiledSnapshot,
    options: ServerOptions,
  ): Fault | undefined {
    const head = this.head;
    this.peerTrusted = connection.trustedBy(snapshot.trusted);
    if (this.peerTrusted) this.clientIp = resolveClientIp(snapshot.trusted, connection.peer, head.forwardedFor);
    if (connection.surplus) return FAULTS.connections;
    if (head.raw.length > options.maxHeaderCount * 2) return FAULTS.headersTooLarge;
    if (this.framing === 'malformed') return FAULTS.framing;
    if (this.framing === 'unsupported') return FAULTS.coding;
    const target = parseTarget(this.method, req.target);
    if (target === undefined) return FAULTS.target;
    const host = readHost(head, this.httpMinor, target.authority);
    if (host === undefined) return FAULTS.host;
    this.host = host;
    this.authority = target.authority ?? head.host;
    this.query = target.query;
    const path = target.path === '*' ? ASTERISK : normalisePath(target.path);
    if (path === undefined) return FAULTS.path;
    this.path = path;
    const route = findRoute(snapshot, this.method, host, path);
    if (route === 'ambiguous') return FAULTS.ambiguousPath;
    if (route === undefined) return FAULTS.noRoute;
    this.route = route;
    if (options.maxBodyBytes !== undefined && (head.contentLength ?? 0) > options.maxBodyBytes) {
      return FAULTS.bodyTooLarge;
    }
    return undefined;
  }
}

/**
 * The host a request is for (RFC 9112, 3.2): HTTP/1.1 needs exactly one valid Host field, HTTP/1.0 at most one; the
 * authority of an absolute-form target then takes its place.
 */
function readHost(head: RequestHead, httpMinor: number, authority: string | undefined): string | undefined {
  if (head.hosts > 1 || (head.hosts === 0 && httpMinor > 0)) return undefined;
  const named = head.hosts === 0 ? '' : normaliseHost(head.host);
  if (named === undefined) return undefined;
  return authority === undefined ? named : normaliseHost(authority);
}
