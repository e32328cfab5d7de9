/**
 * The request that another proxy asks about, out of what it sends along:
 *
 * | | method | host | URI | client |
 * | --- | --- | --- | --- | --- |
 * | Traefik forwardAuth | X-Forwarded-Method | X-Forwarded-Host | X-Forwarded-Uri | X-Forwarded-For |
 * | Caddy forward_auth | the same | the same | the same | the same |
 * | ingress-nginx | X-Original-Method | X-Original-URL | X-Original-URL (absolute) | X-Forwarded-For |
 * | nginx auth_request | whatever its configuration sets: either family; X-Original-URI is its manual's word |||
 *
 * All of them also pass the client's own fields along. What a proxy does not overwrite, a client can make up, and so talk
 * itself into another route or key. So a part that is missing, told twice, or told differently by two fields is refused.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { OriginalRequest } from './deps.ts';
import { ProblemError } from './problems.ts';
import { TOKEN_HEADER } from './security.ts';

/** What nginx must be told to send; the others send it by themselves. */
const NGINX_LINES = {
  'X-Forwarded-Method': '$request_method',
  'X-Forwarded-Host': '$http_host',
  'X-Forwarded-Uri': '$request_uri',
  'X-Forwarded-For': '$remote_addr',
} as const;
type Needed = keyof typeof NGINX_LINES;

/** @throws ProblemError 400 when the request cannot be told from its fields */
export function originalRequest(request: IncomingMessage): OriginalRequest {
  const url = absolute(single(request, 'x-original-url'));
  const method = agreed('method', single(request, 'x-forwarded-method'), single(request, 'x-original-method'));
  const uri = agreed('URI', single(request, 'x-forwarded-uri'), single(request, 'x-original-uri'), url?.uri);
  const host = agreedHost(single(request, 'x-forwarded-host'), url?.host);
  const forwardedFor = field(request.headers, 'x-forwarded-for');
  const missing: Needed[] = [];
  if (method === undefined) missing.push('X-Forwarded-Method');
  if (host === undefined) missing.push('X-Forwarded-Host');
  if (uri === undefined) missing.push('X-Forwarded-Uri');
  if (forwardedFor === undefined) missing.push('X-Forwarded-For');
  if (method === undefined || host === undefined || uri === undefined || forwardedFor === undefined) {
    throw new ProblemError({
      status: 400,
      detail: `the proxy must tell which request it asks about; missing: ${missing.join(', ')}`,
      hint: `nginx: ${missing.map((name) => `proxy_set_header ${name} ${NGINX_LINES[name]};`).join(' ')}`,
    });
  }
  return {
    method: method.toUpperCase(),
    proto: field(request.headers, 'x-forwarded-proto') ?? url?.proto ?? 'http',
    host,
    uri,
    forwardedFor,
    peer: request.socket.remoteAddress ?? '',
    headers: { ...request.headers, host, [TOKEN_HEADER]: undefined },
  };
}

/** An empty field counts as absent: that is how nginx takes one away. */
function field(headers: IncomingHttpHeaders, name: string): string | undefined {
  const value = headers[name];
  const text = typeof value === 'string' ? value.trim() : undefined;
  return text === '' ? undefined : text;
}

function single(request: IncomingMessage, name: string): string | undefined {
  const value = field(request.headers, name);
  // Node joins repeated fields with a comma; only then is the costlier look at all of them needed.
  if (value?.includes(',') && (request.headersDistinct[name]?.length ?? 0) > 1) throw ambiguous(`${name} comes twice`);
  return value;
}

function agreed(part: string, ...told: readonly (string | undefined)[]): string | undefined {
  const values = new Set(told.filter((value) => value !== undefined));
  if (values.size > 1) throw ambiguous(`X-Forwarded-* and X-Original-* disagree about the ${part}`);
  return values.values().next().value;
}

/** nginx's `$host` has no port and its `$http_host` has one; that is no disagreement. */
function agreedHost(forwarded: string | undefined, original: string | undefined): string | undefined {
  const bare = (host: string | undefined): string | undefined => host?.replace(/:\d+$/, '').toLowerCase();
  agreed('host', bare(forwarded), bare(original));
  return forwarded ?? original;
}

function absolute(url: string | undefined): { proto: string; host: string; uri: string } | undefined {
  if (url === undefined) return undefined;
  const [, proto, host, uri] = /^(https?):\/\/([^/?#]+)([^#]*)$/i.exec(url) ?? [];
  if (proto === undefined || host === undefined) throw ambiguous('X-Original-URL is not an absolute http URL');
  return { proto: proto.toLowerCase(), host, uri: uri?.startsWith('/') ? uri : `/${uri ?? ''}` };
}

function ambiguous(detail: string): ProblemError {
  return new ProblemError({
    status: 400,
    detail,
    hint: 'let the proxy set every field that it uses, and remove the others',
  });
}
