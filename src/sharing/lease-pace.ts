/** How a key that is kept at its limit is bought for: rarely, and a worthwhile part at a time. Pure. */
import type { LeasablePolicy } from './lease.ts';
import { MOST_UNITS, WORTHWHILE } from './lease-demand.ts';
import type { Verdict } from './strategy.ts';

/** Units that came free wait for their buyer at most this long, and at most one part in WINDOW_PARTS of the window. */
const LONGEST_WAIT_MS = 1_000;
const WINDOW_PARTS = 10;
/** It is never worth asking more often than this, however high the rate. */
const SHORTEST_WAIT_MS = 20;
/** Instances that all wait just long enough for their parts find the last unit missing half of the time: clocks, timers and the server's whole milliseconds differ by so much. */
const SLACK_MS = 3;
/** When nothing comes free for longer than this, it is not waited for. */
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
  /** When the store's last refusal arrived; before ever when it has admitted since, or has some left. */
  readonly refusedAt: number;
  /** Units to hold then. */
  readonly units: number;
  /** What is left, to be bought whole and at once; 0 where it is waited for more. */
  readonly rest: number;
  /** Units that the demand would use up, as far as known. */
  readonly target: number;
  /** Purchases refused in a row although they waited for what they asked. */
  readonly inVain: number;
  /** Requests dearer than this are checked one by one. */
  readonly dearest: number;
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
  /** It was a purchase, of so many units; undefined: a request. */
  readonly bought: number | undefined;
  readonly verdict: Verdict;
  readonly sentAt: number;
  readonly now: number;
  /** Units admitted here lately. */
  readonly demand: number;
  /** The pace before. */
  readonly before: Pace | undefined;
}

/**
 * The pace of a hot key that the store refused. Undefined when asking for each request serves better: too little comes free
 * in a wait for two requests.
 */
export function paceAfterRefusal(refusal: Refusal): Pace | undefined {
  const { policy, liveInstances, cost, bought, verdict, sentAt, now, demand, before } = refusal;
  const { retryAfterMs, remaining } = verdict;
  const rhythm = rhythmOf(policy, liveInstances);
  const dearest = Math.floor(rhythm.units / 2);
  if (cost > dearest) return undefined;
  let { waitMs } = rhythm;
  let target = Math.min(rhythm.units, Math.max(before?.target ?? 0, demand, 2 * cost));
  let units = target;
  let inVain = before?.inVain ?? 0;
  if (policy.algorithm === 'fixed-window') {
    target = Math.min(demand, Math.floor(policy.limit / (4 * Math.max(1, liveInstances))));
    if (bought !== undefined && remaining >= cost) {
      // The last units: whoever comes first takes them all.
      waitMs = 0;
    } else {
      // Nothing comes free before the window ends, and then everything does.
      waitMs = retryAfterMs;
      units = Math.max(units, target);
    }
  } else if (bought === undefined || bought <= cost) {
    if (retryAfterMs > waitMs) waitMs += retryAfterMs;
  } else if (retryAfterMs <= waitMs) {
    // Whoever waits for the same units comes at the same time, and all but one in vain: after that, more rarely.
    waitMs = Math.min(waitMs, retryAfterMs * 2 ** (before?.inVain ?? 0));
    inVain += 1;
    units = bought;
  } else if (retryAfterMs > LONGEST_SILENCE_MS && remaining >= cost) {
    // Nothing is worth waiting for, so what is left is taken.
    waitMs = 0;
  } else {
    // The oldest count fades evenly, so what is free after the wait can be told.
    units = Math.max(cost, Math.floor(remaining + ((bought - remaining) * waitMs) / retryAfterMs));
  }
  return {
    policy,
    setAt: sentAt,
    until: sentAt + waitMs,
    // Where something is left, whoever waited for this answer may wait for that.
    refusedAt: waitMs === 0 ? Number.NEGATIVE_INFINITY : now,
    units,
    rest: waitMs === 0 ? remaining : 0,
    target,
    inVain,
    dearest,
    remaining,
    resetAt: sentAt + verdict.resetMs,
  };
}

/** A purchase at a pace, allowed. */
export interface Bought extends Pick<Refusal, 'liveInstances' | 'verdict' | 'sentAt' | 'demand'> {
  readonly units: number;
}

/** The pace after a purchase; undefined when there is room enough, and demand known, to buy ahead of demand again. */
export function paceAfterPurchase(
  pace: Pace,
  { units: bought, liveInstances, verdict, sentAt, demand }: Bought,
): Pace | undefined {
  if (pace.policy.algorithm === 'fixed-window') return undefined;
  const live = Math.max(1, liveInstances);
  const { waitMs, units: part } = rhythmOf(pace.policy, live);
  const { remaining } = verdict;
  const plenty = remaining >= 4 * live * part;
  if (plenty && demand >= bought) return undefined;
  // It was asked for again before, or there would have been no purchase: so the demand takes more.
  const most = plenty ? Math.min(MOST_UNITS, Math.floor(remaining / (4 * live))) : part;
  const target = Math.min(most, Math.max(pace.target, 2 * bought));
  // What is left although a wait has passed is what others do not take.
  const until = remaining >= target ? sentAt : sentAt + waitMs + SLACK_MS;
  const refusedAt = Number.NEGATIVE_INFINITY;
  const resetAt = sentAt + verdict.resetMs;
  return { ...pace, setAt: sentAt, until, refusedAt, units: target, rest: 0, target, inVain: 0, remaining, resetAt };
}

/** Units went back unused: no more are bought than were used. */
export function paceAfterReturn(pace: Pace, used: number, cost: number): Pace | undefined {
  if (used < 2 * cost) return undefined;
  const target = Math.min(pace.target, used);
  return { ...pace, target, units: Math.min(pace.units, target) };
}

/** A purchase came too late to be used; the next one is not made before `until`. */
export function paceAfterDelay(pace: Pace, until: number): Pace {
  return { ...pace, until: Math.max(pace.until, until) };
}

/** Whether nothing is expected to come free before the wait is over, or only at its end. */
export function isSilent({ policy, setAt, until }: Pace): boolean {
  return policy.algorithm === 'fixed-window' || until - setAt > LONGEST_WAIT_MS + SLACK_MS;
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
