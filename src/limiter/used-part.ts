import type { Policy } from '../algorithms/algorithm.ts';
import type { Ask } from './ask.ts';

/**
 * How much of its limit a key had used when the request was decided, the request itself included: 1 is all of it, more was
 * refused. Of several rates the fullest. undefined when nobody counted.
 */
export function usedPart({ checks, verdicts, cost }: Ask): number | undefined {
  if (verdicts === undefined) return undefined;
  let most: number | undefined;
  for (let i = 0; i < checks.length; i++) {
    const verdict = verdicts[i];
    const policy = checks[i]?.policy;
    if (verdict === undefined || policy === undefined) continue;
    const capacity = capacityOf(policy);
    // What is left is told after an allowed request has taken its part, and before a refused one.
    const used = (capacity - verdict.remaining + (verdict.allowed ? 0 : cost)) / capacity;
    if (most === undefined || used > most) most = used;
  }
  return most;
}

function capacityOf(policy: Policy): number {
  return policy.algorithm === 'token-bucket' ? policy.burst : policy.limit;
}
