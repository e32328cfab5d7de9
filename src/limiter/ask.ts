import type { Check, Verdict } from '../sharing/strategy.ts';
import type { CompiledLimit, Plan, PlannedRate } from './compile.ts';

/**
 * How a limit stands towards one request.
 * `unasked`: another limit refused before, or not all of its rates are answered yet. `known`: refused from memory. `waved`: let pass because nobody could count.
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

/** What is not answered yet of several limits, as one group, in order. */
export function groupOf(asks: readonly Ask[]): readonly Check[] {
  const [only] = asks;
  return asks.length === 1 && only !== undefined ? unanswered(only) : asks.flatMap(unanswered);
}

/** The limit's checks that have no verdict yet. */
export function unanswered({ checks, verdicts }: Ask): readonly Check[] {
  return verdicts === undefined ? checks : checks.filter((_check, i) => verdicts[i] === undefined);
}
