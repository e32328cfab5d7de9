/** What has happened since the process started, in sums. Rates are differences of two. */
export interface Totals {
  readonly requests: Readonly<Record<'allowed' | 'denied' | 'shadowDenied' | 'error', number>>;
  /** Decisions of each limit, by its name. */
  readonly limits: ReadonlyMap<string, LimitTotals>;
  /** Whole exchanges, in seconds. */
  readonly requestSeconds: HistogramTotals;
  readonly decisionSeconds: HistogramTotals;
  readonly storeSeconds: HistogramTotals;
  /** Failed calls to the store, by kind. */
  readonly storeErrors: ReadonlyMap<string, number>;
  readonly storeCircuit: 'closed' | 'open' | 'half_open';
  /** Decisions taken by a failure policy. */
  readonly fallbacks: number;
  readonly requestsInFlight: number;
  /** Counters held in this process's memory. */
  readonly countersHeld: number;
}

export interface LimitTotals {
  readonly allowed: number;
  readonly denied: number;
  readonly shadowDenied: number;
}

export interface HistogramTotals {
  /** Upper bounds of the buckets, ascending, without +Inf. */
  readonly bounds: readonly number[];
  /** Observations in each bucket, not cumulative; one more than bounds: the last is +Inf. */
  readonly counts: readonly number[];
}
