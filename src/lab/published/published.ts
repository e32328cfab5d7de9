/** Numbers that others have published, beside the same measured here. */
import { seededRandom } from '../../core/random.ts';
import type { Interval } from '../report/model.ts';
import { estimate } from '../report/statistics.ts';
import { batchReports } from './batch-reports.ts';
import { roundsUntilAllKnow } from './gossip-rounds.ts';
import type { Judgement } from './two-buckets.ts';
import { judgeEstimates } from './two-buckets.ts';

export interface PublishedRow {
  readonly group: string;
  readonly what: string;
  readonly unit: '%' | 'rounds' | 'sources';
  /** What was published; null for what stands beside it. */
  readonly published: number | null;
  /** Mean over the runs, in the unit. */
  readonly measured: number;
  /** 95 %, of more than one run. */
  readonly interval: Interval | null;
}

export interface PublishedReport {
  readonly version: 1;
  readonly seeds: readonly number[];
  readonly rows: readonly PublishedRow[];
}

export interface PublishedOptions {
  readonly seed: number;
  readonly runs: number;
  /** Sources of the sliding window's traffic in each run, some 1,700 requests each. */
  readonly sources: number;
  /** A step of the work is done. */
  readonly onDone?: () => void;
}

/** Sub-windows that the sliding window is tried with; the first is what was published. */
const BUCKETS = [2, 4, 10, 30, 60] as const;
/** One hour of one limit a minute: rates of 25 a minute on average, as 400 million requests of 270,000 sources are in an hour. */
const TRAFFIC = {
  limit: 600,
  windowMs: 60_000,
  durationMs: 3_600_000,
  median: 0.03,
  sigma: 0.8,
  attackTimes: 3,
} as const;
const ATTACKERS_OF = 270;
const BATCH = {
  hosts: 20,
  limitPerSecond: 1_000,
  offeredPerSecond: 1_500,
  latencyMs: 0.25,
  durationMs: 60_000,
} as const;
/** Hosts, the mean number of rounds that is known for them, and how many times news are spread in a run. */
const ROUNDS = [
  [100, 5.7, 200],
  [1_000, 8.2, 50],
  [10_000, 10.7, 5],
] as const;

/** Steps of work, for progress. */
export function publishedSteps({ runs }: Pick<PublishedOptions, 'runs'>): number {
  return 3 * runs;
}

/** The same options give the same report. */
export function publishedReport(options: PublishedOptions): PublishedReport {
  const seeds = Array.from({ length: options.runs }, (_, i) => options.seed + i);
  const each = <T>(run: (seed: number) => T): T[] =>
    seeds.map((seed) => {
      const result = run(seed);
      options.onDone?.();
      return result;
    });
  return { version: 1, seeds, rows: [...windowRows(options, each), ...batchRows(each), ...roundRows(each)] };
}

type Each = <T>(run: (seed: number) => T) => T[];

function windowRows({ sources }: PublishedOptions, each: Each): PublishedRow[] {
  const traffic = { ...TRAFFIC, sources, attackers: Math.max(1, Math.round(sources / ATTACKERS_OF)) };
  const runs = each((seed) => judgeEstimates(traffic, BUCKETS, seededRandom(seed)));
  const of = (
    bucket: number,
    what: string,
    unit: PublishedRow['unit'],
    published: number | null,
    read: (judgement: Judgement) => number,
  ): PublishedRow => {
    const values = runs.map((judgements) => judgements[bucket]).filter((one) => one !== undefined);
    return rowOf('sliding window', what, unit, published, values.map(read));
  };
  return BUCKETS.flatMap((count, i) => {
    const known = i === 0;
    return [
      of(i, `${count} buckets: wrongly allowed or refused`, '%', known ? 0.003 : null, (j) => 100 * wrong(j)),
      of(i, `${count} buckets: rate differs by, on average`, '%', known ? 6 : null, (j) => 100 * j.rateDifference),
      ...(known
        ? [
            of(i, '2 buckets: sources above and never refused', 'sources', 3, (j) => j.missed),
            of(i, '2 buckets: the furthest above of them, less than', '%', 15, (j) => 100 * j.missedBy),
            of(i, '2 buckets: sources refused and never above', 'sources', 0, (j) => j.falsePositives),
          ]
        : []),
    ];
  });
}

function wrong({ wronglyAllowed, wronglyRefused }: Judgement): number {
  return wronglyAllowed + wronglyRefused;
}

function batchRows(each: Each): PublishedRow[] {
  const runs = each((seed) => batchReports({ ...BATCH, reportEveryMs: 100 }, seededRandom(seed)));
  const of = (what: string, published: number | null, read: (run: (typeof runs)[number]) => number): PublishedRow =>
    rowOf(
      'reports in batches',
      what,
      '%',
      published,
      runs.map((run) => 100 * read(run)),
    );
  return [
    of('every 100 ms: over the target in a second that is over', 5, (run) => run.overWhereOver),
    of('every 100 ms: over it in the worst second of a minute', null, (run) => run.overInWorstSecond),
    of('every 100 ms: over it in the whole minute', null, (run) => run.over),
  ];
}

function roundRows(each: Each): PublishedRow[] {
  const runs = each((seed) =>
    ROUNDS.map(([hosts, , times]) =>
      (['any', 'walk'] as const).map((draw) => {
        const random = seededRandom(seed);
        let sum = 0;
        for (let i = 0; i < times; i++) sum += roundsUntilAllKnow(hosts, 3, draw, random);
        return sum / times;
      }),
    ),
  );
  return ROUNDS.flatMap(([hosts, published], i) =>
    (['drawn from all', 'drawn as gateways do'] as const).map((how, k) =>
      rowOf(
        'gossip, push to 3',
        `${hosts.toLocaleString('en')} hosts, ${how}`,
        'rounds',
        k === 0 ? published : null,
        runs.map((run) => run[i]?.[k] ?? Number.NaN),
      ),
    ),
  );
}

function rowOf(
  group: string,
  what: string,
  unit: PublishedRow['unit'],
  published: number | null,
  values: readonly number[],
): PublishedRow {
  const { mean, interval } = estimate(values);
  return { group, what, unit, published, measured: mean, interval: interval ?? null };
}
