/** A report as a table for the terminal, at most 100 columns wide. */
import type { Measured, Report, ReportRow } from './model.ts';
import { numberOf } from './model.ts';
import { showBytes, showCount, showHosts, showPart, showSeconds } from './numbers.ts';
import { checkedNumber, showChecked, summaryOf } from './reality.ts';

interface Column {
  readonly head: string;
  readonly cell: (row: ReportRow) => string;
}

/** @param halves whether means carry half their interval */
const columnsOf = (halves: boolean): readonly Column[] => [
  { head: 'sharing', cell: (row) => row.sharing + (MARKS[row.source] ?? '') },
  { head: 'hosts', cell: (row) => showHosts(row.hosts) },
  { head: 'admitted/s', cell: (row) => shown(row, 'admittedPerSecond', showCount) },
  { head: 'over limit', cell: (row) => withHalf(row, 'overAdmission', halves) },
  { head: 'false denials', cell: (row) => withHalf(row, 'falseDenials', halves) },
  { head: 'msg/s', cell: (row) => shown(row, 'messagesPerSecond', showCount) },
  { head: 'bytes/s', cell: (row) => shown(row, 'bytesPerSecond', showBytes) },
  { head: 'hottest', cell: (row) => shown(row, 'hottestHostMessagesPerSecond', showCount) },
  { head: 'p50', cell: (row) => shown(row, 'decisionLatencySeconds.p50', showSeconds) },
  { head: 'p99', cell: (row) => shown(row, 'decisionLatencySeconds.p99', showSeconds) },
  { head: 'agree', cell: (row) => shown(row, 'convergenceSeconds', showSeconds) },
];

const MARKS: Readonly<Record<string, string>> = { counted: ' *', live: ' †' };

/** Lines without trailing spaces; ends with a line feed. A heading, a line for each row, and what the marks mean. */
export function reportTable(report: Report): string {
  const looks = [
    { halves: true, gap: 2 },
    { halves: false, gap: 2 },
    { halves: false, gap: 1 },
  ];
  const { halves, lines } = fitting(looks.map((look) => ({ halves: look.halves, lines: rowLines(report, look) })));
  const [head = '', ...body] = lines;
  const grouped = body.flatMap((line, i) =>
    i > 0 && report.rows[i]?.hosts !== report.rows[i - 1]?.hosts ? ['', line] : [line],
  );
  return [
    ...setupLines(report),
    '',
    head,
    ...grouped,
    '',
    ...footLines(report, halves),
    ...realityLines(report),
    '',
  ].join('\n');
}

interface Look {
  /** Whether means carry half their interval. */
  readonly halves: boolean;
  /** Spaces between columns. */
  readonly gap: number;
}

/** The first that fits, or the last. */
function fitting(tables: readonly { readonly halves: boolean; readonly lines: readonly string[] }[]) {
  const fits = ({ lines }: { readonly lines: readonly string[] }) => lines.every(({ length }) => length <= TABLE_WIDTH);
  return tables.find(fits) ?? tables.at(-1) ?? { halves: false, lines: [] };
}

function rowLines(report: Report, { halves, gap }: Look): string[] {
  const several = severalIntervals(report.rows);
  const every: Column = { head: 'every', cell: (row) => showSeconds(row.intervalSeconds) };
  const all = columnsOf(halves);
  // What the interval takes the hottest host gives.
  const columns = several ? [...all.slice(0, 2), every, ...all.slice(2).filter(({ head }) => head !== 'hottest')] : all;
  const cells = [columns.map(({ head }) => head), ...report.rows.map((row) => columns.map(({ cell }) => cell(row)))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]?.length ?? 0)));
  return cells.map((line) => {
    const padded = line.map((text, i) => (i === 0 ? text.padEnd(widths[i] ?? 0) : text.padStart(widths[i] ?? 0)));
    return padded.join(' '.repeat(gap)).trimEnd();
  });
}

function severalIntervals(rows: readonly ReportRow[]): boolean {
  return new Set(rows.map((row) => row.intervalSeconds)).size > 1;
}

function setupLines({ scenario, setup, seed, rows }: Report): string[] {
  const runs = Math.max(0, ...rows.map((row) => row.seeds.length));
  return [
    `scenario ${scenario}, seed ${seed}, ${runs === 1 ? '1 run' : `${runs} runs`} of each`,
    ...wrap(setup.description),
  ];
}

function footLines({ rows, verdicts }: Report, halves: boolean): string[] {
  const has = (source: string): boolean => rows.some((row) => row.source === source);
  const several = rows.some((row) => row.seeds.length > 1);
  return [
    ...(several && halves ? ['± 95 % confidence of the mean (Student’s t over the runs)'] : []),
    'over limit: largest excess in any window; p50, p99: time until a decision;',
    `agree: until all hosts hold the same count${severalIntervals(rows) ? '' : '; hottest: msg/s of the host with most'}`,
    ...(has('counted') ? ['* counted by a formula, not run'] : []),
    ...(has('live') ? ['† real gateways'] : []),
    ...verdicts.flatMap(({ claim, holds, why }) => ['', ...wrap(`${SAYS[holds]}: ${claim}`), ...wrap(why, '  ')]),
  ];
}

/** What differs, in words; what agrees only counts. */
function realityLines({ reality = [] }: Report): string[] {
  if (reality.length === 0) return [];
  const differ = reality.filter(({ agrees }) => agrees !== 'yes');
  return [
    '',
    `simulation against reality: ${summaryOf(reality)}`,
    ...differ.flatMap(({ agrees, sharing, hosts, number, live, simulated, why }) =>
      wrap(
        `${agrees === 'no' ? 'differs' : 'unknown'}: ${sharing} on ${hosts}, ${checkedNumber(number).words}: live ${showChecked(number, live)}, simulated ${showChecked(number, simulated)} (${why})`,
        '  ',
      ),
    ),
  ];
}

const SAYS = { yes: 'holds', no: 'does not hold', partly: 'holds in part', unclear: 'unclear' } as const;
export const TABLE_WIDTH = 100;

function wrap(text: string, indent = ''): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(/\s+/).filter((each) => each !== '')) {
    if (line.length > indent.length && line.length + 1 + word.length > TABLE_WIDTH) {
      lines.push(line);
      line = indent;
    }
    line += line.length > indent.length ? ` ${word}` : word;
  }
  return line.length > indent.length ? [...lines, line] : lines;
}

function shown(row: ReportRow, name: Measured, show: (value: number) => string): string {
  const value = numberOf(row, name);
  return value === null ? '–' : show(value);
}

/** `4.5 ±0.2 %` */
function withHalf(row: ReportRow, name: Measured, halves: boolean): string {
  const value = numberOf(row, name);
  if (value === null) return '–';
  const interval = row.intervals[name];
  if (interval === undefined || !halves) return showPart(value);
  const half = Number(((interval.high - value) * 100).toPrecision(2));
  if (half === 0) return showPart(value);
  return `${showPart(value).replace(/ %$/, '')} ±${showCount(half)} %`;
}
