/** From samples to a table: medians over the rounds, least and most beside them. */
import type { Sample } from './measure.ts';
import type { Scenario } from './scenarios.ts';

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Row {
  readonly scenario: string;
  readonly contestant: string;
  readonly about: string;
  /** CPU microseconds a request. */
  readonly gatewayMicros: Spread;
  readonly redisMicros: Spread;
  readonly totalMicros: Spread;
  /** Total against that of `against` in the same round. */
  readonly ratio: Spread | undefined;
  readonly against: string;
  readonly requestsPerSecond: Spread;
  readonly p50Ms: Spread;
  readonly p99Ms: Spread;
  readonly refused: Spread;
  readonly failed: number;
  readonly unasked: Spread;
  readonly rounds: readonly Sample[];
}

/** Samples of one scenario by contestant's name; index = round, undefined where a run failed. */
export type Samples = ReadonlyMap<string, readonly (Sample | undefined)[]>;

export function makeRows(scenario: Scenario, samples: Samples): Row[] {
  return scenario.entries.flatMap(({ contestant, against }) => {
    const own = samples.get(contestant.name) ?? [];
    const rounds = own.filter((sample) => sample !== undefined);
    if (rounds.length === 0) return [];
    const ratios = own.flatMap((sample, round) => {
      const peer = samples.get(against.name)?.[round];
      return sample === undefined || peer === undefined ? [] : [total(sample) / total(peer)];
    });
    return [
      {
        scenario: scenario.id,
        contestant: contestant.name,
        about: contestant.about,
        gatewayMicros: spread(rounds.map((sample) => sample.gatewayMicros)),
        redisMicros: spread(rounds.map((sample) => sample.redisMicros)),
        totalMicros: spread(rounds.map(total)),
        ratio: ratios.length === 0 ? undefined : spread(ratios),
        against: against.name,
        requestsPerSecond: spread(rounds.map((sample) => sample.requestsPerSecond)),
        p50Ms: spread(rounds.map((sample) => sample.p50Ms)),
        p99Ms: spread(rounds.map((sample) => sample.p99Ms)),
        refused: spread(rounds.map((sample) => sample.refused)),
        failed: rounds.reduce((sum, sample) => sum + sample.failed, 0),
        unasked: spread(rounds.map((sample) => sample.unasked)),
        rounds,
      },
    ];
  });
}

export function formatTable(scenario: Scenario, rows: readonly Row[]): string {
  const lines = rows.map((row) => [
    row.contestant,
    number(row.gatewayMicros),
    number(row.redisMicros),
    `**${number(row.totalMicros)}** (${row.totalMicros.min.toFixed(1)}–${row.totalMicros.max.toFixed(1)})`,
    row.ratio === undefined
      ? '–'
      : `${row.ratio.median.toFixed(2)} (${row.ratio.min.toFixed(2)}–${row.ratio.max.toFixed(2)}) × ${row.against}`,
    Math.round(row.requestsPerSecond.median).toLocaleString('en'),
    row.p50Ms.median.toFixed(2),
    row.p99Ms.median.toFixed(2),
    percent(row.refused),
    [
      ...(row.unasked.max === 0 ? [] : [`${percent(row.unasked)} decided without Redis`]),
      ...(row.failed === 0 ? [] : [`${row.failed} failed`]),
    ].join(', '),
  ]);
  const head = ['', 'gateway µs', 'Redis µs', 'total µs', 'ratio', 'requests/s', 'p50 ms', 'p99 ms', 'refused', ''];
  const rule = head.map((title) => (title === '' || title === 'ratio' ? '---' : '---:'));
  return [`### ${scenario.title}`, '', ...[head, rule, ...lines].map((cells) => `| ${cells.join(' | ')} |`), ''].join(
    '\n',
  );
}

function total(sample: Sample): number {
  return sample.gatewayMicros + sample.redisMicros;
}

function percent({ median }: Spread): string {
  return `${(median * 100).toFixed(1)} %`;
}

function number({ median }: Spread): string {
  return median.toFixed(1);
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = (sorted.length - 1) / 2;
  return { median: (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2, min: at(0), max: at(sorted.length - 1) };
}
