import type { Clock } from '../core/clock.ts';
import type { Summary } from '../core/space-saving.ts';
import { mergeSummaries, SpaceSaving } from '../core/space-saving.ts';

/** The keys of one limit that asked most and that were refused most, lately. */
export interface TopOfLimit {
  readonly limit: string;
  /** Seconds that it covers. */
  readonly seconds: number;
  readonly asked: Summary;
  readonly refused: Summary;
}

/** Keys followed for each limit, so that a count is at most a 256th of all requests too high. */
const CAPACITY = 256;
/** A summary covers one to two of these. */
const PERIOD_MS = 60_000;

/** One limit's counts of one period. */
class Period {
  readonly asked = new SpaceSaving(CAPACITY);
  readonly refused = new SpaceSaving(CAPACITY);
}

interface Watched {
  /** When `now` began, on the monotonic clock. */
  from: number;
  now: Period;
  before: Period | undefined;
}

/**
 * Which keys ask most and are refused most: per limit, over the last one to two minutes, in bounded memory whatever the number
 * of keys. Refusals in shadow mode count as refusals. Keys are shown by their id: a long one by its hash.
 */
export class TopKeys {
  readonly #clock: Clock;
  readonly #limits = new Map<string, Watched>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Forgets limits that are no more. */
  keepOnly(limits: { has(name: string): boolean }): void {
    for (const name of this.#limits.keys()) if (!limits.has(name)) this.#limits.delete(name);
  }

  observe(limit: string, key: string, refused: boolean): void {
    const { now } = this.#watched(limit);
    now.asked.add(key);
    if (refused) now.refused.add(key);
  }

  of(limit: string): TopOfLimit {
    const { from, now, before } = this.#watched(limit);
    const periods = before === undefined ? [now] : [now, before];
    const since = before === undefined ? from : from - PERIOD_MS;
    return {
      limit,
      seconds: (this.#clock.monotonic() - since) / 1_000,
      asked: mergeSummaries(periods.map((period) => period.asked.summary())),
      refused: mergeSummaries(periods.map((period) => period.refused.summary())),
    };
  }

  #watched(limit: string): Watched {
    const time = this.#clock.monotonic();
    let watched = this.#limits.get(limit);
    if (watched === undefined) {
      watched = { from: time, now: new Period(), before: undefined };
      this.#limits.set(limit, watched);
      return watched;
    }
    const passed = time - watched.from;
    if (passed >= PERIOD_MS) {
      const isNext = passed < 2 * PERIOD_MS;
      watched.before = isNext ? watched.now : undefined;
      watched.now = new Period();
      watched.from = isNext ? watched.from + PERIOD_MS : time;
    }
    return watched;
  }
}
