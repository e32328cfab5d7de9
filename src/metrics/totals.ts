/** The metrics in sums, for whoever shows rates on the spot. Read on demand: keeping them costs nothing. */
import type { LimitTotals, Totals } from '../core/totals.ts';
import type { CounterFamily } from './cells.ts';
import type { Families } from './families.ts';
import type { Readings } from './readings.ts';

export function readTotals(families: Families, readings: Readings, storeCircuit: Totals['storeCircuit']): Totals {
  const outcomes = sumBy(families.requests, 'outcome');
  return {
    requests: {
      allowed: outcomes.get('allowed') ?? 0,
      denied: outcomes.get('denied') ?? 0,
      shadowDenied: outcomes.get('shadow_denied') ?? 0,
      error: outcomes.get('error') ?? 0,
    },
    limits: limitTotals(families.decisions),
    requestSeconds: families.requestDuration.totals(),
    decisionSeconds: families.decisionDuration.totals(),
    storeSeconds: families.storeRoundtrip.totals(),
    storeErrors: sumBy(families.storeErrors, 'kind'),
    storeCircuit,
    fallbacks: families.fallbacks.samples().reduce((sum, { value }) => sum + value, 0),
    requestsInFlight: readings.requestsInFlight?.() ?? 0,
    countersHeld: readings.countersHeld?.() ?? 0,
  };
}

function sumBy(family: CounterFamily, label: string): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { labels, value } of family.samples()) {
    const name = String(labels[label]);
    sums.set(name, (sums.get(name) ?? 0) + value);
  }
  return sums;
}

const FIELDS: Readonly<Record<string, keyof LimitTotals>> = {
  allowed: 'allowed',
  denied: 'denied',
  shadow_denied: 'shadowDenied',
};

function limitTotals(decisions: CounterFamily): Map<string, LimitTotals> {
  const limits = new Map<string, Record<keyof LimitTotals, number>>();
  for (const { labels, value } of decisions.samples()) {
    const name = String(labels['limit']);
    const sums = limits.get(name) ?? { allowed: 0, denied: 0, shadowDenied: 0 };
    const field = FIELDS[String(labels['verdict'])];
    if (field !== undefined) sums[field] += value;
    limits.set(name, sums);
  }
  return limits;
}
