import type { WindowedPolicy } from '../../algorithms/algorithm.ts';
import type { FailurePolicy } from '../../core/types.ts';
import type { Check } from '../../sharing/strategy.ts';

/** The limit that a simulation is about: one policy, a counter for each key. */
export class SharedLimit {
  readonly policy: WindowedPolicy;
  readonly onFailure: FailurePolicy;
  readonly #checks: (Check | undefined)[] = [];

  constructor(policy: WindowedPolicy, onFailure: FailurePolicy) {
    this.policy = policy;
    this.onFailure = onFailure;
  }

  check(key: number, cost: number): Check {
    const known = this.#checks[key];
    if (known?.cost === cost) return known;
    const { policy } = this;
    const counter = `simulated/${policy.limit}/${policy.windowMs}/key-${key}`;
    const check: Check = { limit: 'simulated', counter, policy, cost, shadow: false, lease: false, holder: undefined };
    this.#checks[key] = check;
    return check;
  }
}
