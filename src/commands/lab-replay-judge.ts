/** A configuration that judges the requests of a log: the real limiter and the real routes, at the times of the log. */
import type { Config, LimitConfig } from '../config/types.ts';
import type { Clock } from '../core/clock.ts';
import { silentLogger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import { silentTelemetry } from '../core/telemetry.ts';
import type { GapReport } from '../lab/replay/gaps.ts';
import { Gaps } from '../lab/replay/gaps.ts';
import type { Judged } from '../lab/replay/judged.ts';
import type { LogEntry } from '../lab/replay/log-entry.ts';
import { WatchedStrategy } from '../lab/replay/watched.ts';
import { createLimiter } from '../limiter/create.ts';
import type { RequestFacts } from '../limiter/facts.ts';
import type { LimitSet } from '../limiter/limiter.ts';
import { DetachedRequests } from '../proxy/detached-requests.ts';
import { LocalStrategy } from '../sharing/local.ts';

export interface JudgeOptions {
  readonly config: Config;
  /** Moved to the time of each request by the caller. */
  readonly clock: Clock;
  readonly random: Random;
  /** The host of requests of which the log does not tell it. */
  readonly host: string | undefined;
}

/** One gateway that counts for itself. */
export class Judge {
  readonly #clock: Clock;
  readonly #host: string | undefined;
  readonly #strategy: WatchedStrategy;
  readonly #requests: DetachedRequests;
  readonly #gaps: readonly Gaps[];
  #entry: LogEntry | undefined;
  #facts: RequestFacts | undefined;
  #evicted = 0;

  constructor({ config, clock, random, host }: JudgeOptions) {
    this.#clock = clock;
    this.#host = host;
    const telemetry = { ...silentTelemetry, evicted: () => this.#evict() };
    const local = new LocalStrategy({ clock, maxKeys: config.memory.maxKeys, telemetry });
    this.#strategy = new WatchedStrategy(local);
    const limiter = createLimiter({
      clock,
      random,
      telemetry: silentTelemetry,
      logger: silentLogger,
      strategies: new Map([['local', this.#strategy]]),
      fallback: this.#strategy,
      liveInstances: () => 1,
      instance: 'replay',
      headers: 'none',
    });
    const limits = [...config.limits.values()].map(alone);
    const strict = limiter.compile(limits);
    const lenient = limiter.compile(limits.map((limit) => ({ ...limit, whenMissing: 'skip' as const })));
    const gaps = new Map(limits.map((limit) => [limit.name, new Gaps(limit, host !== undefined)]));
    this.#gaps = [...gaps.values()];
    const routes = config.routes.map((route) => {
      const watched = route.limits.flatMap((name) => gaps.get(name) ?? []);
      const deciding = { strict: strict.set(route.limits), lenient: lenient.set(route.limits), watched };
      return { ...route, limits: this.#watch(deciding) };
    });
    this.#requests = new DetachedRequests(routes, config.trustedProxies);
  }

  async start(): Promise<void> {
    await this.#strategy.start();
  }

  async close(): Promise<void> {
    await this.#strategy.close();
  }

  /** Keys that had to make room, so that they counted from 0 again. */
  get evicted(): number {
    return this.#evicted;
  }

  gaps(): GapReport[] {
    return this.#gaps.flatMap((each) => each.report() ?? []);
  }

  #evict(): void {
    this.#evicted += 1;
  }

  /** The request at the clock's time. One at a time. */
  async judge(entry: LogEntry): Promise<Judged> {
    this.#entry = entry;
    this.#facts = undefined;
    const { rejection, violated, shadowViolated, release } = await this.#requests.decide({
      method: entry.method,
      host: entry.host ?? this.#host ?? NO_HOST,
      target: entry.target,
      headers: entry.headers,
      peer: entry.client,
      forwardedFor: entry.headers['x-forwarded-for'],
    });
    if (release !== undefined) {
      if (entry.durationMs === undefined) release();
      else this.#clock.after(entry.durationMs, release);
    }
    // Set while deciding, where the compiler does not see it.
    const facts = this.#facts as RequestFacts | undefined;
    return {
      route: facts?.route,
      client: facts?.clientIp,
      status: rejection?.status,
      refusedBy: rejection === undefined ? NOBODY : violated,
      shadowBy: shadowViolated,
      asked: this.#strategy.take(),
    };
  }

  /** A route's limits: notes which request came to it; where the log does not hold a key, that is no reason to refuse. */
  #watch({ strict, lenient, watched }: { strict: LimitSet; lenient: LimitSet; watched: readonly Gaps[] }): LimitSet {
    return {
      names: strict.names,
      decide: (facts) => {
        this.#facts = facts;
        const entry = this.#entry;
        let missing = false;
        if (entry !== undefined) for (const gaps of watched) missing = gaps.see(entry, facts) || missing;
        const hostless = entry !== undefined && entry.host === undefined && this.#host === undefined;
        return (missing ? lenient : strict).decide(hostless ? new Hostless(facts) : facts);
      },
      explain: (facts) => strict.explain(facts),
    };
  }
}

const NOBODY: readonly never[] = [];
/** A request without a host would be answered 400. This one matches no route that asks for a host (RFC 2606). */
const NO_HOST = 'not-in-the-log.invalid';

/** A request of which limits see no host. */
class Hostless implements RequestFacts {
  readonly host = '';
  readonly method: string;
  readonly path: string;
  readonly route: string;
  readonly clientIp: string;
  readonly #facts: RequestFacts;

  constructor(facts: RequestFacts) {
    this.#facts = facts;
    this.method = facts.method;
    this.path = facts.path;
    this.route = facts.route;
    this.clientIp = facts.clientIp;
  }
  header(name: string): string | undefined {
    return this.#facts.header(name);
  }
  cookie(name: string): string | undefined {
    return this.#facts.cookie(name);
  }
  query(name: string): string | undefined {
    return this.#facts.query(name);
  }
}

/** The limit as one gateway counts it for itself. */
function alone(limit: LimitConfig): LimitConfig {
  return limit.algorithm === 'concurrency'
    ? { ...limit, sharing: 'local' }
    : { ...limit, sharing: 'local', lease: 'none' };
}

/** Each limit divided by so many hosts, at least 1. */
export function splitConfig(config: Config, hosts: number): Config {
  const part = (count: number): number => Math.max(1, Math.floor(count / hosts));
  const maybe = (count: number | undefined) => (count === undefined ? undefined : part(count));
  const rates = (list: readonly { readonly count: number; readonly windowMs: number }[]) =>
    list.map((rate) => ({ ...rate, count: part(rate.count) }));
  const limits = [...config.limits].map(([name, limit]): [string, LimitConfig] => {
    const overrides = limit.overrides.map((override) => ({
      ...override,
      rates: override.rates === undefined ? undefined : rates(override.rates),
      burst: maybe(override.burst),
      max: maybe(override.max),
    }));
    return limit.algorithm === 'concurrency'
      ? [name, { ...limit, overrides, max: part(limit.max) }]
      : [name, { ...limit, overrides, rates: rates(limit.rates), burst: maybe(limit.burst) }];
  });
  return { ...config, limits: new Map(limits) };
}
