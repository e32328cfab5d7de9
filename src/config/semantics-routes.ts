import { hostCovers, pathCovers } from '../core/patterns.ts';
import { routeName } from './build.ts';
import type { RouteShape } from './schema.ts';
import type { Subject } from './subject.ts';

/** Route names that are taken twice, and routes that no request can get to because earlier ones match first. */
export function checkRoutes({ file, places, faults }: Subject): void {
  const names = new Map<string, number>();
  const earlier: { readonly match: RouteShape['match']; readonly name: string }[] = [];
  for (const [i, route] of (file.routes ?? []).entries()) {
    const path = `routes/${i}`;
    if (route === undefined || places.tainted(`${path}/name`) || places.tainted(`${path}/match`)) continue;
    const name = routeName(route, i);
    const first = names.get(name);
    if (first !== undefined) {
      const at = places.written(`${path}/name`) ? `${path}/name` : `routes/${first}/name`;
      faults.add(places.valueAt(at), at, {
        code: 'duplicate-route',
        message: `two routes are named ${places.show(at, name)}`,
        hint: `routes ${first + 1} and ${i + 1}; a route without a name is called route-<position>`,
      });
    } else names.set(name, i);
    const coveredBy = covering(route.match, earlier);
    if (coveredBy !== undefined) {
      faults.add(places.valueAt(path), path, {
        code: 'shadowed-route',
        message: `nothing can reach route ${i + 1}: ${coveredBy.join(' and ')} always match${coveredBy.length === 1 ? 'es' : ''} first`,
        hint: 'the first route that matches wins; put the more particular one first',
      });
    }
    earlier.push({ match: route.match, name: `route ${i + 1}` });
  }
}

/** The earlier routes that between them take every request of `match`; undefined when some request gets past them. */
function covering(
  match: RouteShape['match'],
  earlier: readonly { readonly match: RouteShape['match']; readonly name: string }[],
): string[] | undefined {
  const by: string[] = [];
  const left = match.method === undefined ? undefined : new Set(match.method);
  for (const { match: other, name } of earlier) {
    if (!hostCovers(other.host, match.host) || !pathCovers(other.path, match.path)) continue;
    if (other.method === undefined) return [name];
    let took = false;
    for (const method of other.method) took = left?.delete(method) === true || took;
    if (took) by.push(name);
    if (left?.size === 0) return by;
  }
  return undefined;
}
