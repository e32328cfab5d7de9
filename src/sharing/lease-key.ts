import type { CounterEntry } from './counter-map.ts';
import type { LeasablePolicy, Lease } from './lease.ts';
import { isLeasable } from './lease.ts';
import { Demand, unitsToBuy } from './lease-demand.ts';
import type { Pace, Refusal } from './lease-pace.ts';
import { paceAfterRefusal, rhythmOf } from './lease-pace.ts';
import type { Check, Verdict } from './strategy.ts';

/** What is known of one counter that asked for leases. */
export interface LeaseKey extends CounterEntry {
  /** The last check that asked: what a purchase is made of. */
  check: Check;
  readonly demand: Demand;
  lease: Lease | undefined;
  /** A new purchase is due when no more than this is left. */
  refillAt: number;
  /** What the store last said is left. */
  remaining: number;
  /** When the sub-window ends, as far as known; on the monotonic clock. */
  subWindowEnd: number;
  /** Set while the counter is at its limit and hot. */
  pace: Pace | undefined;
  /** The purchase under way. Resolves with its error, if there was one. */
  purchase: Promise<unknown> | undefined;
  /** Units of it, and how many of them are waited for. */
  ordered: number;
  promised: number;
  /** Single checks under way: their units, and the answer to the last of them. */
  asking: number;
  lastAsked: Promise<unknown> | undefined;
  /** No purchase before, on the monotonic clock. */
  pausedUntil: number;
  /** The last purchase came when its sub-window was over. */
  tooLate: boolean;
  /** The counter was reset: a purchase under way is worth nothing. */
  forgotten: boolean;
}

/** A key not asked for in this time is forgotten. */
export const IDLE_MS = 1_000;

export function newLeaseKey(check: Check, now: number): LeaseKey {
  return {
    check,
    demand: new Demand(),
    lease: undefined,
    refillAt: 0,
    remaining: 0,
    subWindowEnd: 0,
    pace: undefined,
    purchase: undefined,
    ordered: 0,
    promised: 0,
    asking: 0,
    lastAsked: undefined,
    pausedUntil: 0,
    tooLate: false,
    forgotten: false,
    expiresAt: now + IDLE_MS,
    used: false,
    pinned: false,
  };
}

export function holds({ lease }: LeaseKey, cost: number, now: number, wall: number): boolean {
  return lease !== undefined && lease.unspent >= cost && lease.usable(now, wall);
}

/** Its pace, unless that says nothing any more: all counters were reset after it was set, or nobody has asked since long. */
export function paceOf(key: LeaseKey, now: number, resetAt: number): Pace | undefined {
  const { pace } = key;
  if (pace !== undefined && (pace.setAt <= resetAt || now > pace.until + IDLE_MS)) key.pace = undefined;
  return key.pace;
}

/** The store refused a request or a purchase: sets the pace at which it is asked from now on, if the key is hot. */
export function slowDown(
  key: LeaseKey,
  refused: Pick<Refusal, 'bought' | 'verdict' | 'sentAt' | 'liveInstances'>,
  now: number,
): void {
  const { policy, cost } = key.check;
  const before = key.pace?.policy === policy ? key.pace : undefined;
  key.pace = undefined;
  if (!isLeasable(policy) || (before === undefined && !key.demand.isHot(now))) return;
  const demand = key.demand.units(now);
  key.pace = paceAfterRefusal({ ...refused, now, policy, cost, demand, before });
  // If nothing comes free for long, whoever asked remembers the refusal; the key is no longer known to be hot then.
  if (key.pace !== undefined) key.expiresAt = Math.min(key.pace.until, now + IDLE_MS) + IDLE_MS;
}

/** A single check of so many units is on its way. */
export function noteAsked(key: LeaseKey, cost: number, answer: Promise<unknown>): void {
  key.asking += cost;
  key.lastAsked = answer;
  const settled = (): void => {
    key.asking -= cost;
  };
  answer.then(settled, settled);
}

/** Units to buy for it now; 0 for none. */
export function unitsFor(
  key: LeaseKey,
  cost: number,
  policy: LeasablePolicy,
  pace: Pace | undefined,
  now: number,
  liveInstances: number,
): number {
  const unspent = key.lease?.unspent ?? 0;
  if (pace !== undefined && pace.policy === policy) {
    return now < pace.until || cost > pace.dearest ? 0 : Math.max(pace.units - unspent, cost);
  }
  const demand = key.demand.units(now);
  if (demand === 0) return 0;
  return unitsToBuy({
    demand,
    remaining: key.remaining,
    timeLeft: key.subWindowEnd - now,
    liveInstances,
    unspent,
    cost,
    part: rhythmOf(policy, liveInstances).units,
    fades: policy.algorithm === 'sliding-window',
  });
}

/** What can be told of a counter without asking, as if the check had room. */
export function estimateOf(key: LeaseKey | undefined, { cost, policy }: Check): Verdict {
  const remaining = key === undefined ? policy.limit : key.remaining + (key.lease?.unspent ?? 0);
  const resetMs = isLeasable(policy) ? policy.windowMs : 0;
  return { allowed: true, remaining: Math.max(0, remaining - cost), retryAfterMs: 0, resetMs };
}
