/** How hot a key is on this instance, and how much to buy for it. Pure. */

/** What was admitted is remembered by so long, and for so many of them at most, the one that runs included. */
const PERIOD_MS = 100;
const PERIODS = 5;
/** A key is hot when so many of its checks were admitted, or refused by the store, in the last one to two of these. */
export const HOT_CHECKS = 4;
/** Units in one purchase that are worth a trip to the store. */
export const WORTHWHILE = 30;
/** Most units held for one key, whatever the demand. */
export const MOST_UNITS = 10_000;
/** All instances together hold at most one part in so many of what is left. */
const SHARE = 4;

/** So many units were admitted in so many milliseconds. */
export interface Lately {
  readonly units: number;
  readonly ms: number;
}

const NOTHING: Lately = { units: 0, ms: 2 * PERIOD_MS };

/** What was asked and admitted of one key lately: the period that runs and those before it. */
export class Demand {
  #from = 0;
  #checks = 0;
  #checksBefore = 0;
  /** Newest first. */
  readonly #units: number[] = new Array<number>(PERIODS).fill(0);

  add(now: number, cost: number): void {
    this.#roll(now);
    this.#checks += 1;
    this.#units[0] = (this.#units[0] ?? 0) + cost;
  }

  /** The store was asked for it and refused. */
  addRefused(now: number): void {
    this.#roll(now);
    this.#checks += 1;
  }

  isHot(now: number): boolean {
    this.#roll(now);
    return this.#checks + this.#checksBefore >= HOT_CHECKS;
  }

  /**
   * Units admitted in the last 100 to 200 ms, or in up to 500 ms where it takes that long to admit what is worth a purchase;
   * none when the key is not hot.
   */
  lately(now: number): Lately {
    if (!this.isHot(now)) return NOTHING;
    let units = 0;
    let periods = 0;
    for (const each of this.#units) {
      if (periods >= 2 && units >= WORTHWHILE) break;
      units += each;
      periods += 1;
    }
    return { units, ms: periods * PERIOD_MS };
  }

  forget(): void {
    this.#checks = this.#checksBefore = 0;
    this.#units.fill(0);
  }

  #roll(now: number): void {
    const passed = now - this.#from;
    if (passed < PERIOD_MS) return;
    const next = passed < 2 * PERIOD_MS;
    this.#checksBefore = next ? this.#checks : 0;
    this.#checks = 0;
    const periods = Math.min(PERIODS, Math.floor(passed / PERIOD_MS));
    this.#units.copyWithin(periods, 0).fill(0, 0, periods);
    this.#from = periods < PERIODS ? this.#from + periods * PERIOD_MS : now;
  }
}

export interface Situation {
  /** Units admitted lately, see {@link Demand.lately}. */
  readonly demand: Lately;
  /** Units waited for at this moment, as far as known. */
  readonly shortage: number;
  /** What the store last said is left. */
  readonly remaining: number;
  /** Milliseconds until the sub-window of the last answer ends; not positive when it may be over. */
  readonly timeLeft: number;
  readonly liveInstances: number;
  /** Units held already. */
  readonly unspent: number;
  /** Of the check that asks. */
  readonly cost: number;
  /** This instance's part of what comes free in one beat at the limit, see lease-pace.ts; at most limit / (10 × live instances). */
  readonly part: number;
  /** Units come free all the time, so a part of them is worth asking for whatever is left. */
  readonly fades: boolean;
}

/**
 * Units to buy now; 0 when single checks serve better. Held and bought together stay below what the demand uses up in about
 * as much time as it was observed for, and below remaining / (4 × live instances), or a `part` where that is less: all
 * instances together then hold at most a quarter of what is left or a tenth of the limit. Where nothing comes free
 * before the window ends they share even the last part, and for the last units nobody buys.
 */
export function unitsToBuy(situation: Situation): number {
  const { demand, remaining, timeLeft, unspent, cost, part, fades } = situation;
  const live = Math.max(1, situation.liveInstances);
  const inTime = timeLeft < demand.ms ? Math.floor((demand.units * timeLeft) / demand.ms) : demand.units;
  // Right after a wait the demand is more than was admitted lately.
  const timely = Math.max(inTime, situation.shortage, fades ? Math.min(part, demand.units) : 0);
  const most = Math.max(
    Math.floor(remaining / (SHARE * live)),
    fades ? part : Math.min(part, Math.floor(remaining / live)),
  );
  const units = Math.min(timely, most, MOST_UNITS) - unspent;
  return units >= 2 * cost ? units : 0;
}

/** What is asked for in so long may still be there when the next purchase is made: enough for a slow answer. */
const AHEAD_MS = 60;

/** A new purchase is due when no more than this is left of `unspent` units. */
export function refillLevel(unspent: number, demand: Lately, tookMs: number): number {
  const ahead = (demand.units * Math.max(AHEAD_MS, 3 * tookMs)) / demand.ms;
  return Math.floor(Math.min(unspent / 4, ahead));
}
