import type { Policy, WindowedPolicy } from '../algorithms/algorithm.ts';
import type { Clock } from '../core/clock.ts';
import { reasonOf, StoreError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { SharingName } from '../core/types.ts';

/**
 * The share of a limit that one instance enforces alone while the shared count cannot be reached: limit ÷ live instances,
 * rounded down, at least 1.
 *
 * What is given up: up to one unit less than a whole share for each instance in rounding; the limit itself where there are
 * more instances than units; fairness, when requests do not spread evenly over instances; and exactness at both ends of
 * an outage, because the shares start empty and the store never learns what they admitted: a window that holds such an
 * end may see up to twice its limit.
 */
export class Shares {
  readonly #live: () => number;
  /** The last share made of each policy; a policy of an old configuration goes with it. */
  readonly #made = new WeakMap<Policy, { readonly live: number; readonly share: Policy }>();

  /** @param live instances that enforce the limit now, this one included */
  constructor(live: () => number) {
    this.#live = live;
  }

  of(policy: Policy): Policy {
    const live = Math.max(1, Math.floor(this.#live()) || 1);
    const known = this.#made.get(policy);
    if (known !== undefined && known.live === live) return known.share;
    const share = shareOf(policy, live);
    this.#made.set(policy, { live, share });
    return share;
  }
}

/** One of `live` equal parts of a policy: rounded down, 1 at least. */
export function shareOf(policy: WindowedPolicy, live: number): WindowedPolicy;
export function shareOf(policy: Policy, live: number): Policy;
export function shareOf(policy: Policy, live: number): Policy {
  if (live === 1) return policy;
  const limit = divided(policy.limit, live);
  return policy.algorithm === 'token-bucket'
    ? { ...policy, limit, burst: divided(policy.burst, live) }
    : { ...policy, limit };
}

function divided(units: number, live: number): number {
  return Math.max(1, Math.floor(units / live));
}

/** At most one line for each kind of defect in this time. */
const REPORT_EVERY_MS = 60_000;
const MAX_KINDS = 100;

/**
 * Reports what should not happen on the request path. A store out of reach is the store's to report; anything else that a
 * strategy throws is a defect, which must neither break the request nor flood the log.
 */
export class DefectLog {
  readonly #clock: Clock;
  readonly #logger: Logger;
  readonly #lastByKind = new Map<string, number>();

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  report(where: SharingName | 'fallback' | 'limiter', error: unknown): void {
    if (error instanceof StoreError) return;
    const kind = `${where}: ${error instanceof Error ? error.name : typeof error}`;
    const now = this.#clock.monotonic();
    const last = this.#lastByKind.get(kind);
    if (last === undefined ? this.#lastByKind.size >= MAX_KINDS : now - last < REPORT_EVERY_MS) return;
    this.#lastByKind.set(kind, now);
    this.#logger.error(
      { where, reason: reasonOf(error) },
      'a defect while deciding; the failure policy decides instead',
    );
  }
}
