/** `sluice lab published`: numbers that others have published, beside the same measured here. */
import { systemClock } from '../core/clock.ts';
import { Progress } from '../lab/progress.ts';
import type { PublishedReport, PublishedRow } from '../lab/published/published.ts';
import { publishedReport, publishedSteps } from '../lab/published/published.ts';
import { reportJson } from '../lab/report/report.ts';
import { numberFlag, writeReport } from './lab-flags.ts';
import { print } from './output.ts';

export interface PublishedFlags {
  readonly seed?: string;
  readonly runs?: string;
  readonly json?: string;
}

const MOST_RUNS = 100;
const SOURCES = 900;

/**
 * Measures, prints a table and writes what was asked for. Returns the exit code.
 * @throws SluiceError SLUICE_USAGE, SLUICE_OUTPUT
 */
export async function publishedCommand(flags: PublishedFlags): Promise<number> {
  const seed = numberFlag(flags.seed, '--seed', 1, 0, 0x7fff_ffff);
  const runs = numberFlag(flags.runs, '--runs', 3, 1, MOST_RUNS);
  const progress = new Progress({
    output: process.stderr,
    clock: systemClock,
    total: publishedSteps({ runs }),
    title: 'lab',
  });
  let done = 0;
  const report = publishedReport({ seed, runs, sources: SOURCES, onDone: () => progress.at(++done, 'measured') });
  progress.end();
  await print(publishedTable(report));
  writeReport(flags.json, report, reportJson);
  return 0;
}

const HEAD = ['', 'published', 'here', ''] as const;

/** Ends with a line feed. */
export function publishedTable({ seeds, rows }: PublishedReport): string {
  const lines: string[] = [`seeds ${seeds.join(', ')}; ± 95 % confidence of the mean (Student’s t over the runs)`];
  const cells = rows.map((row) => [
    `  ${row.what}`,
    row.published === null ? '–' : shown(row.published),
    `${shown(row.measured)}${half(row)}`,
    row.unit,
  ]);
  const widths = HEAD.map((head, i) => Math.max(head.length, ...cells.map((cell) => cell[i]?.length ?? 0)));
  const line = (cell: readonly string[]): string =>
    cell
      .map((text, i) => (i === 0 || i === 3 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd();
  lines.push('', line(HEAD));
  for (const [i, row] of rows.entries()) {
    if (row.group !== rows[i - 1]?.group) lines.push(row.group);
    lines.push(line(cells[i] ?? []));
  }
  return `${lines.join('\n')}\n`;
}

function shown(value: number): string {
  return String(Number(value.toPrecision(3)));
}

function half({ interval, measured }: PublishedRow): string {
  if (interval === null || interval.high === measured) return '';
  return ` ±${Number((interval.high - measured).toPrecision(2))}`;
}
