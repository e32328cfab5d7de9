/** How a key that is kept at its limit is bought for: rarely, and a worthwhile part at a time. Pure. */
import type { LeasablePolicy } from './lease.ts';
import type { Verdict } from './strategy.ts';

/** Units in one purchase that are worth a trip to the store. */
const WORTHWHILE = 40;
/** Units that came free wait for their buyer at most this long, and at most one part in WINDOW_PARTS of the window. */
const LONGEST_WAIT_MS = 250;
const WINDOW_PARTS = 20;
/** It is never worth asking more often than this, however high the rate. */
const SHORTEST_WAIT_MS = 20;
/** When nothing comes free for longer than this, the key is not remembered as hot. */
const LONGEST_SILENCE_MS = 1_000;

/** A beat at which an instance takes its part of what comes free. */
export interface Rhythm {
  readonly waitMs: number;
  /** This instance's part of what a key at its limit frees in that time. */
  readonly units: number;
}

/** The rhythm of a key at its limit, when all live instances ask for it alike. */
export function rhythmOf({ limit, windowMs }: LeasablePolicy, liveInstances: number): Rhythm {
  const live = Math.max(1, liveInstances);
  const perMs = limit / windowMs;
  const longest = Math.min(LONGEST_WAIT_MS, windowMs / WINDOW_PARTS);
  const waitMs = Math.min(longest, Math.max(SHORTEST_WAIT_MS, (WORTHWHILE * live) / perMs));
  return { waitMs, units: Math.floor((perMs * waitMs) / live) };
}

/** How a key at its limit goes on. */
export interface Pace {
  readonly policy: LeasablePolicy;
  /** When it was set, and before when nothing is bought and requests are refused from memory; on the monotonic clock. */
  readonly setAt: number;
  readonly until: number;
  /** Units to buy then. */
  readonly units: number;
  /** What the store last said is left: too little to be worth a trip. */
  readonly remaining: number;
  readonly resetAt: number;
}

/** What the store refused. */
export interface Refusal {
  readonly policy: LeasablePolicy;
  readonly liveInstances: number;
  /** Units of one request. */
  readonly cost: number;
  /** Units asked for; more than `cost` when it was a purchase. */
  readonly asked: number;
  readonly verdict: Verdict;
  readonly sentAt: number;
  /** Units admitted here lately. */
  readonly demand: number;
}

/**
 * The pace of a hot key that the store refused; undefined when asking for each request serves better: units come free too
 * slowly for two requests' worth within the wait, or none will for long.
 */
export function paceAfterRefusal(refusal: Refusal): Pace | undefined {
  const { policy, liveInstances, cost, asked, verdict, sentAt, demand } = refusal;
  const { retryAfterMs, remaining } = verdict;
  const rhythm = rhythmOf(policy, liveInstances);
  let { waitMs, units } = rhythm;
  if (policy.algorithm === 'fixed-window') {
    // Nothing comes free before the window ends, and then everything does.
    if (asked > cost || retryAfterMs > LONGEST_SILENCE_MS) return undefined;
    waitMs = retryAfterMs;
    units = Math.max(units, Math.min(demand, Math.floor(policy.limit / (4 * Math.max(1, liveInstances)))));
  } else if (asked > cost) {
    if (retryAfterMs <= waitMs) {
      units = asked;
      waitMs = retryAfterMs;
    } else {
      // The oldest count fades evenly, so what is free after the wait can be told.
      units = Math.floor(remaining + ((asked - remaining) * waitMs) / retryAfterMs);
    }
  } else {
    if (retryAfterMs > LONGEST_SILENCE_MS) return undefined;
    if (retryAfterMs > waitMs) waitMs += retryAfterMs;
    units = Math.min(units, Math.max(demand, 2 * cost));
  }
  if (units < 2 * cost) return undefined;
  return { policy, setAt: sentAt, until: sentAt + waitMs, units, remaining, resetAt: sentAt + verdict.resetMs };
}

/** The pace after a purchase of `bought` units; undefined when there is room enough to buy ahead of demand again. */
export function paceAfterPurchase(
  pace: Pace,
  bought: number,
  verdict: Verdict,
  sentAt: number,
  liveInstances: number,
): Pace | undefined {
  const { waitMs, units: part } = rhythmOf(pace.policy, liveInstances);
  const { remaining } = verdict;
  if (pace.policy.algorithm === 'fixed-window') return undefined;
  if (remaining >= 4 * Math.max(1, liveInstances) * part) return undefined;
  // It was asked for again before, or there would have been no purchase: so the demand takes more.
  const units = Math.min(Math.max(part, bought), 2 * bought);
  // What is left although a wait has passed is what others do not take.
  const until = remaining >= units ? sentAt : sentAt + waitMs;
  return { ...pace, setAt: sentAt, until, units, remaining, resetAt: sentAt + verdict.resetMs };
}

/** Units went back unused: no more are bought than were used. */
export function paceAfterReturn(pace: Pace, used: number, cost: number): Pace | undefined {
  return used < 2 * cost ? undefined : { ...pace, units: Math.min(pace.units, used) };
}

/** The refusal of a check while the key waits. */
export function refusalOf(pace: Pace, now: number): Verdict {
  return {
    allowed: false,
    remaining: pace.remaining,
    retryAfterMs: Math.max(1, Math.ceil(pace.until - now)),
    resetMs: Math.max(0, Math.ceil(pace.resetAt - now)),
  };
}
