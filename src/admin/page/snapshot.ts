/** Everything that the dashboard shows, out of two readings of the totals. */
import type { Summary } from '../../core/space-saving.ts';
import type { Totals } from '../../core/totals.ts';
import type { AdminDeps, LimitSummary } from '../deps.ts';
import { peersReport } from '../peers-report.ts';
import { timeText } from '../time-text.ts';
import type { Rates } from './rates.ts';
import { ratesBetween } from './rates.ts';
import type { Snapshot, SnapshotLimit } from './snapshot-schema.ts';

/** One snapshot goes to every listener each second: it must stay small whatever the configuration. */
const MOST_LIMITS = 200;
/** Limits whose busiest keys are in it: to sort them costs time. */
const MOST_TOPS = 12;
const MOST_KEYS = 6;
const MOST_PEERS = 256;
const WORST = ['dead', 'suspect', 'alive', 'gone'];
const MOST_LINES = 50;
const MOST_LINE_CHARACTERS = 400;

type Peer = Snapshot['peers']['peers'][number];

/** Makes one snapshot after the other, each with the rates since the one before. */
export class SnapshotMaker {
  readonly #deps: AdminDeps;
  #before: Totals | undefined;
  /** On the monotonic clock. */
  #beforeAt = 0;

  constructor(deps: AdminDeps) {
    this.#deps = deps;
  }

  next(): Snapshot {
    const now = this.#deps.metrics.totals();
    const at = this.#deps.clock.monotonic();
    const seconds = this.#before === undefined ? 0 : (at - this.#beforeAt) / 1_000;
    const rates = ratesBetween(this.#before ?? now, now, seconds);
    this.#before = now;
    this.#beforeAt = at;
    return snapshot(this.#deps, now, rates);
  }
}

function snapshot(deps: AdminDeps, totals: Totals, rates: Rates): Snapshot {
  const { ready, reasons } = deps.readiness();
  const limits = deps.limits();
  const peers = peersReport(deps);
  // Those that something is wrong with must not be among those left out.
  const shown = peers.peers.length > MOST_PEERS ? peers.peers.toSorted(worstFirst).slice(0, MOST_PEERS) : peers.peers;
  return {
    version: deps.version,
    instance: deps.instance,
    at: timeText(deps.clock.now()),
    startedAt: timeText(deps.startedAt),
    ready,
    reasons: lines(reasons),
    seconds: rates.seconds,
    requests: {
      allowedPerSecond: rates.requests.allowed,
      deniedPerSecond: rates.requests.denied,
      shadowDeniedPerSecond: rates.requests.shadowDenied,
      errorPerSecond: rates.requests.error,
      inFlight: totals.requestsInFlight,
      ...some({ latency: rates.requestSeconds }),
    },
    decisions: decisionsOf(rates),
    ...some({ store: storeOf(deps, totals, rates), reload: reloadOf(deps) }),
    counters: totals.countersHeld,
    limits: limitsOf(deps, limits.slice(0, MOST_LIMITS), totals, rates),
    fleetTop: deps.fleetTop !== undefined,
    limitsLeftOut: Math.max(0, limits.length - MOST_LIMITS),
    peers: { ...peers, peers: shown, leaders: peers.leaders.slice(0, MOST_PEERS) },
    peersLeftOut: Math.max(0, peers.peers.length - MOST_PEERS),
  };
}

function worstFirst(a: Peer, b: Peer): number {
  return WORST.indexOf(a.state) - WORST.indexOf(b.state);
}

function decisionsOf(rates: Rates): Snapshot['decisions'] {
  const sums = { allowedPerSecond: 0, deniedPerSecond: 0, shadowDeniedPerSecond: 0 };
  for (const { allowed, denied, shadowDenied } of rates.limits.values()) {
    sums.allowedPerSecond += allowed;
    sums.deniedPerSecond += denied;
    sums.shadowDeniedPerSecond += shadowDenied;
  }
  return { ...sums, fallbackPerSecond: rates.fallbacks, ...some({ latency: rates.decisionSeconds }) };
}

function storeOf(deps: AdminDeps, totals: Totals, rates: Rates): Snapshot['store'] {
  const store = deps.store();
  if (store === undefined) return undefined;
  return {
    ...store,
    circuit: totals.storeCircuit,
    callsPerSecond: rates.storeCalls,
    errorsPerSecond: rates.storeErrors,
    errors: Object.fromEntries(totals.storeErrors),
    ...some({ latency: rates.storeSeconds }),
  };
}

function reloadOf(deps: AdminDeps): Snapshot['reload'] {
  const reload = deps.lastReload();
  if (reload === undefined) return undefined;
  const { at, result, changes, faults } = reload;
  return { at: timeText(at), result, changes: lines(changes ?? []), faults: lines(faults ?? []) };
}

function limitsOf(deps: AdminDeps, limits: readonly LimitSummary[], totals: Totals, rates: Rates): SnapshotLimit[] {
  const decided = (name: string): number => {
    const sums = totals.limits.get(name);
    return sums === undefined ? 0 : sums.allowed + sums.denied + sums.shadowDenied;
  };
  const byUse = limits.map(({ name }) => name).sort((a, b) => decided(b) - decided(a));
  const busiest = new Set(byUse.slice(0, MOST_TOPS));
  return limits.map((limit) => {
    const { allowed, denied, shadowDenied } = rates.limits.get(limit.name) ?? NO_RATES;
    const top = busiest.has(limit.name) ? deps.top(limit.name) : undefined;
    const shown = top && { seconds: top.seconds, asked: mostOf(top.asked), refused: mostOf(top.refused) };
    return {
      ...limitText(limit),
      allowedPerSecond: allowed,
      deniedPerSecond: denied,
      shadowDeniedPerSecond: shadowDenied,
      ...some({ top: shown }),
    };
  });
}

const NO_RATES = { allowed: 0, denied: 0, shadowDenied: 0 };

function limitText({ max, key, rates, routes, ...limit }: LimitSummary) {
  return { ...limit, key: [...key], rates: [...rates], routes: lines(routes), ...some({ max }) };
}

function mostOf({ keys }: Summary): { key: string; count: number }[] {
  return keys.slice(0, MOST_KEYS).map(({ key, count }) => ({ key, count }));
}

function lines(texts: readonly string[]): string[] {
  const shown = texts.slice(0, MOST_LINES).map((text) => text.slice(0, MOST_LINE_CHARACTERS));
  return texts.length > MOST_LINES ? [...shown, `and ${texts.length - MOST_LINES} more`] : shown;
}

/** Without what is undefined. */
function some<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(kept) as { [K in keyof T]?: Exclude<T[K], undefined> };
}
