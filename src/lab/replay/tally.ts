/** What a configuration made of a whole log, in bounded memory. */
import type { Summary } from '../../core/space-saving.ts';
import { SpaceSaving } from '../../core/space-saving.ts';
import type { Judged } from './judged.ts';
import type { PeakReport, TimelineReport } from './timeline.ts';
import { Peak, Timeline } from './timeline.ts';

/** Keys followed for each limit: a count is at most a 512th of all too high. */
const KEYS_FOLLOWED = 512;
/** Keys told apart exactly. */
const KEYS_COUNTED = 200_000;
const KEYS_SHOWN = 20;

export interface TallyReport {
  readonly requests: number;
  /** Answered 429 or 503 by a limit. */
  readonly refused: number;
  /** No route: 404. */
  readonly unrouted: number;
  /** The gateway would answer 400. */
  readonly malformed: number;
  readonly busiestSecond: PeakReport | undefined;
  readonly busiestMinute: PeakReport | undefined;
  readonly routes: readonly { readonly route: string; readonly requests: number; readonly refused: number }[];
  readonly limits: readonly LimitReport[];
  readonly timeline: TimelineReport;
}

export interface LimitReport {
  readonly limit: string;
  /** Requests that it was asked about. */
  readonly asked: number;
  /** Of which it refused, or in shadow mode would have. */
  readonly refused: number;
  readonly shadow: boolean;
  /** Keys of which a request was refused. */
  readonly keysRefused: number;
  /** There are more: only so many are told apart. */
  readonly keysAtLeast: boolean;
  /** Unix milliseconds; undefined when nothing was refused. */
  readonly firstRefusalMs: number | undefined;
  readonly lastRefusalMs: number | undefined;
  /** The minute in which it refused most. */
  readonly worstMinute: PeakReport | undefined;
  /** Most first; a count is at most `error` too high. */
  readonly topRefused: Summary['keys'];
  readonly topAsked: Summary['keys'];
}

class LimitTally {
  asked = 0;
  refused = 0;
  firstRefusal: number | undefined;
  lastRefusal: number | undefined;
  readonly minute = new Peak(60_000);
  readonly keysAsked = new SpaceSaving(KEYS_FOLLOWED);
  readonly keysRefused = new SpaceSaving(KEYS_FOLLOWED);
  readonly distinct = new Set<string>();

  refuse(at: number, key: string | undefined): void {
    this.refused += 1;
    this.firstRefusal ??= at;
    this.lastRefusal = at;
    this.minute.add(at);
    if (key === undefined) return;
    this.keysRefused.add(key);
    if (this.distinct.size < KEYS_COUNTED) this.distinct.add(key);
  }
}

export class ReplayTally {
  readonly #limits: ReadonlyMap<string, LimitTally>;
  readonly #shadow: ReadonlySet<string>;
  readonly #routes: ReadonlyMap<string, { requests: number; refused: number }>;
  readonly #second = new Peak(1_000);
  readonly #minute = new Peak(60_000);
  readonly #timeline = new Timeline();
  #requests = 0;
  #refused = 0;
  #unrouted = 0;
  #malformed = 0;

  constructor(routes: readonly string[], limits: readonly { readonly name: string; readonly shadow: boolean }[]) {
    this.#routes = new Map(routes.map((route) => [route, { requests: 0, refused: 0 }]));
    this.#limits = new Map(limits.map(({ name }) => [name, new LimitTally()]));
    this.#shadow = new Set(limits.filter(({ shadow }) => shadow).map(({ name }) => name));
  }

  /** @param at Unix milliseconds; never goes back */
  add(at: number, judged: Judged): void {
    const refused = judged.refusedBy.length > 0;
    this.#requests += 1;
    this.#second.add(at);
    this.#minute.add(at);
    this.#timeline.add(at, refused);
    if (refused) this.#refused += 1;
    if (judged.status === 400) this.#malformed += 1;
    else if (judged.route === undefined) this.#unrouted += 1;
    const route = judged.route === undefined ? undefined : this.#routes.get(judged.route);
    if (route !== undefined) {
      route.requests += 1;
      if (refused) route.refused += 1;
    }
    for (const { limit, key } of judged.asked) {
      const tally = this.#limits.get(limit);
      if (tally === undefined) continue;
      tally.asked += 1;
      tally.keysAsked.add(key);
    }
    for (const limit of [...judged.refusedBy, ...judged.shadowBy]) {
      const asked = judged.asked.find((each) => each.limit === limit);
      const tally = this.#limits.get(limit);
      // A request without the key is refused without being counted.
      if (asked === undefined && tally !== undefined) tally.asked += 1;
      tally?.refuse(at, asked?.key);
    }
  }

  report(): TallyReport {
    return {
      requests: this.#requests,
      refused: this.#refused,
      unrouted: this.#unrouted,
      malformed: this.#malformed,
      busiestSecond: this.#second.report,
      busiestMinute: this.#minute.report,
      routes: [...this.#routes].map(([route, counts]) => ({ route, ...counts })),
      limits: [...this.#limits].map(([limit, tally]) => this.#limitReport(limit, tally)),
      timeline: this.#timeline.report(),
    };
  }

  #limitReport(limit: string, tally: LimitTally): LimitReport {
    return {
      limit,
      asked: tally.asked,
      refused: tally.refused,
      shadow: this.#shadow.has(limit),
      keysRefused: tally.distinct.size,
      keysAtLeast: tally.distinct.size >= KEYS_COUNTED,
      firstRefusalMs: tally.firstRefusal,
      lastRefusalMs: tally.lastRefusal,
      worstMinute: tally.minute.report,
      topRefused: tally.keysRefused.summary().keys.slice(0, KEYS_SHOWN),
      topAsked: tally.keysAsked.summary().keys.slice(0, KEYS_SHOWN),
    };
  }
}
