/** What the lab found: plain data, written as JSON for scripts, and shown as a table and as a page. */

/** Raised when a field changes its meaning or goes away; not when one is added. */
export const REPORT_VERSION = 1;

/** `simulated`: on a virtual network. `live`: real gateways. `counted`: not run, its messages follow from a formula. */
export type Source = 'simulated' | 'live' | 'counted';

export interface Report {
  readonly version: typeof REPORT_VERSION;
  /** Of the first run of each row. */
  readonly seed: number;
  /** The scenario's name. */
  readonly scenario: string;
  readonly setup: Setup;
  /** In the order of hosts, intervals and ways of sharing. */
  readonly rows: readonly ReportRow[];
  /** What was to be shown, and whether it was. */
  readonly verdicts: readonly VerdictNote[];
  /** Real gateways held against the simulation of the same; left out where there are none. */
  readonly reality?: readonly RealityCheck[];
}

/** One number of real gateways, and the same of their simulation. */
export interface RealityCheck {
  readonly sharing: string;
  readonly hosts: number;
  readonly number: Measured;
  readonly live: number | null;
  readonly simulated: number | null;
  /** `yes`: confidence intervals overlap, or the two differ by no more than `tolerance`; `unclear`: one is not known. */
  readonly agrees: 'yes' | 'no' | 'unclear';
  /** Largest difference that is taken for none, in the unit of the number. */
  readonly tolerance: number;
  readonly why: string;
}

/** What was run. */
export interface Setup {
  readonly description: string;
  /** Seconds between two reports of hosts to each other, where a row does not say otherwise. */
  readonly intervalSeconds: number;
  readonly faults: readonly SetupFault[];
  /** More of it, as names and values to be shown. */
  readonly facts: readonly (readonly [name: string, value: string])[];
}

export interface SetupFault {
  /** `partition`, `leader-crash`, … */
  readonly kind: string;
  /** Seconds since requests began. */
  readonly atSeconds: number;
  readonly forSeconds: number;
}

export interface VerdictNote {
  readonly claim: string;
  /** `unclear`: the runs differ too much from each other to tell. */
  readonly holds: 'yes' | 'no' | 'partly' | 'unclear';
  /** The numbers that say so. */
  readonly why: string;
}

/** Numbers that are a mean over runs, by the name that a row has them under. */
export type Measured =
  | 'offeredPerSecond'
  | 'limitPerSecond'
  | 'admittedPerSecond'
  | 'overAdmission'
  | 'falseDenials'
  | 'messagesPerSecond'
  | 'bytesPerSecond'
  | 'hottestHostMessagesPerSecond'
  | 'decisionLatencySeconds.p50'
  | 'decisionLatencySeconds.p99'
  | 'stalenessSeconds.p50'
  | 'stalenessSeconds.p99'
  | 'convergenceSeconds';

/** The 95 % confidence interval of a mean. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** One way of sharing on a number of hosts: means over runs; null where nothing is known. */
export interface ReportRow {
  readonly sharing: string;
  readonly hosts: number;
  readonly offeredPerSecond: number | null;
  readonly limitPerSecond: number | null;
  readonly admittedPerSecond: number | null;
  /** The largest excess over the limit in any window, as a part of the limit. */
  readonly overAdmission: number | null;
  /** Part of the offered units that were refused and that one all-knowing limiter admits. */
  readonly falseDenials: number | null;
  readonly messagesPerSecond: number | null;
  readonly bytesPerSecond: number | null;
  /** Sent and received by the host that has most of them; for redis by the store. */
  readonly hottestHostMessagesPerSecond: number | null;
  readonly decisionLatencySeconds: Quantiles;
  /** Age of other hosts' counts when they arrive. */
  readonly stalenessSeconds: Quantiles;
  /** From the last request until all hosts know the same; null: unknown, or some run did not get there. */
  readonly convergenceSeconds: number | null;
  /** Its messages follow from a formula, and the rest is unknown. */
  readonly analytic: boolean;
  readonly source: Source;
  readonly intervalSeconds: number;
  readonly seeds: readonly number[];
  /** None for a number that is unknown, or that comes of a single run. */
  readonly intervals: Readonly<Partial<Record<Measured, Interval>>>;
  /** Of all runs together: decisions that took at most so many seconds, and more than those of the bucket before. */
  readonly latencies: readonly { readonly upTo: number; readonly count: number }[];
  /** Means over runs, one for each window. */
  readonly windows: readonly WindowMeans[];
  /** Of live rows: half of what a request and its answer usually take, by which the time of a decision may be off. */
  readonly datedWithinSeconds?: number;
  readonly notes: readonly string[];
}

export interface Quantiles {
  readonly p50: number | null;
  readonly p99: number | null;
}

export interface WindowMeans {
  /** Seconds since requests began. */
  readonly at: number;
  /** Units. */
  readonly offered: number;
  readonly admitted: number;
  /** What one all-knowing limiter admits. */
  readonly oracle: number;
}

/** What a row of a report says under a dotted name. */
export function numberOf(row: ReportRow, name: Measured): number | null {
  switch (name) {
    case 'decisionLatencySeconds.p50':
      return row.decisionLatencySeconds.p50;
    case 'decisionLatencySeconds.p99':
      return row.decisionLatencySeconds.p99;
    case 'stalenessSeconds.p50':
      return row.stalenessSeconds.p50;
    case 'stalenessSeconds.p99':
      return row.stalenessSeconds.p99;
    default:
      return row[name];
  }
}
