/** The composition root: builds every part from a configuration and connects them. The only place that knows all. */
import { createAdmin } from './admin/admin.ts';
import type { ReloadReport, StoreReport, TimedReload } from './admin/deps.ts';
import { summariseLimits } from './admin/limit-summary.ts';
import type { ConfigChange } from './config/diff.ts';
import { planReload } from './config/plan.ts';
import type { Address, Config } from './config/types.ts';
import type { Clock } from './core/clock.ts';
import { withDeadline } from './core/deadline.ts';
import { reasonOf } from './core/errors.ts';
import type { Logger } from './core/logger.ts';
import type { Random } from './core/random.ts';
import type { Telemetry } from './core/telemetry.ts';
import type { SharingName } from './core/types.ts';
import type { CompiledLimits, Limiter } from './limiter/create.ts';
import { createLimiter } from './limiter/create.ts';
import { createAccessLog } from './metrics/access-log.ts';
import { fanOut } from './metrics/fan-out.ts';
import type { LogSink } from './metrics/logger.ts';
import type { Metrics } from './metrics/metrics.ts';
import { createMetrics } from './metrics/metrics.ts';
import { PeersEngine } from './peers-engine.ts';
import { DetachedRequests } from './proxy/detached-requests.ts';
import { detachedRequest } from './proxy/explained-request.ts';
import { Gateway } from './proxy/gateway.ts';
import { heldElsewhere } from './proxy/held-request.ts';
import type { ProxySnapshot } from './proxy/options.ts';
import type { RedisEngine } from './redis-engine.ts';
import { createRedisEngine } from './redis-engine.ts';
import { LocalStrategy } from './sharing/local.ts';
import type { Strategy } from './sharing/strategy.ts';
import { TracingEngine } from './tracing-engine.ts';

export interface AppOptions {
  readonly config: Config;
  /** Reads the configuration afresh, for a reload; undefined when there is no file to read. */
  readonly reread: (() => Reread) | undefined;
  readonly version: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logs: LogSink;
}

export type Reread = { readonly config: Config } | { readonly faults: readonly string[] };

/** For admin requests that are running when everything else has ended, a scrape for example. */
const ADMIN_GRACE_MS = 500;

/** A whole running gateway. */
export class App {
  readonly #options: AppOptions;
  readonly #logger: Logger;
  readonly #metrics: Metrics;
  readonly #redis: RedisEngine | undefined;
  readonly #peers: PeersEngine | undefined;
  readonly #tracing: TracingEngine | undefined;
  readonly #local: LocalStrategy;
  readonly #limiter: Limiter;
  readonly #gateway: Gateway;
  readonly #startedAt: number;
  readonly #instance: string;
  readonly #telemetry: Telemetry;
  #admin: Awaited<ReturnType<typeof createAdmin>> | undefined;
  #config: Config;
  /** What was read last: the running configuration and what waits for a restart. */
  #loaded: Config;
  #compiled: CompiledLimits;
  #detached: DetachedRequests;
  #lastReload: TimedReload | undefined;
  #state: 'starting' | 'ready' | 'draining' = 'starting';

