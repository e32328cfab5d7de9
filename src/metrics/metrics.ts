/** Sluice's metrics: everything that happens, counted for Prometheus. Subscribes, is never asked. */

import type { Clock } from '../core/clock.ts';
import { systemClock } from '../core/clock.ts';
import { REPLICATED_SHARINGS } from '../core/sharings.ts';
import type {
  PeerRefusal,
  PeerTraffic,
  RequestEvent,
  StoreErrorKind,
  Telemetry,
  TraceSpansResult,
} from '../core/telemetry.ts';
import type { Totals } from '../core/totals.ts';
import type { FailurePolicy, ReplicatedSharing, SharingName } from '../core/types.ts';
import type { CounterCell, HistogramCell } from './cells.ts';
import type { Rendered } from './exposition.ts';
import { Exposition } from './exposition.ts';
import type { Families } from './families.ts';
import { createFamilies } from './families.ts';
import { PeerCells } from './peer-cells.ts';
import { addProcessMetrics } from './process-metrics.ts';
import type { Readings } from './readings.ts';
import { addReadings } from './readings.ts';
import { RouteCells } from './route-cells.ts';
import { readTotals } from './totals.ts';
import { UpstreamCells } from './upstream-cells.ts';

/** The names that may become label values, from a configuration. Anything else is counted under {@link UNDECLARED}. */
export interface Declaration {
  readonly routes: Iterable<{ readonly name: string }>;
  readonly limits: Iterable<{
    readonly name: string;
    readonly sharing: SharingName;
    readonly onFailure: FailurePolicy;
  }>;
  readonly upstreams: Iterable<{ readonly name: string; readonly servers: readonly string[] }>;
}

export interface Metrics {
  readonly telemetry: Telemetry;
  /** The metrics in the format that an `Accept` field asks for: OpenMetrics or Prometheus text. */
  render(accept?: string): Promise<Rendered>;
  /** Everything so far in sums. */
  totals(): Totals;
  /** Makes the names of a configuration known, their counters at zero. Call at start and at every reload; nothing is forgotten. */
  declare(names: Declaration): void;
  /** Connects gauges to whoever keeps the number. Until then they read 0. */
  watch(readings: Readings): void;
  /** Stops sampling the event loop. */
  close(): void;
}

/** The label value for whatever no configuration names: no route matched, or a defect would otherwise make labels unbounded. */
const UNDECLARED = 'none';

export function createMetrics(options: { readonly version: string; readonly clock?: Clock }): Metrics {
  const clock = options.clock ?? systemClock;
  const exposition = new Exposition();
  const families = createFamilies();
  exposition.addFamilies(Object.values(families));
  const telemetry = new MetricsTelemetry(families, clock);
  const readings: Readings = {};

  addReadings(exposition, readings);
  exposition.addGauge({
    name: 'sluice_store_circuit_state',
    help: '1 for the state that the circuit to the store is in, 0 for the others.',
    labels: ['state'],
    read: () =>
      (['closed', 'open', 'half_open'] as const).map((state) => ({
        labels: { state },
        value: state === telemetry.circuitState ? 1 : 0,
      })),
  });
  exposition.addGauge({
    name: 'sluice_config_last_reload_success_timestamp_seconds',
    help: 'When a configuration was last taken into use, in seconds since the Unix epoch.',
    read: () => telemetry.lastReloadMs / 1000,
  });
  exposition.addGauge({
    name: 'sluice_build_info',
    help: 'Always 1; the label says which version runs.',
    labels: ['version'],
    read: () => [{ labels: { version: options.version }, value: 1 }],
  });
  const lagSampling = addProcessMetrics(exposition, clock);

  return {
    telemetry,
    render: (accept) => exposition.render(accept),
    totals: () => readTotals(families, readings, telemetry.circuitState),
    declare: (names) => telemetry.declare(names),
    watch: (more) => void Object.assign(readings, more),
    close: () => lagSampling.cancel(),
  };
}

interface LimitCells {
  readonly verdicts: Map<SharingName, Readonly<Record<'allowed' | 'denied' | 'shadow_denied', CounterCell>>>;
  readonly local: CounterCell;
  readonly leased: CounterCell;
  readonly used: HistogramCell;
  readonly leaseUnits: Readonly<Record<'bought' | 'used' | 'returned' | 'expired', CounterCell>>;
}

/** Looks labels up once, when they are declared: an event is one map lookup and one addition for each series. */
class MetricsTelemetry implements Telemetry {
  readonly #families: Families;
  readonly #clock: Clock;
  readonly #routes: RouteCells;
  readonly #limits = new Map<string, LimitCells>();
  readonly #upstreams: UpstreamCells;
  readonly #decisionTimes: Readonly<Record<SharingName, HistogramCell>>;
  readonly #roundtrip: HistogramCell;
  readonly #batch: HistogramCell;
  readonly #peers: PeerCells;
  circuitState: 'closed' | 'open' | 'half_open' = 'closed';
  lastReloadMs: number;

