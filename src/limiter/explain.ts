import type { CompiledLimit } from './compile.ts';
import { counterOf } from './compile.ts';
import { readCost } from './cost.ts';
import type { LimitExplanation } from './explanation.ts';
import type { RequestFacts } from './facts.ts';
import { keyId } from './key-text.ts';

/** What `limit` makes of the request. Reads no counter, so it says what would be asked, not what would be answered. */
export function explainLimit(limit: CompiledLimit, facts: RequestFacts): LimitExplanation {
  const label = limit.key.read(facts);
  const plan = label === undefined ? undefined : limit.plans.find(label);
  const cost = readCost(limit.cost, facts);
  const rates = plan?.rates ?? [];
  return {
    limit: limit.name,
    applies: rates.length > 0 && cost !== undefined,
    why: reason(limit, facts, plan?.rates === undefined, cost),
    key: label,
    cost: cost ?? 0,
    override: plan?.pattern,
    policies: rates.map((rate) => rate.words),
    sharing: limit.sharing,
    mode: limit.shadow ? 'shadow' : 'enforce',
    onFailure: limit.onFailure,
    counters: label === undefined ? [] : rates.map((rate) => counterOf(rate, keyId(label))),
  };
}

/** Why the limit does not apply; undefined when it does. */
function reason(
  limit: CompiledLimit,
  facts: RequestFacts,
  unlimited: boolean,
  cost: number | undefined,
): string | undefined {
  const missing = limit.key.missing(facts);
  if (missing !== undefined) {
    const what = `the request has no ${missing}`;
    return limit.missingRejection === undefined || limit.shadow ? what : `${what}: refused (whenMissing: deny)`;
  }
  if (unlimited) return 'an override makes this key unlimited';
  if (cost === undefined && typeof limit.cost !== 'number') {
    return `the header ${limit.cost.header} does not hold a cost${limit.shadow ? '' : ': refused'}`;
  }
  return undefined;
}
