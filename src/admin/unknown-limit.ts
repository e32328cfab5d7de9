import { suggest } from '../core/suggest.ts';
import type { AdminDeps } from './deps.ts';
import type { Problem } from './problems.ts';

/** What is answered to a limit's name that is none. */
export function unknownLimit(name: string, deps: AdminDeps): Problem {
  const names = deps.limits().map((limit) => limit.name);
  const near = suggest(name, names);
  return {
    status: 404,
    detail: `no limit is called ${JSON.stringify(name.slice(0, 100))}`,
    hint: near !== undefined ? `did you mean ${near}?` : 'GET /v1/limits lists them',
  };
}
