import type { Config, KeySource, LimitConfig } from '../config/types.ts';
import { formatRate } from '../core/rate.ts';
import type { LimitSummary } from './deps.ts';

/** The limits of a configuration as `GET /v1/limits` shows them. */
export function summariseLimits(config: Config): LimitSummary[] {
  return [...config.limits.values()].map((limit) => ({
    name: limit.name,
    key: limit.key.map((part) => part.map(sourceText).join('|')),
    rates: limit.algorithm === 'concurrency' ? [] : limit.rates.map(formatRate),
    max: limit.algorithm === 'concurrency' ? limit.max : undefined,
    algorithm: limit.algorithm,
    sharing: limit.sharing,
    mode: limit.mode,
    onFailure: limit.onFailure,
    overrides: limit.overrides.length,
    routes: routesUsing(config, limit),
  }));
}

function sourceText(source: KeySource): string {
  return 'name' in source ? `${source.kind}:${source.name}` : source.kind;
}

function routesUsing(config: Config, limit: LimitConfig): string[] {
  return config.routes.filter((route) => route.limits.includes(limit.name)).map((route) => route.name);
}
