import type { DecisionTrace } from '../core/tracing.ts';
import { Attempt } from './attempt.ts';
import type { CompiledLimit } from './compile.ts';
import type { LimiterContext } from './context.ts';
import { MAX_COST, readCost } from './cost.ts';
import { explainLimit } from './explain.ts';
import type { LimitExplanation } from './explanation.ts';
import type { RequestFacts } from './facts.ts';
import type { LimitSet } from './limiter.ts';
import type { Outcome, Rejection } from './outcome.ts';
import { UNLIMITED } from './outcome.ts';
import { costMalformed, reducedCapacity } from './problem.ts';
import type { Stage } from './stages.ts';

/** The limits of one route: finds which apply to a request, asks their strategies, answers. */
export class RouteLimits implements LimitSet {
  readonly names: readonly string[];
  readonly #limits: readonly CompiledLimit[];
  readonly #stages: readonly Stage[];
  readonly #context: LimiterContext;

  constructor(limits: readonly CompiledLimit[], stages: readonly Stage[], context: LimiterContext) {
    this.names = limits.map((limit) => limit.name);
    this.#limits = limits;
    this.#stages = stages;
    this.#context = context;
  }

  decide(facts: RequestFacts, trace?: DecisionTrace): Outcome | Promise<Outcome> {
    try {
      const attempt = new Attempt(this.#context, trace);
      for (const limit of this.#limits) {
        const early = this.#apply(limit, facts, attempt, trace);
        if (early !== undefined) return early;
      }
      return attempt.empty ? UNLIMITED : this.#run(attempt);
    } catch (error) {
      return this.#defect(error);
    }
  }

  explain(facts: RequestFacts): readonly LimitExplanation[] {
    return this.#limits.map((limit) => explainLimit(limit, facts));
  }

  /** Adds the limit to the attempt if it applies; an outcome when the request is refused without asking anybody. */
  #apply(
    limit: CompiledLimit,
    facts: RequestFacts,
    attempt: Attempt,
    trace: DecisionTrace | undefined,
  ): Outcome | undefined {
    const label = limit.key.read(facts);
    if (label === undefined) {
      if (limit.missingRejection === undefined) return undefined;
      if (limit.shadow) {
        attempt.addShadowMissing(limit);
        return undefined;
      }
      this.#context.telemetry.decision(limit.name, limit.sharing, 'denied');
      trace?.decided(limit.name, limit.sharing, 'denied');
      const rejection = limit.missingRejection(limit.key.missing(facts) ?? 'a key');
      return { ...rejected(rejection, [limit.name]), headers: ['Retry-After', limit.missingRetryAfter] };
    }
    const plan = limit.plans.find(label);
    if (plan.rates === undefined) return undefined;
    const cost = readCost(limit.cost, facts);
    if (cost === undefined) {
      // A limit that is only being tried out does not refuse; it cannot count this request either.
      if (limit.shadow || typeof limit.cost === 'number') return undefined;
      return rejected(costMalformed(limit.cost.header, MAX_COST), []);
    }
    attempt.add(limit, plan, plan.rates, label, cost);
    return undefined;
  }

  #run(attempt: Attempt): Outcome | Promise<Outcome> {
    for (const stage of this.#stages) if (stage.remote) attempt.recall(stage);
    for (let i = 0; !attempt.refused && i < this.#stages.length; i++) {
      const stage = this.#stages[i];
      const pending = stage === undefined ? undefined : attempt.ask(stage);
      if (pending !== undefined) return this.#runOn(attempt, pending, i + 1);
    }
    return attempt.outcome();
  }

  async #runOn(attempt: Attempt, pending: Promise<void>, next: number): Promise<Outcome> {
    try {
      await pending;
      for (let i = next; !attempt.refused && i < this.#stages.length; i++) {
        const stage = this.#stages[i];
        if (stage !== undefined) await attempt.ask(stage);
      }
      return attempt.outcome();
    } catch (error) {
      return this.#defect(error);
    }
  }

  /** A defect of ours must not take the service behind us down, except where the operator asked for just that. */
  #defect(error: unknown): Outcome {
    this.#context.defects.report('limiter', error);
    const denying = this.#limits.filter((limit) => limit.onFailure === 'deny' && !limit.shadow).map(({ name }) => name);
    if (denying.length === 0) return UNLIMITED;
    return { ...rejected(reducedCapacity(denying), denying), headers: ['Retry-After', '1'] };
  }
}

function rejected(rejection: Rejection, violated: readonly string[]): Outcome {
  return { rejection, headers: [], violated, shadowViolated: [], release: undefined };
}
