/**
 * What spans say, in the words of OpenTelemetry's HTTP conventions (https://opentelemetry.io/docs/specs/semconv/http/http-spans/);
 * what has no word there is called `sluice.…`. Nothing that a client chooses freely is in it but the path: no query, no field of
 * the header, no address and no key.
 */
import type { RequestEvent } from '../core/telemetry.ts';
import type { TracedRequest } from '../core/tracing.ts';
import type { SharingName } from '../core/types.ts';
import type { Attributes } from './span.ts';

/** The limits' decision. */
export interface Decision {
  readonly at: number;
  readonly verdict: RequestEvent['outcome'];
}

/** A question to whoever keeps the count, and how long the answer took. */
export interface StoreTrip {
  readonly sharing: SharingName;
  readonly from: number;
  readonly to: number;
  readonly error: string | undefined;
}

/** One server asked. */
export interface Attempt {
  readonly spanId: string;
  readonly origin: string;
  readonly from: number;
  to: number;
  status: number;
  fault: string | undefined;
}

/** Longer ones are cut, in characters: a client chooses them. */
const MAX_PATH = 256;
const MAX_HOST = 253;
const MAX_METHOD = 32;
/** Any other method is `_OTHER`, so that a client cannot make up names of spans. */
const METHODS: ReadonlySet<string> = new Set([
  'CONNECT',
  'DELETE',
  'GET',
  'HEAD',
  'OPTIONS',
  'PATCH',
  'POST',
  'PUT',
  'QUERY',
  'TRACE',
]);

/** The method and the route's own pattern: few names, whatever clients ask for. */
export function serverSpanName({ method }: RequestEvent, { route }: TracedRequest): string {
  const verb = clientSpanName(method);
  const pattern = route?.match.path;
  return pattern === undefined ? verb : `${verb} ${pattern}`;
}

export function clientSpanName(method: string): string {
  return METHODS.has(method) ? method : 'HTTP';
}

export function serverAttributes(event: RequestEvent, request: TracedRequest): Attributes {
  const attributes: Attributes = {
    'url.scheme': 'http',
    'url.path': cut(event.path, MAX_PATH),
    'network.protocol.version': request.httpMinor === 0 ? '1.0' : '1.1',
    'http.response.status_code': event.status,
    'sluice.outcome': event.outcome,
  };
  addMethod(attributes, event.method);
  addServer(attributes, request.authority);
  const pattern = request.route?.match.path;
  if (pattern !== undefined) attributes['http.route'] = pattern;
  if (event.route !== '') attributes['sluice.route'] = event.route;
  if (event.upstream !== undefined) attributes['sluice.upstream'] = event.upstream;
  if (event.fault !== undefined) attributes['sluice.fault'] = event.fault;
  if (event.status >= 500) attributes['error.type'] = event.fault ?? String(event.status);
  else if (event.fault !== undefined && event.status < 400) attributes['error.type'] = event.fault;
  return attributes;
}

/** @param place of the attempt among those of its request, from 0 */
export function attemptAttributes(attempt: Attempt, event: RequestEvent, place: number): Attributes {
  const attributes: Attributes = { 'url.full': attempt.origin + (event.path === '*' ? '' : cut(event.path, MAX_PATH)) };
  addMethod(attributes, event.method);
  addServer(attributes, attempt.origin.slice(attempt.origin.indexOf('//') + 2));
  if (attempt.status > 0) attributes['http.response.status_code'] = attempt.status;
  if (attempt.fault !== undefined) attributes['error.type'] = attempt.fault;
  else if (attempt.status >= 400) attributes['error.type'] = String(attempt.status);
  if (place > 0) attributes['http.request.resend_count'] = place;
  if (event.upstream !== undefined) attributes['sluice.upstream'] = event.upstream;
  return attributes;
}

export function decisionAttributes(
  decision: Decision,
  limits: string[],
  sharings: string[],
  verdicts: string[],
  fallbacks: string[] | undefined,
): Attributes {
  const attributes: Attributes = { 'sluice.verdict': decision.verdict };
  if (limits.length > 0) {
    attributes['sluice.limits'] = limits;
    attributes['sluice.sharings'] = sharings;
    attributes['sluice.verdicts'] = verdicts;
  }
  if (fallbacks !== undefined) attributes['sluice.fallbacks'] = fallbacks;
  return attributes;
}

export function tripAttributes({ sharing, error }: StoreTrip): Attributes {
  const attributes: Attributes = { 'sluice.sharing': sharing };
  if (sharing === 'redis') attributes['db.system.name'] = 'redis';
  if (error !== undefined) attributes['error.type'] = error;
  return attributes;
}

function addMethod(attributes: Attributes, method: string): void {
  if (METHODS.has(method)) {
    attributes['http.request.method'] = method;
    return;
  }
  attributes['http.request.method'] = '_OTHER';
  if (method !== '') attributes['http.request.method_original'] = cut(method, MAX_METHOD);
}

/** @param authority host, and perhaps a port */
function addServer(attributes: Attributes, authority: string): void {
  if (authority === '') return;
  const colon = authority.lastIndexOf(':');
  const port = colon === -1 || authority.endsWith(']') ? '' : authority.slice(colon + 1);
  const host = port === '' ? authority : authority.slice(0, colon);
  // Brackets belong to the URL and not to an IPv6 address.
  attributes['server.address'] = cut(host.replace(/^\[|\]$/g, ''), MAX_HOST);
  if (/^\d{1,5}$/.test(port)) attributes['server.port'] = Number(port);
}

const cut = (text: string, most: number): string => (text.length > most ? `${text.slice(0, most)}…` : text);
