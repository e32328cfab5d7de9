import type { TokenBucketState } from '../algorithms/token-bucket.ts';

/** The level of a token bucket, and how much of what others took has been subtracted from it. */
export interface ReplicatedBucket {
  /** undefined: full. */
  state: TokenBucketState | undefined;
  heardNet: number;
}

/** How long news takes, milliseconds; the way of sharing says so. */
export interface NewsTimes {
  /** Within this time all hosts have heard of a count, as a rule. */
  readonly horizonMs: number;
  /**
   * Two thirds of the time in which a count is known to other hosts on average: what is summed over one to two of these is what
   * they do not know, on average. Longer ones leave units of the limit unused, shorter ones admit some more above it.
   */
  readonly unseenMs: number;
}

/** Times {@link NewsTimes.unseenMs}: the time that news take on average. */
const AVERAGE = 1.5;
/** The shortest time over which demand is compared, milliseconds. */
const MIN_PERIOD_MS = 200;

/** Milliseconds over which demand is compared: one to two of these. */
function periodOf(horizonMs: number): number {
  return Math.max(4 * horizonMs, MIN_PERIOD_MS);
}

/** For how long demand is remembered while there is room, milliseconds. */
export function memoryOf(horizonMs: number): number {
  return 2 * periodOf(horizonMs);
}

/**
 * What one host remembers of its own use of a counter: how much of it others may not have heard of, and how its demand
 * compares with theirs. Sums over the time that runs and the one before, as `lease-demand.ts` does it.
 *
 * While the counter has nothing left, time stands still for the comparison: those who were refused may keep away until there is
 * room again, and then come all at once.
 */
export class OwnUse {
  /** For token buckets: the level as this host knows it, and that of the share while hosts are lost. */
  bucket: ReplicatedBucket | undefined;
  shareBucket: ReplicatedBucket | undefined;
  /** By which it heard last. */
  times: NewsTimes | undefined;
  /** The latest time seen; a clock that goes back takes the other times with it. */
  #latest: number;
  /** Units admitted in the `unseenMs` that run and in those before; units asked for in the ones that run. */
  #unseenFrom: number;
  #units = 0;
  #unitsBefore = 0;
  #askedLate = 0;
  /** Units that others were heard to have taken in the `unseenMs` that run. */
  #othersUnits = 0;
  #heardNet: number | undefined;
  /** Units asked for, here and by others, in the period that runs and in the one before. */
  #period: number;
  #periodFrom: number;
  #own = 0;
  #ownBefore = 0;
  #others: number;
  #othersBefore = 0;
  #window = -1;
  #pausedUntil = Number.NEGATIVE_INFINITY;
  /** Of what others asked for, so much has been taken in. */
  #heardAsked: number;
  /** Until then time changes nothing. */
  #restAt = Number.NEGATIVE_INFINITY;

  /**
   * @param heard what others were ever heard to have asked for, see {@link hear}
   * @param recent units that they asked for in the last `sinceMs` milliseconds
   */
  constructor(now: number, horizonMs: number, heard: number, recent: number, sinceMs: number) {
    this.#latest = this.#unseenFrom = this.#periodFrom = now;
    this.#heardAsked = heard;
    this.#period = periodOf(horizonMs);
    this.#others = recent * Math.min(1, periodOf(horizonMs) / Math.max(1, sinceMs));
  }

  /**
   * Takes in how much others have been heard to ask for and to take, ever, and lets time pass. To be called before all
   * else. What came in over a long time counts for the part of it that is compared.
   * @param saidAt when something was heard last: Unix milliseconds
   * @param heardNet for a fixed window: in this window, see {@link startWindow}
   * @returns milliseconds since the last call
   */
  hear(heardAsked: number, heardNet: number, saidAt: number, now: number, times: NewsTimes): number {
    const before = this.#latest;
    this.#latest = now;
    // As a rule: nothing was heard, and no time is over.
    if (
      now >= before &&
      now < this.#restAt &&
      heardAsked === this.#heardAsked &&
      heardNet === this.#heardNet &&
      times === this.times
    ) {
      return now - before;
    }
    return this.#takeIn(heardAsked, heardNet, saidAt, before, times);
  }

