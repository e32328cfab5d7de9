import type { Policy, WindowedPolicy } from '../algorithms/algorithm.ts';
import type { LimitConfig, OverrideConfig } from '../config/types.ts';
import { formatDuration } from '../core/duration.ts';
import { formatRate } from '../core/rate.ts';
import type { FailurePolicy, Rate, SharingName } from '../core/types.ts';
import type { KeyReader } from './key.ts';
import { compileKey } from './key.ts';
import { escapeValue, keyId } from './key-text.ts';
import type { Rejection } from './outcome.ts';
import type { OverrideTable } from './overrides.ts';
import { overrideTable } from './overrides.ts';
import { keyMissing } from './problem.ts';
import type { PolicyItem } from './ratelimit-headers.ts';
import { policyItem } from './ratelimit-headers.ts';

/** One rate of a limit, and so one counter of each key. */
export interface PlannedRate {
  readonly policy: Policy;
  /** A counter's identity is this and the key's id, see `keyId`. */
  readonly counterPrefix: string;
  readonly item: PolicyItem;
  /** `100/1m sliding-window, 2 buckets` */
  readonly words: string;
}

/** What a key is held to: the limit's own numbers, or an override's. */
export interface Plan {
  /** The override's pattern as configured; undefined: the limit's own. */
  readonly pattern: string | undefined;
  /** undefined: unlimited. Otherwise at least one. */
  readonly rates: readonly PlannedRate[] | undefined;
  /** All of the plan's policies as RateLimit-Policy lists them. */
  readonly policyField: string;
}

/** A limit with everything precomputed that does not depend on a request. */
export interface CompiledLimit {
  readonly name: string;
  readonly sharing: SharingName;
  readonly onFailure: FailurePolicy;
  readonly shadow: boolean;
  /** Units of hot keys are bought ahead. */
  readonly lease: boolean;
  readonly key: KeyReader;
  /** Rejects requests without the key; undefined: the limit does not apply to them. */
  readonly missingRejection: ((missing: string) => Rejection) | undefined;
  /** Whole seconds that such a request is told to wait: the longest window, for sooner is no use. */
  readonly missingRetryAfter: string;
  readonly cost: number | { readonly header: string };
  readonly plans: OverrideTable<Plan>;
}

/** Longest limit name that stands in a counter's identity as it is. */
const MAX_NAME = 64;

export function compileLimit(config: LimitConfig): CompiledLimit {
  const key = compileKey(config.key);
  const own = plan(config, undefined);
  const rules = config.overrides.map((override) => ({
    pattern: key.labelFrom(override.key),
    value: plan(config, override),
  }));
  const { name } = config;
  return {
    name,
    sharing: config.sharing,
    onFailure: config.onFailure,
    shadow: config.mode === 'shadow',
    lease: config.algorithm !== 'concurrency' && config.lease === 'auto',
    key,
    missingRetryAfter: longestWindowSeconds(config),
    missingRejection: config.whenMissing === 'deny' ? (missing) => keyMissing(name, missing) : undefined,
    // A request in flight takes one place, whatever else it costs.
    cost: config.algorithm === 'concurrency' ? 1 : config.cost,
    plans: overrideTable(rules, own),
  };
}

function longestWindowSeconds(config: LimitConfig): string {
  const windows = config.algorithm === 'concurrency' ? [] : config.rates.map((rate) => rate.windowMs);
  return String(Math.ceil(Math.max(1_000, ...windows) / 1_000));
}

/** The counter that a key has under a rate. */
export function counterOf(rate: PlannedRate, id: string): string {
  return rate.counterPrefix + id;
}

function plan(config: LimitConfig, override: OverrideConfig | undefined): Plan {
  const pattern = override?.key;
  if (override?.unlimited === true) return { pattern, rates: undefined, policyField: '' };
  const policies = policiesOf(config, override);
  const rates = policies.map(
    (policy): PlannedRate => ({
      policy,
      counterPrefix: `${nameInCounter(config.name)}:${structureOf(policy)}:`,
      item: policyItem(config.name, policy, policies.length > 1),
      words: policyWords(policy),
    }),
  );
  return { pattern, rates, policyField: rates.map((rate) => rate.item.policy).join(', ') };
}

function policiesOf(config: LimitConfig, override: OverrideConfig | undefined): Policy[] {
  if (config.algorithm === 'concurrency') {
    return [{ algorithm: 'concurrency', limit: override?.max ?? config.max, leaseMs: config.leaseMs }];
  }
  const rates = override?.rates ?? config.rates;
  return rates.map((rate): Policy => windowed(config.algorithm, rate, config.buckets, burstOf(rate, config, override)));
}

/** An override's own burst; the limit's, where the override keeps the limit's rate; otherwise the rate's count. */
function burstOf(rate: Rate, config: { burst: number | undefined }, override: OverrideConfig | undefined): number {
  return override?.burst ?? (override?.rates === undefined ? config.burst : undefined) ?? rate.count;
}

/** The policy of one rate. */
export function windowed(
  algorithm: 'sliding-window' | 'fixed-window' | 'token-bucket',
  { count: limit, windowMs }: Rate,
  buckets: number,
  burst: number,
): WindowedPolicy {
  switch (algorithm) {
    case 'sliding-window':
      return { algorithm, limit, windowMs, buckets };
    case 'fixed-window':
      return { algorithm, limit, windowMs };
    case 'token-bucket':
      return { algorithm, limit, windowMs, burst };
  }
}

/**
 * What must be equal for two counts to mean the same. A counter outlives a reload that changes its numbers, but a changed
 * window or algorithm starts afresh.
 */
function structureOf(policy: Policy): string {
  switch (policy.algorithm) {
    case 'sliding-window':
      return `s${policy.buckets}.${formatDuration(policy.windowMs)}`;
    case 'fixed-window':
      return `f.${formatDuration(policy.windowMs)}`;
    case 'token-bucket':
      return `t.${formatDuration(policy.windowMs)}`;
    case 'concurrency':
      return 'c';
  }
}

/** Printable ASCII without spaces and without `:`, which ends it. */
function nameInCounter(name: string): string {
  const text = escapeValue(name).replaceAll(':', '%3A');
  return text.length <= MAX_NAME ? text : keyId(text);
}

function policyWords(policy: Policy): string {
  switch (policy.algorithm) {
    case 'sliding-window':
      return `${rateOf(policy)} sliding-window, ${policy.buckets} buckets`;
    case 'fixed-window':
      return `${rateOf(policy)} fixed-window`;
    case 'token-bucket':
      return `${rateOf(policy)} token-bucket, burst ${policy.burst}`;
    case 'concurrency':
      return `${policy.limit} at once, lease ${formatDuration(policy.leaseMs)}`;
  }
}

function rateOf(policy: { limit: number; windowMs: number }): string {
  return formatRate({ count: policy.limit, windowMs: policy.windowMs });
}
