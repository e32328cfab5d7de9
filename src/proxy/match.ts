/** Finding the route of a request that is only described, for `explain` and for forward-auth checks. */
import type { LimitSet } from '../limiter/limiter.ts';
import { FAULTS } from './faults.ts';
import { normaliseHost } from './host.ts';
import { normalisePath } from './path.ts';
import type { CompiledSnapshot } from './snapshot.ts';
import { findRoute } from './snapshot.ts';
import { parseTarget } from './target.ts';

export interface RequestLine {
  readonly method: string;
  /** As a Host field says it; '' for none. An absolute-form target takes its place. */
  readonly host: string;
  /** Path with query, an absolute URL, or `*`. */
  readonly target: string;
}

export interface Match {
  /** Normalised. */
  readonly host: string;
  /** As routes are compared with. */
  readonly path: string;
  /** As limits count by: differs only where slashes are hidden in escapes. */
  readonly factsPath: string;
  /** With its question mark; '' when there is none. */
  readonly query: string;
  /** As the upstream would get it. */
  readonly forwardTarget: string;
  /** Undefined: 404, or the fault says why it would not be served at all. */
  readonly route: MatchedRoute | undefined;
  readonly fault: { readonly status: number; readonly code: string } | undefined;
}

export interface MatchedRoute {
  readonly name: string;
  readonly upstream: string;
  readonly limits: LimitSet;
}

export function matchRequest(snapshot: CompiledSnapshot, request: RequestLine): Match {
  const target = parseTarget(request.method, request.target);
  const refused = (fault: { readonly status: number; readonly code: string }): Match => ({
    host: '',
    path: '',
    factsPath: '',
    query: target?.query ?? '',
    forwardTarget: '',
    route: undefined,
    fault: { status: fault.status, code: fault.code },
  });
  if (target === undefined) return refused(FAULTS.target);
  const authority = target.authority ?? request.host;
  const host = authority === '' ? '' : normaliseHost(authority);
  if (host === undefined) return refused(FAULTS.host);
  const path = target.path === '*' ? { forward: '*', match: '*', decoded: '*' } : normalisePath(target.path);
  if (path === undefined) return refused(FAULTS.path);
  const route = findRoute(snapshot, request.method, host, path);
  if (route === 'ambiguous') return refused(FAULTS.ambiguousPath);
  return {
    host,
    path: path.match,
    factsPath: path.decoded,
    query: target.query,
    forwardTarget: path.forward + target.query,
    route:
      route === undefined
        ? undefined
        : { name: route.name, upstream: route.upstream.options.name, limits: route.limits },
    fault: undefined,
  };
}
