import type { DecisionTrace } from '../core/tracing.ts';
import type { LimitExplanation } from './explanation.ts';
import type { RequestFacts } from './facts.ts';
import type { Outcome } from './outcome.ts';

/** The limits of one route, compiled. */
export interface LimitSet {
  readonly names: readonly string[];
  /** Decides one request: synchronously when no limit needs I/O. Never rejects, never throws. */
  decide(facts: RequestFacts, trace?: DecisionTrace): Outcome | Promise<Outcome>;
  /** What each limit would look at; charges nothing and asks no store. */
  explain(facts: RequestFacts): readonly LimitExplanation[];
}
