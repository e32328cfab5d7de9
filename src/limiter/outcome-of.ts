import type { DecisionTrace, LimitVerdict } from '../core/tracing.ts';
import type { Ask } from './ask.ts';
import type { LimiterContext } from './context.ts';
import type { Outcome } from './outcome.ts';
import { reducedCapacity } from './problem.ts';
import { RateLimitFields, wholeSeconds } from './ratelimit-headers.ts';
import { usedPart } from './used-part.ts';

const NONE: readonly never[] = [];

/**
 * Turns what the limits said into an answer to the client, and reports each limit's decision.
 * @param refused whether an enforced limit refused, so that nothing is charged in the end
 */
export function outcomeOf(
  asks: readonly Ask[],
  refused: boolean,
  shadowMissing: readonly string[] | undefined,
  release: (() => void) | undefined,
  context: LimiterContext,
  trace: DecisionTrace | undefined,
): Outcome {
  const { telemetry, headers, problems, top } = context;
  const fields = new RateLimitFields(headers);
  let violated: string[] | undefined;
  let policies: string[] | undefined;
  let shadowViolated = shadowMissing === undefined ? undefined : [...shadowMissing];
  let unavailable = false;
  let retryAfter = 1;
  for (const ask of asks) {
    const { name, sharing, shadow } = ask.limit;
    const { standing } = ask;
    const refuses = standing === 'denied' || standing === 'known' || standing === 'unavailable';
    top.observe(name, ask.key, refuses);
    const used = usedPart(ask);
    if (used !== undefined) telemetry.limitUsed(name, used);
    const verdict = verdictOf(ask, refuses);
    if (verdict !== undefined) {
      telemetry.decision(name, sharing, verdict);
      trace?.decided(name, sharing, verdict);
    }
    if (shadow) {
      // Not told to the client: a limit that is only being tried out must not change how clients behave.
      if (refuses) {
        shadowViolated ??= [];
        shadowViolated.push(name);
      }
      continue;
    }
    if (refuses) {
      violated ??= [];
      violated.push(name);
    }
    if (standing === 'unavailable') unavailable = true;
    if (standing === 'unavailable' || standing === 'waved') continue;
    fields.policy(ask.plan.policyField);
    if (ask.verdicts === undefined) continue;
    for (let i = 0; i < ask.rates.length; i++) {
      const rate = ask.rates[i];
      const verdict = ask.verdicts[i];
      if (rate === undefined || verdict === undefined) continue;
      if (verdict.allowed) {
        // Of a refused request the strategy took nothing, or it was given back.
        const remaining = refused ? verdict.remaining + ask.cost : verdict.remaining;
        fields.standing(rate.item, remaining, rate.item.timed ? wholeSeconds(verdict.resetMs) : 0, false);
      } else {
        // For concurrency the strategy knows only when leases end; a request in flight mostly ends long before.
        const seconds = rate.item.timed ? Math.max(1, wholeSeconds(verdict.retryAfterMs)) : 1;
        if (seconds > retryAfter) retryAfter = seconds;
        policies ??= [];
        policies.push(rate.item.name);
        fields.standing(rate.item, verdict.remaining, seconds, true);
      }
    }
  }
  return {
    rejection: !refused ? undefined : unavailable ? reducedCapacity(violated ?? NONE) : problems.of(policies ?? NONE),
    headers: fields.list(refused ? retryAfter : undefined),
    violated: violated ?? NONE,
    shadowViolated: shadowViolated ?? NONE,
    release,
  };
}

/** undefined: another limit refused before, so this one was not asked. */
function verdictOf({ limit, standing }: Ask, refuses: boolean): LimitVerdict | undefined {
  if (standing === 'unasked') return undefined;
  if (!refuses) return 'allowed';
  if (limit.shadow) return 'shadow_denied';
  return standing === 'known' ? 'local_denial' : 'denied';
}
