/** From runs to rows of a report. */
import type { Interval, Measured, ReportRow, Source, WindowMeans } from './model.ts';
import { estimate } from './statistics.ts';
import { wayOrder } from './ways-shown.ts';

/** What one run measured. Times in seconds, rates a second, parts of 1. */
export interface RunMeasures {
  readonly offeredPerSecond: number;
  readonly limitPerSecond: number;
  readonly admittedPerSecond: number;
  readonly overAdmission: number;
  readonly falseDenials: number;
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly hottestHostMessagesPerSecond: number;
  readonly decisionLatencySeconds: { readonly p50: number; readonly p99: number };
  readonly stalenessSeconds: { readonly p50: number; readonly p99: number };
  /** null: hosts did not come to know the same while it was watched, or there is nothing to know. */
  readonly convergenceSeconds: number | null;
  readonly latencies: readonly { readonly upTo: number; readonly count: number }[];
  readonly windows: readonly WindowMeans[];
  /** Of real gateways: how far a decision's time may be off. */
  readonly datedWithinSeconds?: number;
}

/** All runs of one way of sharing on a number of hosts. */
export interface MeasuredCell {
  readonly way: string;
  readonly hosts: number;
  readonly runs: readonly { readonly seed: number; readonly measures: RunMeasures }[];
  /** Set when there are no runs: messages by a formula. */
  readonly analytic: Counted | undefined;
  /** Left out: `simulated`. */
  readonly source?: 'simulated' | 'live';
  /** Left out: the setup's. */
  readonly intervalSeconds?: number;
  readonly notes?: readonly string[];
}

export interface Counted {
  readonly messagesPerSecond: number;
  readonly bytesPerSecond?: number;
  readonly hottestHostMessagesPerSecond: number;
}

/** Rows by hosts, interval and way of sharing, whatever the order of `cells`. */
export function rowsOf(cells: readonly MeasuredCell[], intervalSeconds: number): ReportRow[] {
  return cells
    .map((cell) => rowOf(cell, cell.intervalSeconds ?? intervalSeconds))
    .sort(
      (a, b) =>
        a.hosts - b.hosts ||
        a.intervalSeconds - b.intervalSeconds ||
        wayOrder(a.sharing) - wayOrder(b.sharing) ||
        compare(a.sharing, b.sharing) ||
        compare(a.source, b.source),
    );
}

function rowOf(cell: MeasuredCell, intervalSeconds: number): ReportRow {
  const measures = cell.runs.map((run) => run.measures);
  const intervals: Partial<Record<Measured, Interval>> = {};
  const mean = (name: Measured, read: (run: RunMeasures) => number | null): number | null => {
    const values = measures.map(read).filter((value) => value !== null);
    if (values.length === 0 || values.length < measures.length) return null;
    const found = estimate(values);
    if (found.interval !== undefined) intervals[name] = found.interval;
    return found.mean;
  };
  const dated = measures.flatMap((run) => run.datedWithinSeconds ?? []);
  const counted = measures.length === 0 ? cell.analytic : undefined;
  const source: Source = measures.length === 0 ? 'counted' : (cell.source ?? 'simulated');
  return {
    sharing: cell.way,
    hosts: cell.hosts,
    offeredPerSecond: mean('offeredPerSecond', (run) => run.offeredPerSecond),
    limitPerSecond: mean('limitPerSecond', (run) => run.limitPerSecond),
    admittedPerSecond: mean('admittedPerSecond', (run) => run.admittedPerSecond),
    overAdmission: mean('overAdmission', (run) => run.overAdmission),
    falseDenials: mean('falseDenials', (run) => run.falseDenials),
    messagesPerSecond: counted?.messagesPerSecond ?? mean('messagesPerSecond', (run) => run.messagesPerSecond),
    bytesPerSecond: counted?.bytesPerSecond ?? mean('bytesPerSecond', (run) => run.bytesPerSecond),
    hottestHostMessagesPerSecond:
      counted?.hottestHostMessagesPerSecond ??
      mean('hottestHostMessagesPerSecond', (run) => run.hottestHostMessagesPerSecond),
    decisionLatencySeconds: {
      p50: mean('decisionLatencySeconds.p50', (run) => run.decisionLatencySeconds.p50),
      p99: mean('decisionLatencySeconds.p99', (run) => run.decisionLatencySeconds.p99),
    },
    stalenessSeconds: {
      p50: mean('stalenessSeconds.p50', (run) => run.stalenessSeconds.p50),
      p99: mean('stalenessSeconds.p99', (run) => run.stalenessSeconds.p99),
    },
    convergenceSeconds: mean('convergenceSeconds', (run) => run.convergenceSeconds),
    analytic: source === 'counted',
    source,
    intervalSeconds,
    seeds: cell.runs.map((run) => run.seed),
    intervals,
    latencies: together(measures),
    windows: meanWindows(measures),
    ...(dated.length === 0 ? {} : { datedWithinSeconds: estimate(dated).mean }),
    notes: [...(cell.notes ?? []), ...notConverged(measures)],
  };
}

/** Some of the runs came to an end: what the others would have taken is unknown, so there is no mean, but this. */
function notConverged(measures: readonly RunMeasures[]): string[] {
  const never = measures.filter((run) => run.convergenceSeconds === null).length;
  if (never === 0 || never === measures.length) return [];
  return [`${never} of ${measures.length} runs did not come to agree while they were watched`];
}

function together(measures: readonly RunMeasures[]): { upTo: number; count: number }[] {
  const counts = new Map<number, number>();
  for (const { latencies } of measures) {
    for (const { upTo, count } of latencies) counts.set(upTo, (counts.get(upTo) ?? 0) + count);
  }
  return [...counts].sort(([a], [b]) => a - b).map(([upTo, count]) => ({ upTo, count }));
}

/** Windows of runs whose clocks start at another part of a window lie apart: each run's n-th window is one. */
function meanWindows(measures: readonly RunMeasures[]): WindowMeans[] {
  const most = Math.max(0, ...measures.map((run) => run.windows.length));
  return Array.from({ length: most }, (_, i) => {
    const seen = measures.flatMap((run) => run.windows[i] ?? []);
    const mean = (read: (window: WindowMeans) => number): number =>
      seen.reduce((sum, window) => sum + read(window), 0) / seen.length;
    return {
      at: mean((window) => window.at),
      offered: mean((window) => window.offered),
      admitted: mean((window) => window.admitted),
      oracle: mean((window) => window.oracle),
    };
  });
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