  #takeIn(heardAsked: number, heardNet: number, saidAt: number, before: number, times: NewsTimes): number {
    const now = this.#latest;
    if (now < before) this.#shift(now - before);
    const heardAt = Math.min(before, now);
    const period = periodOf(times.horizonMs);
    this.#period = period;
    this.times = times;
    this.#roll(now, times.unseenMs, period);
    const span = now - heardAt;
    if (heardAsked > this.#heardAsked && now - saidAt < 2 * period) {
      this.#others += (heardAsked - this.#heardAsked) * (span > period ? period / span : 1);
    }
    // What may have been heard before is left out.
    if (heardAt >= this.#unseenFrom) this.#othersUnits += heardNet - (this.#heardNet ?? heardNet);
    this.#heardAsked = heardAsked;
    this.#heardNet = heardNet;
    this.#restAt = Math.min(this.#unseenFrom + times.unseenMs, this.#periodFrom + period);
    return span;
  }

  /** A window has begun that owes nothing to the one before. */
  startWindow(index: number): void {
    if (index === this.#window) return;
    if (this.#window >= 0) this.#units = this.#unitsBefore = this.#othersUnits = this.#heardNet = 0;
    this.#window = index;
  }

  ask(cost: number): void {
    this.#own += cost;
    this.#askedLate += cost;
  }

  admit(cost: number): void {
    this.#units += cost;
  }

  giveBack(units: number): void {
    const before = Math.min(this.#unitsBefore, Math.max(0, units - this.#units));
    this.#units = Math.max(0, this.#units - units);
    this.#unitsBefore -= before;
  }

  /** There is nothing left for `ms` milliseconds. */
  pause(now: number, ms: number): void {
    const until = now + ms;
    const from = Math.max(now, this.#pausedUntil);
    if (until <= from) return;
    this.#periodFrom += until - from;
    this.#pausedUntil = until;
  }

  /** Units admitted here in the last one to two `unseenMs`: as many as others have not heard of, on average. */
  get unseen(): number {
    return this.#units + this.#unitsBefore;
  }

  /**
   * Units that others were heard to have taken in the `unseenMs` that run, so in a part of the time that {@link unseen} is of: their part
   * of what there was to share.
   */
  get seen(): number {
    return Math.max(0, this.#othersUnits);
  }

  /**
   * This host's part of the demand, in (0, 1]; 1 when nobody else is known to ask. Own demand of the running `unseenMs` is left
   * out, for that of others is not known either.
   * @param cost what is asked for now; a host that asks at all has that much demand
   */
  weight(cost: number): number {
    const others = this.#others + this.#othersBefore;
    if (others <= 0) return 1;
    const own = Math.max(cost, this.#own + this.#ownBefore - this.#askedLate);
    return own / (own + others);
  }

  /**
   * Most units that others may have taken and not told yet: they cannot have taken more than they ask for. Twice as much as they
   * asked for in the average time that news take, for demand comes in bursts.
   */
  othersUntold(unseenMs: number): number {
    const overMs = this.#latest - this.#periodFrom + (this.#othersBefore > 0 ? this.#period : 0);
    return (2 * AVERAGE * unseenMs * (this.#others + this.#othersBefore)) / Math.max(overMs, unseenMs);
  }

  #roll(now: number, unseenMs: number, period: number): void {
    let passed = now - this.#unseenFrom;
    if (passed >= unseenMs) {
      const next = passed < 2 * unseenMs;
      this.#unitsBefore = next ? this.#units : 0;
      this.#units = 0;
      this.#askedLate = 0;
      this.#othersUnits = 0;
      this.#unseenFrom = next ? this.#unseenFrom + unseenMs : now;
    }
    passed = now - this.#periodFrom;
    if (passed >= period) {
      const next = passed < 2 * period;
      this.#ownBefore = next ? this.#own : 0;
      this.#othersBefore = next ? this.#others : 0;
      this.#own = 0;
      this.#others = 0;
      this.#periodFrom = next ? this.#periodFrom + period : now;
    }
  }

  #shift(ms: number): void {
    this.#unseenFrom += ms;
    this.#periodFrom += ms;
    this.#pausedUntil += ms;
  }
}