  constructor(options: AppOptions) {
    const { config, clock, random, logs } = options;
    this.#options = options;
    this.#config = config;
    this.#loaded = config;
    this.#logger = logs.logger;
    this.#startedAt = clock.now();
    this.#metrics = createMetrics({ version: options.version, clock });
    const accessLog = createAccessLog({ access: config.log.access, lines: logs.access, random });
    this.#telemetry = fanOut(this.#metrics.telemetry, accessLog);
    const telemetry = this.#telemetry;
    const instance = random.hex(8);
    this.#instance = instance;
    this.#local = new LocalStrategy({ clock, telemetry, maxKeys: config.memory.maxKeys });
    this.#redis =
      config.redis === undefined
        ? undefined
        : createRedisEngine(config.redis, {
            clock,
            telemetry,
            logger: this.#logger,
            instance,
            onReset: () => this.#limiter.forgetDenials(),
            top: (limit) => this.#compiled.top(limit),
          });
    this.#peers =
      config.peers === undefined
        ? undefined
        : new PeersEngine(config.peers, {
            clock,
            random,
            telemetry,
            logger: this.#logger,
            etcd: config.etcd,
            redisRegistry: this.#redis?.registry,
            maxKeys: config.memory.maxKeys,
            startedAt: this.#startedAt,
            top: (limit) => this.#compiled.top(limit),
          });
    const strategies = new Map<SharingName, Strategy>([['local', this.#local], ...(this.#peers?.strategies ?? [])]);
    if (this.#redis !== undefined) strategies.set('redis', this.#redis.strategy);
    this.#limiter = createLimiter({
      clock,
      random,
      telemetry,
      logger: this.#logger,
      strategies,
      // A limit is either shared or local, so one memory under one cap serves both without mixing counters.
      fallback: this.#local,
      liveInstances: () => this.#liveInstances(),
      instance,
      headers: config.headers,
    });
    this.#compiled = this.#limiter.compile(config.limits.values());
    const { version } = options;
    this.#tracing =
      config.tracing === undefined
        ? undefined
        : new TracingEngine(config.tracing, { clock, random, telemetry, logger: this.#logger, version, instance });
    const snapshot = snapshotOf(config, this.#compiled);
    this.#detached = new DetachedRequests(snapshot.routes, config.trustedProxies);
    this.#gateway = new Gateway({
      clock,
      random,
      telemetry,
      tracer: this.#tracing?.tracer,
      logger: this.#logger,
      server: config.server,
      snapshot,
    });
    this.#declare(config);
    this.#metrics.watch({
      requestsInFlight: () => this.#gateway.inFlight,
      liveInstances: () => this.#liveInstances(),
      countersHeld: () => this.#local.size + (this.#peers?.size ?? 0),
      peers: () => this.#peers?.states(),
      leaderTerms: () => this.#peers?.leaderTerms(),
      logLinesDropped: () => logs.dropped(),
    });
  }

  /**
   * Starts everything; resolves when requests are accepted, with where. Starts also while Redis, etcd and other hosts are away.
   * @throws SluiceError SLUICE_LISTEN; SLUICE_STORE_REFUSED when Redis is there and does not let us in
   */
  async start(): Promise<{ readonly gateway: Address; readonly admin: Address }> {
    const { config, version } = this.#options;
    await this.#local.start();
    await this.#tracing?.start();
    await this.#redis?.start();
    // Whoever has just started knows what the others have counted before it takes requests.
    await this.#peers?.start(sharingsOf(config));
    const keys = {
      peek: (limit: string, key: string) => this.#compiled.keys.peek(limit, key),
      reset: (limit: string, key: string) => this.#compiled.keys.reset(limit, key),
    };
    this.#admin = await createAdmin({
      token: config.admin.token,
      logger: this.#logger,
      clock: this.#options.clock,
      version,
      instance: this.#instance,
      startedAt: this.#startedAt,
      metrics: this.#metrics,
      keys,
      readiness: () => this.#readiness(),
      limits: () => summariseLimits(this.#config),
      explain: (request) => this.#detached.explain(detachedRequest(request)),
      top: (limit) => this.#compiled.top(limit),
      fleetTop: this.#redis?.fleetTop ?? this.#peers?.fleetTop,
      reload: () => this.reload(),
      peers: () => this.#peers?.report(),
      lastReload: () => this.#lastReload,
      store: () => this.#store(),
      check: (original) => this.#detached.decide(heldElsewhere(original)),
    });
    const admin = await this.#admin.listen(config.admin.listen);
    const gateway = await this.#gateway.listen(config.listen);
    // Not before it can serve: whoever counts as live takes a share of every limit.
    await this.#redis?.heartbeat.start();
    this.#state = 'ready';
    return { gateway, admin };
  }

  /** Takes a changed configuration into use; a bad one is refused, logged and counted, and the old one stays. */
  async reload(): Promise<ReloadReport> {
    const report = this.#tryReload();
    this.#lastReload = { ...report, at: this.#options.clock.now() };
    this.#telemetry.configReload(report.result);
    if (report.result === 'failure') {
      this.#logger.error({ faults: report.faults }, 'reload refused; the old configuration stays');
    } else if (report.result === 'success') {
      this.#logger.info({ changes: report.changes }, 'reloaded');
    } else {
      this.#logger.info({}, 'reload: nothing has changed');
    }
    return report;
  }

