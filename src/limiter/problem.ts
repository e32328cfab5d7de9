/** Bodies of refused requests: RFC 9457 problem details, with the types of draft-ietf-httpapi-ratelimit-headers-11 (section 5). */
import type { Rejection } from './outcome.ts';

const TYPES = 'https://iana.org/assignments/http-problem-types#';
const QUOTA_EXCEEDED = 'Request cannot be satisfied as assigned quota has been exceeded';
/** Different sets of violated policies are few; a bound all the same. */
const CACHE_SIZE = 1_024;

/** Over a limit: 429, made once for each set of violated policies. */
export class QuotaProblems {
  readonly #cache = new Map<string, Rejection>();

  /** @param policies names as in RateLimit-Policy, at least one */
  of(policies: readonly string[]): Rejection {
    const key = policies.length === 1 ? (policies[0] ?? '') : policies.join('\n');
    const known = this.#cache.get(key);
    if (known !== undefined) return known;
    const made = problem(429, {
      type: `${TYPES}quota-exceeded`,
      title: QUOTA_EXCEEDED,
      status: 429,
      detail: 'Too many requests. Come again after the seconds given in Retry-After.',
      'violated-policies': policies,
    });
    if (this.#cache.size < CACHE_SIZE) this.#cache.set(key, made);
    return made;
  }
}

/** The count cannot be reached and `onFailure: deny` holds: 503. */
export function reducedCapacity(limits: readonly string[]): Rejection {
  return problem(503, {
    type: `${TYPES}temporary-reduced-capacity`,
    title: 'Request cannot be satisfied due to temporary server capacity constraints',
    status: 503,
    detail: 'Requests cannot be counted at the moment.',
    'violated-policies': limits,
  });
}

/** The request lacks what a limit with `whenMissing: deny` counts by: there is no quota for such requests. */
export function keyMissing(limit: string, missing: string): Rejection {
  return problem(429, {
    type: `${TYPES}quota-exceeded`,
    title: QUOTA_EXCEEDED,
    status: 429,
    detail: `This request must carry: ${missing}. Without it there is no quota.`,
    'violated-policies': [limit],
  });
}

/** The header that holds the request's cost does not hold one: 400. */
export function costMalformed(header: string, max: number): Rejection {
  return problem(400, {
    type: 'about:blank',
    title: 'Bad Request',
    status: 400,
    detail: `The header ${header} must hold one whole number from 1 to ${max}.`,
  });
}

function problem(status: number, body: object): Rejection {
  return { status, body: JSON.stringify(body) };
}
