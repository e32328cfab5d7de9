/** Requests that are not on the data plane: those another proxy asks about, and those an operator wants explained. */
import { SluiceError } from '../core/errors.ts';
import { CidrSet, canonicalIp } from '../core/ip.ts';
import type { Explanation } from '../limiter/explanation.ts';
import type { LimitSet } from '../limiter/limiter.ts';
import type { Outcome } from '../limiter/outcome.ts';
import { UNLIMITED } from '../limiter/outcome.ts';
import { resolveClientIp } from './client-address.ts';
import { normaliseHost } from './host.ts';
import type { NormalPath } from './path.ts';
import { normalisePath } from './path.ts';
import { PlainRequestFacts } from './request-facts.ts';
import type { RouteMatcher } from './route-table.ts';
import { RouteTable } from './route-table.ts';
import type { Target } from './target.ts';
import { parseTarget } from './target.ts';

/** The part of a route that matters when nothing is forwarded. */
export interface DetachedRoute extends RouteMatcher {
  readonly name: string;
  readonly upstream: string;
  readonly limits: LimitSet;
}

export interface DetachedRequest {
  readonly method: string;
  /** The Host field. */
  readonly host: string;
  /** Origin-form or absolute-form. */
  readonly target: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  /** Who is connected to the one that asks; X-Forwarded-For counts only if it is a trusted proxy. */
  readonly peer: string;
  readonly forwardedFor: string | undefined;
}

interface Found {
  readonly route: DetachedRoute | undefined;
  readonly facts: PlainRequestFacts;
}

export class DetachedRequests {
  readonly #routes: RouteTable<DetachedRoute>;
  readonly #trusted: CidrSet;

  constructor(routes: readonly DetachedRoute[], trustedProxies: readonly string[]) {
    this.#routes = new RouteTable(routes);
    this.#trusted = new CidrSet(trustedProxies);
  }

  /**
   * What the gateway would make of the request. Counts nothing.
   * @throws SluiceError SLUICE_USAGE when the gateway would answer 400
   */
  explain(request: DetachedRequest): Explanation {
    const { route, facts } = this.#find(request);
    return {
      method: facts.method,
      host: facts.host,
      path: facts.path,
      clientIp: facts.clientIp,
      route: route?.name,
      upstream: route?.upstream,
      limits: route === undefined ? [] : route.limits.explain(facts),
    };
  }

  /** Decides and charges the request as if it had come through the gateway. Never rejects. */
  async decide(request: DetachedRequest): Promise<Outcome> {
    let found: Found;
    try {
      found = this.#find(request);
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      const problem = { type: 'about:blank', title: 'Bad Request', status: 400, detail: error.message };
      return { ...UNLIMITED, rejection: { status: 400, body: JSON.stringify(problem) } };
    }
    return found.route === undefined ? UNLIMITED : found.route.limits.decide(found.facts);
  }

  #find(request: DetachedRequest): Found {
    const target = parseTarget(request.method, request.target) ?? refuse('the request target cannot be understood');
    const host = normaliseHost(target.authority ?? request.host) ?? refuse('the host is not valid');
    const path = this.#pathOf(target);
    const route = this.#routes.find(request.method, host, path.match);
    if (path.decoded !== path.match && this.#routes.find(request.method, host, path.decoded) !== route) {
      refuse('the path has escaped slashes, which different servers read differently');
    }
    const peer = canonicalIp(request.peer) ?? refuse('the client address is not an IP address');
    const clientIp = resolveClientIp(this.#trusted, peer, request.forwardedFor);
    const name = route?.name ?? '';
    const raw = rawFields(request.headers);
    const facts = new PlainRequestFacts(request.method, path.decoded, host, name, clientIp, raw, target.query);
    return { route, facts };
  }

  #pathOf(target: Target): NormalPath {
    if (target.path === '*') return { forward: '*', match: '*', decoded: '*' };
    return normalisePath(target.path) ?? refuse('the path cannot be read safely');
  }
}

function rawFields(headers: DetachedRequest['headers']): string[] {
  return Object.entries(headers).flatMap(([name, value]) => {
    if (value === undefined) return [];
    return typeof value === 'string' ? [name, value] : value.flatMap((one) => [name, one]);
  });
}

function refuse(why: string): never {
  throw new SluiceError('SLUICE_USAGE', why);
}
