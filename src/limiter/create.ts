import type { HeaderStyle, LimitConfig } from '../config/types.ts';
import type { Clock } from '../core/clock.ts';
import { SluiceError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import type { Telemetry } from '../core/telemetry.ts';
import type { SharingName } from '../core/types.ts';
import type { Strategy } from '../sharing/strategy.ts';
import type { CompiledLimit } from './compile.ts';
import { compileLimit } from './compile.ts';
import type { LimiterContext } from './context.ts';
import { HolderNames } from './context.ts';
import { Denials } from './denials.ts';
import { DefectLog, Shares } from './failure.ts';
import { LimitKeys } from './key-admin.ts';
import type { KeyAdmin } from './keys-admin.ts';
import { RouteLimits } from './limit-set.ts';
import type { LimitSet } from './limiter.ts';
import { QuotaProblems } from './problem.ts';
import { stagesOf } from './stages.ts';
import type { TopOfLimit } from './top-keys.ts';
import { TopKeys } from './top-keys.ts';

export interface LimiterDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  /** Started by whoever made them. */
  readonly strategies: ReadonlyMap<SharingName, Strategy>;
  /** Counts in memory where a limit says `onFailure: local`; not one of {@link strategies}, or an outage would mix into its counts. */
  readonly fallback: Strategy;
  /** Instances that enforce these limits now, this one included. */
  readonly liveInstances: () => number;
  /** This instance, unique among them. */
  readonly instance: string;
  readonly headers: HeaderStyle;
}

/** The limits of one configuration. */
export interface CompiledLimits {
  /**
   * The limits of one route, in the order to report them; a name that comes twice counts once.
   * @throws SluiceError SLUICE_CONFIG_INVALID for a name that is none
   */
  set(names: readonly string[]): LimitSet;
  readonly keys: KeyAdmin;
  /** The limit's busiest keys on this instance; undefined: no limit of that name. Counts go on over reloads. */
  top(limit: string): TopOfLimit | undefined;
}

export interface Limiter {
  /**
   * Compiles a configuration's limits. On a reload, compile again: counters live in the strategies and are found again.
   * @throws SluiceError SLUICE_CONFIG_INVALID when a limit's sharing is not running
   */
  compile(limits: Iterable<LimitConfig>, headers?: HeaderStyle): CompiledLimits;
  /** Forgets which keys are over their limits: a counter may have been reset elsewhere. */
  forgetDenials(): void;
}

export function createLimiter(deps: LimiterDeps): Limiter {
  const context: LimiterContext = {
    clock: deps.clock,
    telemetry: deps.telemetry,
    fallback: deps.fallback,
    headers: deps.headers,
    denials: new Denials(deps.clock),
    shares: new Shares(deps.liveInstances),
    defects: new DefectLog(deps.clock, deps.logger),
    problems: new QuotaProblems(),
    holders: new HolderNames(deps.instance, deps.random),
    top: new TopKeys(deps.clock),
  };
  const strategyOf = (sharing: SharingName): Strategy => {
    const strategy = deps.strategies.get(sharing);
    if (strategy === undefined) throw new SluiceError('SLUICE_CONFIG_INVALID', `sharing ${sharing} is not running`);
    return strategy;
  };
  return {
    compile(configs, headers = deps.headers) {
      const limits = new Map<string, CompiledLimit>();
      for (const config of configs) {
        strategyOf(config.sharing);
        limits.set(config.name, compileLimit(config));
      }
      context.top.keepOnly(limits);
      const own = headers === context.headers ? context : { ...context, headers };
      return {
        set(names) {
          const chosen = [...new Set(names)].map((name) => {
            const limit = limits.get(name);
            if (limit === undefined) throw new SluiceError('SLUICE_CONFIG_INVALID', `no limit is called ${name}`);
            return limit;
          });
          return new RouteLimits(chosen, stagesOf(chosen, strategyOf), own);
        },
        keys: new LimitKeys(limits, strategyOf, own),
        top: (name) => (limits.has(name) ? context.top.of(name) : undefined),
      };
    },
    forgetDenials: () => context.denials.forgetAll(),
  };
}
