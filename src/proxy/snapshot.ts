import type { Clock } from '../core/clock.ts';
import { SluiceError } from '../core/errors.ts';
import { CidrSet } from '../core/ip.ts';
import type { Random } from '../core/random.ts';
import type { LimitSet } from '../limiter/limiter.ts';
import type { ProxySnapshot, RouteOptions } from './options.ts';
import type { NormalPath } from './path.ts';
import { RouteTable } from './route-table.ts';
import { Upstream } from './upstream/upstream.ts';

export interface CompiledRoute {
  readonly name: string;
  readonly match: RouteOptions['match'];
  readonly limits: LimitSet;
  readonly upstream: Upstream;
}

/** Routes and upstreams, ready to serve; replaced whole. */
export interface CompiledSnapshot {
  readonly routes: RouteTable<CompiledRoute>;
  readonly trusted: CidrSet;
  readonly upstreams: ReadonlyMap<string, Upstream>;
}

/**
 * @param previous what is in force: servers that stay the same keep their connections and health
 * @throws SluiceError SLUICE_CONFIG_INVALID when a route names no upstream or a block is none
 */
export function compileSnapshot(
  snapshot: ProxySnapshot,
  clock: Clock,
  random: Random,
  previous: CompiledSnapshot | undefined,
): CompiledSnapshot {
  // Whatever can be refused is refused before the first connection pool is made.
  const trusted = new CidrSet(snapshot.trustedProxies);
  const known = new Set(snapshot.upstreams.map((upstream) => upstream.name));
  for (const route of snapshot.routes) {
    if (known.has(route.upstream)) continue;
    throw new SluiceError(
      'SLUICE_CONFIG_INVALID',
      `route "${route.name}" names the unknown upstream "${route.upstream}"`,
    );
  }
  const upstreams = new Map<string, Upstream>();
  for (const options of snapshot.upstreams) {
    upstreams.set(options.name, new Upstream(options, clock, random, previous?.upstreams.get(options.name)));
  }
  const routes: CompiledRoute[] = [];
  for (const { name, match, limits, upstream } of snapshot.routes) {
    const target = upstreams.get(upstream);
    if (target !== undefined) routes.push({ name, match, limits, upstream: target });
  }
  return { routes: new RouteTable(routes), trusted, upstreams };
}

/** Closes the servers that were in the old snapshot and are not in the new one. */
export function closeRemoved(old: CompiledSnapshot, current: CompiledSnapshot | undefined): void {
  const kept = new Set<unknown>();
  for (const upstream of current?.upstreams.values() ?? []) for (const server of upstream.servers) kept.add(server);
  for (const upstream of old.upstreams.values()) {
    for (const server of upstream.servers) if (!kept.has(server)) server.client.close();
  }
}

/** The route of a request; `ambiguous` when its two spellings select different ones. */
export function findRoute(
  snapshot: CompiledSnapshot,
  method: string,
  host: string,
  path: NormalPath,
): CompiledRoute | undefined | 'ambiguous' {
  const route = snapshot.routes.find(method, host, path.match);
  if (path.decoded === path.match) return route;
  return snapshot.routes.find(method, host, path.decoded) === route ? route : 'ambiguous';
}
