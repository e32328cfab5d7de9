/** All numbers of a report as a table of the page. */
import type { Measured, Report, ReportRow } from './model.ts';
import { numberOf } from './model.ts';
import { showBytes, showCount, showPart, showSeconds } from './numbers.ts';
import { escapeText } from './svg.ts';

interface Column {
  readonly name: Measured;
  readonly head: string;
  readonly show: (value: number) => string;
}

const COLUMNS: readonly Column[] = [
  { name: 'offeredPerSecond', head: 'offered/s', show: showCount },
  { name: 'limitPerSecond', head: 'limit/s', show: showCount },
  { name: 'admittedPerSecond', head: 'admitted/s', show: showCount },
  { name: 'overAdmission', head: 'over the limit', show: showPart },
  { name: 'falseDenials', head: 'false denials', show: showPart },
  { name: 'messagesPerSecond', head: 'messages/s', show: showCount },
  { name: 'bytesPerSecond', head: 'bytes/s', show: showBytes },
  { name: 'hottestHostMessagesPerSecond', head: 'messages/s of the hottest host', show: showCount },
  { name: 'decisionLatencySeconds.p50', head: 'decision p50', show: showSeconds },
  { name: 'decisionLatencySeconds.p99', head: 'decision p99', show: showSeconds },
  { name: 'stalenessSeconds.p50', head: 'staleness p50', show: showSeconds },
  { name: 'stalenessSeconds.p99', head: 'staleness p99', show: showSeconds },
  { name: 'convergenceSeconds', head: 'time to agree', show: showSeconds },
];

export function numbersTable(report: Report): string {
  const heads = COLUMNS.map(({ head }) => `<th scope="col">${head}</th>`).join('');
  const rows = report.rows.map((row, i) => tableRow(row, report.rows[i - 1])).join('\n');
  return [
    '<div class="scroll" role="region" aria-labelledby="numbers-caption" tabindex="0">',
    '<table>',
    '<caption id="numbers-caption">Means over the runs of a row; below each its 95 % confidence interval. – : not known.</caption>',
    `<thead><tr><th scope="col">sharing</th><th scope="col">hosts</th><th scope="col">interval</th>${heads}<th scope="col">seeds</th></tr></thead>`,
    `<tbody>\n${rows}\n</tbody>`,
    '</table>',
    '</div>',
  ].join('\n');
}

function tableRow(row: ReportRow, before: ReportRow | undefined): string {
  const cells = COLUMNS.map((column) => cell(row, column)).join('');
  const how = row.source === 'simulated' ? '' : `<small>${row.source}</small>`;
  const notes = row.notes.map((note) => `<small>${escapeText(note)}</small>`).join('');
  const first = before !== undefined && before.hosts !== row.hosts ? ' class="first"' : '';
  const fixed = `<td>${row.hosts}</td><td>${showSeconds(row.intervalSeconds)}</td>`;
  return `<tr${first}><th scope="row">${escapeText(row.sharing)}${how}</th>${fixed}${cells}<td class="seeds">${seedsText(row.seeds)}${notes}</td></tr>`;
}

function cell(row: ReportRow, { name, show }: Column): string {
  const value = numberOf(row, name);
  if (value === null) return '<td>–</td>';
  const interval = row.intervals[name];
  const small = interval === undefined ? '' : `<small>${show(interval.low)} … ${show(interval.high)}</small>`;
  return `<td>${show(value)}${small}</td>`;
}

/** `1–5, 9` */
function seedsText(seeds: readonly number[]): string {
  if (seeds.length === 0) return '–';
  const parts: [from: number, to: number][] = [];
  for (const seed of seeds) {
    const last = parts.at(-1);
    if (last !== undefined && last[1] + 1 === seed) last[1] = seed;
    else parts.push([seed, seed]);
  }
  return parts.map(([from, to]) => (from === to ? `${from}` : `${from}–${to}`)).join(', ');
}
