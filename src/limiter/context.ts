import type { HeaderStyle } from '../config/types.ts';
import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import type { Telemetry } from '../core/telemetry.ts';
import type { Strategy } from '../sharing/strategy.ts';
import type { Denials } from './denials.ts';
import type { DefectLog, Shares } from './failure.ts';
import { escapeValue } from './key-text.ts';
import type { QuotaProblems } from './problem.ts';
import type { TopKeys } from './top-keys.ts';

/** What every decision of one limiter works with; outlives reloads. */
export interface LimiterContext {
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Decides by {@link Shares} where a limit says `onFailure: local`. */
  readonly fallback: Strategy;
  readonly headers: HeaderStyle;
  readonly denials: Denials;
  readonly shares: Shares;
  readonly defects: DefectLog;
  readonly problems: QuotaProblems;
  readonly holders: HolderNames;
  readonly top: TopKeys;
}

/** Names for holders of `concurrency`, unique among all instances and over restarts. */
export class HolderNames {
  readonly #prefix: string;
  #serial = 0;

  constructor(instance: string, random: Random) {
    this.#prefix = `${escapeValue(instance)}.${random.hex(4)}.`;
  }

  next(): string {
    this.#serial += 1;
    return this.#prefix + this.#serial.toString(36);
  }
}