  constructor(families: Families, clock: Clock) {
    this.#families = families;
    this.#clock = clock;
    this.lastReloadMs = clock.now();
    const decisionTime = (sharing: SharingName): HistogramCell => families.decisionDuration.cell(sharing);
    this.#decisionTimes = {
      local: decisionTime('local'),
      redis: decisionTime('redis'),
      mesh: decisionTime('mesh'),
      gossip: decisionTime('gossip'),
      leader: decisionTime('leader'),
      'random-leaders': decisionTime('random-leaders'),
    };
    this.#peers = new PeerCells(families);
    this.#upstreams = new UpstreamCells(families, UNDECLARED);
    this.#routes = new RouteCells(families, UNDECLARED);
    this.#roundtrip = families.storeRoundtrip.cell();
    this.#batch = families.storeBatch.cell();
    for (const kind of ['timeout', 'connection', 'reply', 'circuit_open', 'overloaded'] as const) {
      families.storeErrors.cell(kind);
    }
    for (const result of ['success', 'failure', 'unchanged'] as const) families.configReloads.cell(result);
    for (const result of ['exported', 'dropped', 'failed'] as const) families.traceSpans.cell(result);
    for (const sharing of ['local', 'redis', ...REPLICATED_SHARINGS] as const) families.evicted.cell(sharing);
    this.#addLimit(UNDECLARED);
  }

  declare(names: Declaration): void {
    for (const { name } of names.routes) this.#routes.declare(name);
    for (const limit of names.limits) {
      this.#verdicts(this.#addLimit(limit.name), limit.name, limit.sharing);
      this.#families.fallbacks.cell(limit.name, limit.onFailure);
    }
    for (const { name, servers } of names.upstreams) this.#upstreams.declare(name, servers);
  }

  #addLimit(name: string): LimitCells {
    let cells = this.#limits.get(name);
    if (cells === undefined) {
      const { localDenials, leaseDecisions, leaseUnits, limitUsed } = this.#families;
      cells = {
        verdicts: new Map(),
        local: localDenials.cell(name),
        leased: leaseDecisions.cell(name),
        used: limitUsed.cell(name),
        leaseUnits: {
          bought: leaseUnits.cell(name, 'bought'),
          used: leaseUnits.cell(name, 'used'),
          returned: leaseUnits.cell(name, 'returned'),
          expired: leaseUnits.cell(name, 'expired'),
        },
      };
      this.#limits.set(name, cells);
    }
    return cells;
  }

  /** A reload may change a limit's sharing, so a limit can have series under several. */
  #verdicts(cells: LimitCells, limit: string, sharing: SharingName) {
    let verdicts = cells.verdicts.get(sharing);
    if (verdicts === undefined) {
      const { decisions } = this.#families;
      verdicts = {
        allowed: decisions.cell(limit, sharing, 'allowed'),
        denied: decisions.cell(limit, sharing, 'denied'),
        shadow_denied: decisions.cell(limit, sharing, 'shadow_denied'),
      };
      cells.verdicts.set(sharing, verdicts);
    }
    return verdicts;
  }

  requestFinished(event: RequestEvent): void {
    this.#routes.finished(event);
    this.#upstreams.finished(event);
  }

  decision(
    limit: string,
    sharing: SharingName,
    verdict: 'allowed' | 'denied' | 'shadow_denied' | 'local_denial',
  ): void {
    const known = this.#limits.get(limit);
    const cells = known ?? this.#addLimit(UNDECLARED);
    const verdicts = this.#verdicts(cells, known === undefined ? UNDECLARED : limit, sharing);
    if (verdict === 'local_denial') {
      verdicts.denied.inc();
      cells.local.inc();
    } else {
      verdicts[verdict].inc();
    }
  }

  limitUsed(limit: string, part: number): void {
    (this.#limits.get(limit) ?? this.#addLimit(UNDECLARED)).used.observe(part);
  }

  decisionTime(sharing: SharingName, seconds: number): void {
    this.#decisionTimes[sharing].observe(seconds);
  }

  fallback(limit: string, policy: FailurePolicy): void {
    this.#families.fallbacks.cell(this.#limits.has(limit) ? limit : UNDECLARED, policy).inc();
  }

  leased(limit: string, units: number): void {
    const cells = this.#limits.get(limit) ?? this.#addLimit(UNDECLARED);
    cells.leased.inc();
    cells.leaseUnits.used.add(units);
  }

  leaseUnits(limit: string, result: 'bought' | 'returned' | 'expired', units: number): void {
    const cells = this.#limits.get(limit) ?? this.#addLimit(UNDECLARED);
    cells.leaseUnits[result].add(units);
  }

  storeRoundtrip(seconds: number, checks: number): void {
    this.#roundtrip.observe(seconds);
    this.#batch.observe(checks);
  }

  storeError(kind: StoreErrorKind): void {
    this.#families.storeErrors.cell(kind).inc();
  }

  circuit(state: 'closed' | 'open' | 'half_open'): void {
    this.circuitState = state;
  }

  configReload(result: 'success' | 'failure' | 'unchanged'): void {
    this.#families.configReloads.cell(result).inc();
    if (result === 'success') this.lastReloadMs = this.#clock.now();
  }

  evicted(sharing: SharingName): void {
    this.#families.evicted.cell(sharing).inc();
  }

  upstreamEjected(upstream: string, server: string): void {
    this.#upstreams.ejected(upstream, server);
  }

  upstreamRetry(upstream: string): void {
    this.#upstreams.retried(upstream);
  }

  peerMessage(traffic: PeerTraffic, direction: 'sent' | 'received', bytes: number): void {
    this.#peers.message(traffic, direction, bytes);
  }

  peerRefused(reason: PeerRefusal): void {
    this.#peers.refused(reason);
  }

  staleness(sharing: ReplicatedSharing, seconds: number): void {
    this.#peers.staleness(sharing, seconds);
  }

  traceSpans(result: TraceSpansResult, spans: number): void {
    this.#families.traceSpans.cell(result).add(spans);
  }
}
