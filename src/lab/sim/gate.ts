import { StoreError } from '../../core/errors.ts';
import type { FailurePolicy } from '../../core/types.ts';
import type { Denials } from '../../limiter/denials.ts';
import { shareOf } from '../../limiter/failure.ts';
import type { Check, GroupVerdict, Strategy } from '../../sharing/strategy.ts';

/** How a request was decided: by the way of sharing itself, or by the failure policy instead of it. */
export type Ground = 'shared' | 'fallback';

export interface GateOptions {
  readonly strategy: Strategy;
  /** Where asking is a trip: refusals that are known to be met again. */
  readonly denials: Denials | undefined;
  /** Monotonic time of the process. */
  readonly now: () => number;
  /** Decides alone when the store cannot be asked and the policy is `local`. */
  readonly alone: Strategy;
  readonly onFailure: FailurePolicy;
  /** Hosts that share a limit when each is alone. */
  readonly hosts: number;
}

/**
 * One process's limiter for one limit, with the failure policies of src/limiter (lost-peers.ts, failure.ts) and nothing of HTTP.
 */
export class Gate {
  readonly #options: GateOptions;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Calls `decided` at once, or when the answer is there. `at`: the store's time of the decision, where that is another. */
  ask(check: Check, decided: (allowed: boolean, ground: Ground, at: number | undefined) => void): void {
    const { strategy, onFailure, denials } = this.#options;
    if (denials?.find(check) !== undefined) {
      decided(false, 'shared', undefined);
      return;
    }
    const share = strategy.visibleShare?.() ?? 1;
    if (share < 1 && onFailure === 'deny') {
      decided(false, 'fallback', undefined);
      return;
    }
    const answer = strategy.check([share < 1 && onFailure === 'local' ? { ...check, share } : check]);
    if (answer instanceof Promise) this.#wait(check, answer, decided);
    else decided(answer.allowed, 'shared', undefined);
  }

  #wait(
    check: Check,
    answer: Promise<GroupVerdict>,
    decided: (allowed: boolean, ground: Ground, at: number | undefined) => void,
  ): void {
    const { denials, now } = this.#options;
    const sentAt = now();
    answer.then(
      (verdict) => {
        const [refused] = verdict.verdicts;
        if (!verdict.allowed && refused !== undefined) denials?.remember(check, refused, sentAt);
        decided(verdict.allowed, 'shared', verdict.at);
      },
      (error: unknown) => {
        if (!(error instanceof StoreError)) throw error;
        decided(this.#alone(check), 'fallback', undefined);
      },
    );
  }

  #alone(check: Check): boolean {
    const { alone, onFailure, hosts } = this.#options;
    if (onFailure !== 'local') return onFailure === 'allow';
    const answer = alone.check([{ ...check, policy: shareOf(check.policy, hosts) }]);
    return isSettled(answer) && answer.allowed;
  }
}

function isSettled(answer: GroupVerdict | Promise<GroupVerdict>): answer is GroupVerdict {
  return !(answer instanceof Promise);
}
