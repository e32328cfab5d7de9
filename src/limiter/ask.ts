import type { Check, Verdict } from '../sharing/strategy.ts';
import type { CompiledLimit, Plan, PlannedRate } from './compile.ts';

/**
 * How a limit stands towards one request.
 * `unasked`: another limit refused before. `known`: refused from memory. `waved`: let pass because nobody could count.
 * `unavailable`: refused because nobody could count.
 */
export type Standing = 'unasked' | 'allowed' | 'denied' | 'known' | 'waved' | 'unavailable';

/** One limit that applies to the request. */
export interface Ask {
  readonly limit: CompiledLimit;
  /** The key's id. */
  readonly key: string;
  readonly plan: Plan;
  readonly rates: readonly PlannedRate[];
  readonly cost: number;
  /** One for each rate. */
  checks: readonly Check[];
  /** One for each rate, as far as known. */
  verdicts: readonly (Verdict | undefined)[] | undefined;
  standing: Standing;
}

/** The checks of several limits as one group, in order. */
export function groupOf(asks: readonly Ask[]): readonly Check[] {
  const [only] = asks;
  return asks.length === 1 && only !== undefined ? only.checks : asks.flatMap((ask) => ask.checks);
}
