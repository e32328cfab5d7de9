import type { Clock } from '../core/clock.ts';
import type { CounterEntry } from './counter-map.ts';
import type { LeasablePolicy, Lease } from './lease.ts';
import { isLeasable } from './lease.ts';
import type { Lately } from './lease-demand.ts';
import { Demand, HOT_CHECKS, refillLevel, unitsToBuy } from './lease-demand.ts';
import type { Pace, Refusal } from './lease-pace.ts';
import { isSilent, paceAfterRefusal, refusalOf, rhythmOf } from './lease-pace.ts';
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
  /** Units that were waited for and not paid by the last purchase. */
  shortage: number;
  /** What an answer takes, in ms: the longest of late, for it decides what a request still has time for. */
  tookMs: number;
  /** Single checks under way: their units, and the answer to the last of them. */
  asking: number;
  lastAsked: Promise<unknown> | undefined;
  /** No purchase before, on the monotonic clock. */
  pausedUntil: number;
  /** Purchases in a row that came when their sub-window was over. */
  tooLate: number;
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
    shortage: 0,
    tookMs: 0,
    asking: 0,
    lastAsked: undefined,
    pausedUntil: 0,
    tooLate: 0,
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
export function livePace(key: LeaseKey, now: number, resetAt: number): Pace | undefined {
  const { pace } = key;
  if (pace !== undefined && (pace.setAt <= resetAt || now > pace.until + IDLE_MS)) key.pace = undefined;
  return key.pace;
}

/**
 * Units that the demand for a hot key uses up; undefined when it is not hot. What is on its way counts: after a stall a
 * burst comes before anything of it has been answered.
 */
function demandFor({ demand, asking }: LeaseKey, cost: number, now: number): Lately | undefined {
  const burst = asking >= HOT_CHECKS * cost ? asking : 0;
  if (burst === 0 && !demand.isHot(now)) return undefined;
  const lately = demand.lately(now);
  return burst > lately.units ? { ...lately, units: burst } : lately;
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
  const demand = demandFor(key, cost, now);
  if (!isLeasable(policy) || (before === undefined && demand === undefined)) return;
  key.pace = paceAfterRefusal({ ...refused, now, policy, cost, demand: demand?.units ?? 0, before });
  // If nothing comes free for long, whoever asked remembers the refusal; the key is no longer known to be hot then.
  if (key.pace !== undefined) key.expiresAt = Math.min(key.pace.until, now + IDLE_MS) + IDLE_MS;
}

/** The store admitted a check or a purchase: when those were the last units of a fixed window, nothing comes free before it ends. */
export function usedUp(key: LeaseKey, verdict: Verdict, sentAt: number, now: number, liveInstances: number): void {
  const { policy, cost } = key.check;
  if (policy.algorithm !== 'fixed-window' || verdict.remaining >= cost) return;
  const refusal = { ...verdict, allowed: false, retryAfterMs: verdict.resetMs };
  slowDown(key, { bought: undefined, verdict: refusal, sentAt, liveInstances }, now);
}

/** The refusal of a check whose counter waits until a purchase is worth a trip, or had one refused since `since`. */
export function waitOf(
  key: LeaseKey,
  pace: Pace | undefined,
  { policy, cost }: Check,
  now: number,
  wall: number,
  since: number,
): Verdict | undefined {
  if (key.purchase !== undefined || pace === undefined) return undefined;
  if (pace.policy !== policy || cost > pace.dearest) return undefined;
  if (now >= pace.until && pace.refusedAt < since) return undefined;
  // Where nothing more comes free for long, what is left is for whoever wants no more.
  if (cost <= key.remaining && isSilent(pace)) return undefined;
  return holds(key, cost, now, wall) ? undefined : refusalOf(pace, now);
}

/** An answer to wait for, because all that is left of the counter is being asked for already. */
export function crowdOf(key: LeaseKey, leftMs: number, timeoutMs: number): Promise<unknown> | undefined {
  if (key.asking < Math.max(key.remaining, 1)) return undefined;
  return hasTime(key, leftMs, timeoutMs) ? key.lastAsked : undefined;
}

/** A single check of so many units is on its way. */
export function noteAsked(key: LeaseKey, cost: number, answer: Promise<unknown>, clock: Clock): void {
  const sentAt = clock.monotonic();
  key.asking += cost;
  key.lastAsked = answer;
  const settled = (): void => {
    key.asking -= cost;
    // Whoever waited for an answer that has come would be back at once.
    if (key.lastAsked === answer) key.lastAsked = undefined;
    noteTook(key, clock.monotonic() - sentAt);
  };
  answer.then(settled, settled);
}

/**
 * Whether a request may wait for an answer to others and still be asked for by itself, with time to spare.
 * @param leftMs what is left of `timeoutMs`, which no request exceeds
 */
export function hasTime({ tookMs }: LeaseKey, leftMs: number, timeoutMs: number): boolean {
  return 2 * leftMs >= timeoutMs && 3 * tookMs <= leftMs;
}

/** An answer took so long. */
export function noteTook(key: LeaseKey, ms: number): void {
  key.tookMs = Math.max(ms, 0.9 * key.tookMs);
}

/** Sets when the next purchase is due, after one. */
export function setRefill(key: LeaseKey, now: number): void {
  key.refillAt = refillLevel(key.lease?.unspent ?? 0, key.demand.lately(now), key.tookMs);
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
    if (now < pace.until || cost > pace.dearest) return 0;
    return Math.max(pace.rest > 0 ? pace.rest : pace.units - unspent, cost);
  }
  const demand = demandFor(key, cost, now);
  if (demand === undefined) return 0;
  return unitsToBuy({
    demand,
    shortage: key.shortage,
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
