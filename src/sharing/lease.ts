import type { Policy } from '../algorithms/algorithm.ts';
import type { Check, Verdict } from './strategy.ts';

/** Policies whose units may be bought ahead: they count by sub-windows, so within one it does not matter when a unit is used. */
export type LeasablePolicy = Extract<Policy, { algorithm: 'fixed-window' | 'sliding-window' }>;

export function isLeasable(policy: Policy): policy is LeasablePolicy {
  return policy.algorithm === 'fixed-window' || policy.algorithm === 'sliding-window';
}

/** Milliseconds of the span that a charge is counted in. */
export function subWindowOf(policy: LeasablePolicy): number {
  return policy.algorithm === 'fixed-window' ? policy.windowMs : Math.ceil(policy.windowMs / (policy.buckets - 1));
}

/**
 * No lease lives longer, counted from the moment it was asked for: then unspent units go back. So a key that is no longer
 * asked for holds its units for at most this long, and the two clocks have little time to drift apart.
 */
const LIFE_MS = 500;

/**
 * Taken off the end of the sub-window. The server's time comes in whole milliseconds, rounded down: up to 1 ms of the
 * sub-window had passed already. The rest is for clocks that run at different rates: 1 ms in LIFE_MS is four times
 * what NTP may slew (500 ppm).
 */
const MARGIN_MS = 2;

/** A purchase: what was asked when, and what the server said. */
export interface Purchase {
  readonly policy: LeasablePolicy;
  readonly units: number;
  /** Before it was sent, on the monotonic and on the wall clock. */
  readonly sentAt: number;
  readonly sentWall: number;
  /** The server's time of the charge. */
  readonly at: number;
  readonly verdict: Verdict;
}

/** Units of one counter that are paid for in one sub-window and may be used until that ends. */
export class Lease {
  /** The server's time of the last charge; it is within the sub-window of all of them. */
  at: number;
  /** Units not used yet. */
  unspent: number;
  /** What it held after the last purchase; never more. */
  most: number;
  /** Milliseconds on the monotonic clock from which the units may no longer be used: the sub-window may have ended. */
  subWindowEnd: number;
  /** `ended`: what comes back goes to the store. `void`: the store has forgotten the charge, so nothing may go back. */
  state: 'open' | 'ended' | 'void' = 'open';
  readonly #policy: LeasablePolicy;
  readonly #subWindow: number;
  #endsAt: number;
  #wallEndsAt: number;
  #remaining: number;
  #resetMs: number;

  constructor(purchase: Purchase) {
    this.#policy = purchase.policy;
    this.#subWindow = numberOf(purchase);
    this.unspent = purchase.units;
    this.most = purchase.units;
    this.at = purchase.at;
    this.subWindowEnd = endOf(purchase);
    this.#endsAt = Math.min(this.subWindowEnd, purchase.sentAt + LIFE_MS);
    this.#wallEndsAt = purchase.sentWall + (this.#endsAt - purchase.sentAt);
    this.#remaining = purchase.verdict.remaining;
    this.#resetMs = purchase.verdict.resetMs;
  }

  /**
   * Takes in more units, if they were charged to the same sub-window; false when not. Its end is told anew by the later
   * charge, so that clocks never drift for longer than one purchase's life.
   */
  add(purchase: Purchase): boolean {
    if (this.state !== 'open' || numberOf(purchase) !== this.#subWindow) return false;
    this.unspent += purchase.units;
    this.most = this.unspent;
    this.at = purchase.at;
    this.subWindowEnd = endOf(purchase);
    this.#endsAt = Math.min(this.subWindowEnd, purchase.sentAt + LIFE_MS);
    this.#wallEndsAt = purchase.sentWall + (this.#endsAt - purchase.sentAt);
    this.#remaining = purchase.verdict.remaining;
    this.#resetMs = purchase.verdict.resetMs;
    return true;
  }

  /**
   * Whether its units may still be used. The wall clock is asked too because the monotonic one stands still while a
   * machine is suspended; a wall clock that is set back does no harm, set forward it only ends the lease early.
   */
  usable(now: number, wall: number): boolean {
    return now < this.#endsAt && wall < this.#wallEndsAt;
  }

  /** Uses `cost` units, which must be there. */
  take(cost: number, now: number): LeasedVerdict {
    this.unspent -= cost;
    const { algorithm } = this.#policy;
    const resetMs =
      algorithm === 'fixed-window'
        ? Math.max(1, Math.min(this.#resetMs, Math.ceil(this.subWindowEnd - now)))
        : this.#resetMs;
    return new LeasedVerdict(this, this.#remaining + this.unspent, resetMs);
  }
}

/** A yes that was paid for from a lease, so that a refund finds its way back. */
export class LeasedVerdict implements Verdict {
  readonly allowed = true;
  readonly retryAfterMs = 0;
  readonly remaining: number;
  readonly resetMs: number;
  readonly lease: Lease;

  constructor(lease: Lease, remaining: number, resetMs: number) {
    this.lease = lease;
    this.remaining = remaining;
    this.resetMs = resetMs;
  }
}

/** When the sub-window of a charge may end, on the monotonic clock: never after it truly does, for the charge came after sending. */
export function endOf({ policy, sentAt, at }: Pick<Purchase, 'policy' | 'sentAt' | 'at'>): number {
  const length = subWindowOf(policy);
  return sentAt + (Math.floor(at / length) + 1) * length - at - MARGIN_MS;
}

function numberOf({ policy, at }: Purchase): number {
  return Math.floor(at / subWindowOf(policy));
}

/** The same check for another number of units, as purchases and refunds send it. */
export function forUnits(check: Check, cost: number): Check {
  return { ...check, cost, shadow: false };
}
