/** How hot a key is on this instance, and how much to buy for it. Pure. */

/** What was admitted is remembered for one to two of these. */
const PERIOD_MS = 100;
/** A key is hot when so many of its checks were admitted, or refused by the store, in that time. */
export const HOT_CHECKS = 4;
/** Most units held for one key, whatever the demand. */
export const MOST_UNITS = 10_000;
/** All instances together hold at most one part in so many of what is left. */
const SHARE = 4;

/** What was asked and admitted of one key lately: a full period and the one that runs. */
export class Demand {
  #from = 0;
  #checks = 0;
  #units = 0;
  #checksBefore = 0;
  #unitsBefore = 0;

  add(now: number, cost: number): void {
    this.#roll(now);
    this.#checks += 1;
    this.#units += cost;
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

  /** Units admitted in the last 100 to 200 ms; 0 when the key is not hot. */
  units(now: number): number {
    return this.isHot(now) ? this.#units + this.#unitsBefore : 0;
  }

  forget(): void {
    this.#checks = this.#units = this.#checksBefore = this.#unitsBefore = 0;
  }

  #roll(now: number): void {
    const passed = now - this.#from;
    if (passed < PERIOD_MS) return;
    const next = passed < 2 * PERIOD_MS;
    this.#checksBefore = next ? this.#checks : 0;
    this.#unitsBefore = next ? this.#units : 0;
    this.#checks = 0;
    this.#units = 0;
    this.#from = next ? this.#from + PERIOD_MS : now;
  }
}

export interface Situation {
  /** Units admitted lately, see {@link Demand.units}. */
  readonly demand: number;
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
  /** This instance's part of what comes free in one beat at the limit, see lease-pace.ts; at most limit / (20 × live instances). */
  readonly part: number;
  /** Units come free all the time, so a part of them is worth asking for whatever is left. */
  readonly fades: boolean;
}

/**
 * Units to buy now; 0 when single checks serve better. Held and bought together stay below what the demand uses up in about
 * as much time as it was observed for, and below remaining / (4 × live instances), or a `part` where that is less: all
 * instances together then hold at most a quarter of what is left or a twentieth of the limit. Where nothing comes free
 * before the window ends they share even the last part, and for the last units nobody buys.
 */
export function unitsToBuy(situation: Situation): number {
  const { demand, remaining, timeLeft, unspent, cost, part, fades } = situation;
  const live = Math.max(1, situation.liveInstances);
  const inTime = timeLeft < 2 * PERIOD_MS ? Math.floor((demand * timeLeft) / (2 * PERIOD_MS)) : demand;
  // Right after a wait the demand is more than was admitted lately.
  const timely = Math.max(inTime, situation.shortage, fades ? Math.min(part, demand) : 0);
  const most = Math.max(
    Math.floor(remaining / (SHARE * live)),
    fades ? part : Math.min(part, Math.floor(remaining / live)),
  );
  const units = Math.min(timely, most, MOST_UNITS) - unspent;
  return units >= 2 * cost ? units : 0;
}
