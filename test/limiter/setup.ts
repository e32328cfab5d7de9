import type { ConcurrencyLimitConfig, KeySource, LimitConfig, WindowLimitConfig } from '../../src/config/types.ts';
import type { Logger } from '../../src/core/logger.ts';
import { seededRandom } from '../../src/core/random.ts';
import type { Telemetry } from '../../src/core/telemetry.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import type { CompiledLimits, Limiter, LimiterDeps } from '../../src/limiter/create.ts';
import { createLimiter } from '../../src/limiter/create.ts';
import type { RequestFacts } from '../../src/limiter/facts.ts';
import type { LimitSet } from '../../src/limiter/limiter.ts';
import { AsyncStrategy, MemoryStrategy } from './memory-strategy.ts';

export const IP: KeySource = { kind: 'ip' };
export const API_KEY: KeySource = { kind: 'header', name: 'x-api-key' };

export function limit(extra: Partial<WindowLimitConfig> = {}): WindowLimitConfig {
  return {
    name: 'per-client',
    key: [[IP]],
    sharing: 'local',
    onFailure: 'local',
    mode: 'enforce',
    whenMissing: 'skip',
    cost: 1,
    overrides: [],
    algorithm: 'sliding-window',
    rates: [{ count: 3, windowMs: 60_000 }],
    buckets: 2,
    burst: undefined,
    lease: 'none',
    ...extra,
  };
}

export function concurrency(extra: Partial<ConcurrencyLimitConfig> = {}): ConcurrencyLimitConfig {
  const { rates: _r, buckets: _b, burst: _u, algorithm: _a, ...base } = limit();
  return { ...base, name: 'in-flight', algorithm: 'concurrency', max: 2, leaseMs: 30_000, ...extra };
}

/** An override that changes nothing, to be spread over. */
export const OVERRIDE = { unlimited: false, rates: undefined, burst: undefined, max: undefined };

export interface FactParts {
  readonly ip?: string;
  readonly method?: string;
  readonly path?: string;
  readonly host?: string;
  readonly route?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: Readonly<Record<string, string>>;
  readonly query?: Readonly<Record<string, string>>;
}

export function facts(parts: FactParts = {}): RequestFacts {
  const own = (record: Readonly<Record<string, string>> | undefined, name: string): string | undefined =>
    record !== undefined && Object.hasOwn(record, name) ? record[name] : undefined;
  return {
    method: parts.method ?? 'GET',
    path: parts.path ?? '/',
    host: parts.host ?? 'api.example',
    route: parts.route ?? 'route-1',
    clientIp: parts.ip ?? '192.0.2.1',
    header: (name) => own(parts.headers, name),
    cookie: (name) => own(parts.cookies, name),
    query: (name) => own(parts.query, name),
  };
}

export interface Bench {
  readonly clock: VirtualClock;
  readonly local: MemoryStrategy;
  readonly redis: AsyncStrategy;
  readonly fallback: MemoryStrategy;
  readonly limiter: Limiter;
  readonly compiled: CompiledLimits;
  readonly set: LimitSet;
  /** What telemetry heard: `decision per-client local allowed`, … */
  readonly told: string[];
  /** Messages logged as errors. */
  readonly logged: string[];
}

/** A limiter over plain strategies, with all of `limits` on one route. */
export function bench(limits: readonly LimitConfig[], extra: Partial<LimiterDeps> = {}): Bench {
  const clock = new VirtualClock();
  const local = new MemoryStrategy('local');
  const redis = new AsyncStrategy('redis');
  const fallback = new MemoryStrategy('local');
  const told: string[] = [];
  const logged: string[] = [];
  const telemetry: Telemetry = {
    ...silentTelemetry,
    decision: (...args) => void told.push(`decision ${args.join(' ')}`),
    fallback: (...args) => void told.push(`fallback ${args.join(' ')}`),
    decisionTime: (sharing, seconds) => void told.push(`time ${sharing} ${seconds}`),
  };
  const logger: Logger = {
    debug() {},
    info() {},
    warn() {},
    error: (fields, message) => void logged.push(`${message} ${JSON.stringify(fields)}`),
  };
  const limiter = createLimiter({
    clock,
    random: seededRandom(1),
    telemetry,
    logger,
    strategies: new Map([
      ['local', local],
      ['redis', redis],
    ]),
    fallback,
    liveInstances: () => 1,
    instance: 'gw-1',
    headers: 'draft',
    ...extra,
  });
  const compiled = limiter.compile(limits);
  const set = compiled.set(limits.map(({ name }) => name));
  return { clock, local, redis, fallback, limiter, compiled, set, told, logged };
}

/** The value of a response field in a flat list. */
export function field(headers: readonly string[], name: string): string | undefined {
  const at = headers.findIndex((text, i) => i % 2 === 0 && text === name);
  return at === -1 ? undefined : headers[at + 1];
}
