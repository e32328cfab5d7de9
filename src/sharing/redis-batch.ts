/** The wire form of `lua/check.lua`: what one script call asks, and how its reply is read. Pure. */
import type { Policy } from '../algorithms/algorithm.ts';
import { StoreError } from '../core/errors.ts';
import type { Check, GroupVerdict, Verdict } from './strategy.ts';

/** The four script arguments of a policy: code, limit, window (or lease) in ms, extra (buckets or burst). */
export function policyArguments(policy: Policy): [string, number, number, number] {
  switch (policy.algorithm) {
    case 'fixed-window':
      return ['f', policy.limit, policy.windowMs, 0];
    case 'sliding-window':
      return ['s', policy.limit, policy.windowMs, policy.buckets];
    case 'token-bucket':
      return ['t', policy.limit, policy.windowMs, policy.burst];
    case 'concurrency':
      return ['c', policy.limit, policy.leaseMs, 0];
  }
}

/** Numbers the distinct policies of one call; most checks of a batch share a few. */
export class PolicyTable {
  readonly #indexes = new Map<Policy, number>();
  readonly #arguments: (string | number)[] = [0];

  /** 1-based, as the script counts. */
  indexOf(policy: Policy): number {
    const known = this.#indexes.get(policy);
    if (known !== undefined) return known;
    this.#arguments.push(...policyArguments(policy));
    const index = this.#indexes.size + 1;
    this.#indexes.set(policy, index);
    this.#arguments[0] = index;
    return index;
  }

  /** The number of policies, then their arguments. */
  get arguments(): readonly (string | number)[] {
    return this.#arguments;
  }
}

export interface EncodedBatch {
  readonly keys: readonly string[];
  readonly args: readonly (string | number)[];
  /** Checks in all groups together. */
  readonly checks: number;
}

/** KEYS and ARGV for `lua/check.lua`. Groups keep their order, so earlier requests are served first. */
export function encodeBatch(groups: readonly (readonly Check[])[], keyOf: (counter: string) => string): EncodedBatch {
  const keys: string[] = [];
  const policies = new PolicyTable();
  const checks: (string | number)[] = [];
  for (const group of groups) {
    const last = group.length - 1;
    for (let i = 0; i <= last; i++) {
      const check = group[i];
      if (check === undefined) continue;
      keys.push(keyOf(check.counter));
      const head = policies.indexOf(check.policy) * 8 + (i === last ? 2 : 0) + (check.shadow ? 1 : 0);
      if (check.cost === 1) checks.push(head);
      else checks.push(head + 4, check.cost);
      if (check.policy.algorithm === 'concurrency') checks.push(check.holder ?? '');
    }
  }
  return { keys, args: policies.arguments.concat(checks), checks: keys.length };
}

/**
 * Reads the reply to {@link encodeBatch}: one verdict for each group.
 * @throws StoreError SLUICE_STORE_REPLY when it is not of the agreed shape
 */
export function decodeReply(reply: unknown, groups: readonly (readonly Check[])[]): GroupVerdict[] {
  if (!Array.isArray(reply)) throw malformed();
  const numbers: readonly unknown[] = reply;
  const at = countAt(numbers, 0);
  const out: GroupVerdict[] = [];
  let next = 1;
  for (const group of groups) {
    let allowed = true;
    const verdicts: Verdict[] = [];
    for (const check of group) {
      const remaining = numbers[next];
      if (typeof remaining !== 'number') throw malformed();
      const resetMs = countAt(numbers, next + 1);
      if (remaining >= 0) {
        verdicts.push({ allowed: true, remaining, retryAfterMs: 0, resetMs });
        next += 2;
      } else {
        if (!check.shadow) allowed = false;
        verdicts.push({ allowed: false, remaining: -1 - remaining, retryAfterMs: countAt(numbers, next + 2), resetMs });
        next += 3;
      }
    }
    out.push({ allowed, verdicts, at });
  }
  if (next !== numbers.length) throw malformed();
  return out;
}

function countAt(reply: readonly unknown[], index: number): number {
  const value = reply[index];
  if (typeof value !== 'number' || value < 0) throw malformed();
  return value;
}

function malformed(): StoreError {
  return new StoreError('SLUICE_STORE_REPLY', 'redis answered a check with something unexpected');
}
