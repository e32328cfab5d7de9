import type { RequestFacts } from './facts.ts';

/** Most units one request can cost. */
export const MAX_COST = 2 ** 31;

const DIGITS = /^\d{1,16}$/;

/** Units that a request costs, or undefined when its cost header is not a whole number from 1 to {@link MAX_COST}. */
export function readCost(cost: number | { readonly header: string }, facts: RequestFacts): number | undefined {
  if (typeof cost === 'number') return cost;
  const text = facts.header(cost.header);
  if (text === undefined) return 1;
  if (!DIGITS.test(text)) return undefined;
  const units = Number(text);
  return units >= 1 && units <= MAX_COST ? units : undefined;
}
