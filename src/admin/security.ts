/**
 * Who may ask. Three guards stand before every route:
 * - a bearer token, where one is configured, on everything but healthz, readyz and metrics;
 * - without a token (the listener is on loopback then), the Host must be an address or `localhost`, so that a page that
 *   rebinds its DNS name to 127.0.0.1 is refused: its requests carry its own name as Host;
 * - no change on behalf of another site's page: Sec-Fetch-Site and Origin, where a browser sends them, must be our own.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Problem } from './problems.ts';
import { sendProblem } from './problems.ts';

/** How a route is entered when a token is configured. Default: `Authorization: Bearer`. */
export type Access =
  /** Nobody is asked for a token. */
  | 'public'
  /** `X-Sluice-Token`: Authorization belongs to the request that is being asked about. */
  | 'proxy'
  /** Also `Authorization: Basic` with the token as password, which a browser can ask its user for. Only for the dashboard and what it asks, which change nothing. */
  | 'page';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: Access;
  }
}

/** The field that a proxy shows its token in. */
export const TOKEN_HEADER = 'x-sluice-token';

const SECURITY_HEADERS = {
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export function guard(app: FastifyInstance, token: string | undefined): void {
  const digest = token === undefined ? undefined : sha256(token);
  app.addHook('onRequest', async (request, reply) => {
    const { access } = request.routeOptions.config;
    reply.header('cache-control', 'no-store');
    // What a proxy asks for, it may hand to its client: that answer is the limits' alone.
    if (access !== 'proxy') reply.headers(SECURITY_HEADERS);
    const refusal =
      digest === undefined
        ? strangeHost(request)
        : access === 'public' || shows(request, access, digest)
          ? undefined
          : unauthorised(access);
    if (refusal?.status === 401) reply.header('www-authenticate', challenge(access));
    const problem = refusal ?? (access === 'proxy' ? undefined : crossSite(request));
    if (problem !== undefined) return sendProblem(reply, problem);
  });
}

function unauthorised(access: Access | undefined): Problem {
  const field = access === 'proxy' ? 'X-Sluice-Token: TOKEN' : 'Authorization: Bearer TOKEN';
  return { status: 401, detail: 'the admin token is missing or wrong', hint: `send it as ${field}` };
}

function challenge(access: Access | undefined): string {
  return access === 'page' ? 'Basic realm="sluice", charset="UTF-8"' : 'Bearer realm="sluice"';
}

/** Compares digests: they are of one length, and the time taken tells nothing about the token. */
function shows(request: FastifyRequest, access: Access | undefined, digest: Buffer): boolean {
  const shown = access === 'proxy' ? request.headers[TOKEN_HEADER] : credentials(request, access === 'page');
  return typeof shown === 'string' && timingSafeEqual(sha256(shown), digest);
}

function credentials(request: FastifyRequest, basicToo: boolean): string | undefined {
  const [, scheme = '', value = ''] = /^(\w+) +(\S+) *$/.exec(request.headers.authorization ?? '') ?? [];
  if (scheme.toLowerCase() === 'bearer') return value;
  if (!basicToo || scheme.toLowerCase() !== 'basic') return undefined;
  const pair = Buffer.from(value, 'base64').toString('utf8');
  return pair.slice(pair.indexOf(':') + 1);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

/** A request without Host (HTTP/1.0) comes from no browser. */
function strangeHost(request: FastifyRequest): Problem | undefined {
  const host = (request.headers.host ?? '').replace(/:\d*$/, '').toLowerCase();
  const address = host.replace(/^\[(.*)\]$/, '$1');
  if (host === '' || host === 'localhost' || host.endsWith('.localhost') || isIP(address) !== 0) return undefined;
  return {
    status: 403,
    detail: 'without an admin token, only requests to an IP address or localhost are answered',
    hint: 'send Host: localhost, or configure admin.token (nginx: proxy_set_header Host localhost; Caddy: header_up Host localhost)',
  };
}

function crossSite(request: FastifyRequest): Problem | undefined {
  if (request.method === 'GET' || request.method === 'HEAD') return undefined;
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  const ownSite = site === undefined || site === 'same-origin' || site === 'none';
  const ownOrigin = origin === undefined || hostOf(origin) === host?.toLowerCase();
  if (ownSite && ownOrigin) return undefined;
  return { status: 403, detail: 'changes on behalf of another site’s page are refused', hint: 'use curl or a script' };
}

function hostOf(origin: string): string | undefined {
  return URL.parse(origin)?.host;
}