  /**
   * Is not ready any more, after `shutdownDelay` stops accepting, finishes what is in flight, then stops everything.
   * @returns whether all requests could finish within `shutdownTimeout`
   */
  async stop(): Promise<boolean> {
    this.#state = 'draining';
    const finished = await this.#gateway.drain(this.#config.shutdownTimeoutMs, this.#config.shutdownDelayMs);
    const flushed = this.#tracing?.stop();
    await this.#peers?.stop();
    await this.#redis?.stop();
    await this.#local.close();
    await flushed;
    await this.#closeAdmin();
    this.#metrics.close();
    return finished;
  }

  /** Whoever keeps an admin connection busy does not keep the process: it ends soon, and the connection with it. */
  async #closeAdmin(): Promise<void> {
    if (this.#admin === undefined) return;
    const late = (): Error => new Error('admin connections are still busy');
    await withDeadline(this.#options.clock, ADMIN_GRACE_MS, this.#admin.close(), late).catch((error: unknown) => {
      this.#logger.debug({ reason: reasonOf(error) }, 'admin listener cut off');
    });
  }

  #tryReload(): ReloadReport {
    if (this.#state === 'draining') return { result: 'failure', faults: ['the gateway is shutting down'] };
    try {
      return this.#reload();
    } catch (error) {
      return { result: 'failure', faults: [reasonOf(error)] };
    }
  }

  #reload(): ReloadReport {
    const { reread } = this.#options;
    if (reread === undefined) return { result: 'unchanged', changes: [] };
    const read = reread();
    if ('faults' in read) return { result: 'failure', faults: read.faults };
    const plan = planReload(this.#config, read.config, this.#loaded);
    if ('refused' in plan) return { result: 'failure', faults: [plan.refused] };
    const { config, changes } = plan;
    if (changes.length === 0) return { result: 'unchanged', changes: [] };
    this.#loaded = read.config;
    const compiled = this.#limiter.compile(config.limits.values(), config.headers);
    // Limits that are new to a way of sharing are decided meanwhile on what this host knows.
    void this.#peers?.use(sharingsOf(config)).catch((error: unknown) => {
      this.#logger.error({ reason: reasonOf(error) }, 'peers: a way of sharing could not be started');
    });
    const snapshot = snapshotOf(config, compiled);
    this.#gateway.apply(snapshot);
    this.#detached = new DetachedRequests(snapshot.routes, config.trustedProxies);
    this.#compiled = compiled;
    this.#config = config;
    this.#declare(config);
    return { result: 'success', changes: changes.map(describeChange) };
  }

  /** Those that share limits with this one, itself included, as far as known. */
  #liveInstances(): number {
    return Math.max(this.#redis?.heartbeat.live ?? 1, this.#peers?.live ?? 1);
  }

  #declare(config: Config): void {
    this.#metrics.declare({
      routes: config.routes,
      limits: config.limits.values(),
      upstreams: config.upstreams.values(),
    });
  }

  #store(): StoreReport | undefined {
    const kind = this.#options.config.redis?.servers.kind;
    if (kind === undefined || this.#redis === undefined) return undefined;
    return { kind, instances: this.#redis.heartbeat.live };
  }

  #readiness(): { ready: boolean; reasons: string[] } {
    if (this.#state === 'ready') return { ready: true, reasons: [] };
    return { ready: false, reasons: [this.#state] };
  }
}

function snapshotOf(config: Config, compiled: CompiledLimits): ProxySnapshot {
  return {
    routes: config.routes.map((route) => ({ ...route, limits: compiled.set(route.limits) })),
    upstreams: [...config.upstreams.values()],
    trustedProxies: config.trustedProxies,
  };
}

function sharingsOf(config: Config): readonly SharingName[] {
  return [...config.limits.values()].map((limit) => limit.sharing);
}

function describeChange(change: ConfigChange): string {
  return change.needsRestart ? `${change.text} (takes effect after a restart)` : change.text;
}
