/** What a replay found, for a terminal. */
import type { DifferenceReport, SideReport } from '../lab/replay/difference.ts';
import type { GapReport } from '../lab/replay/gaps.ts';
import type { LimitReport } from '../lab/replay/tally.ts';
import type { TimelineReport } from '../lab/replay/timeline.ts';
import { showPart, showSeconds, showWhole } from '../lab/report/numbers.ts';
import type { FleetReport, WithoutSharing } from './lab-replay-fleet.ts';
import type { ConfigResult, ReplayResult } from './lab-replay-run.ts';

const KEYS_SHOWN = 5;
/** Longest key or path that is shown, in characters. */
const LONGEST = 60;
const COLUMNS = 60;
const BARS = '▁▂▃▄▅▆▇█';

/** Ends with a line feed. */
export function replayText(result: ReplayResult): string {
  const { difference, against, fleet } = result;
  const parts = [
    logLines(result),
    configLines(result.result, true),
    ...(against === undefined ? [] : [configLines(against, false)]),
    ...(difference === undefined || against === undefined ? [] : [differenceLines(difference, result.result, against)]),
    ...(fleet === undefined ? [] : [fleetLines(fleet, result.result.requests)]),
    noteLines(result),
  ];
  return `${parts
    .filter((part) => part.length > 0)
    .map((part) => part.join('\n'))
    .join('\n\n')}\n`;
}

function logLines({ logs, lines, fromMs, untilMs, order, wholeSeconds, refusedThen }: ReplayResult): string[] {
  const span = (untilMs - fromMs) / 1_000;
  const names = logs.map((file) => (file === '-' ? 'standard input' : file)).join(', ');
  return [
    `${names}: ${showWhole(lines.requests)} requests from ${when(fromMs)} to ${when(untilMs)} UTC (${spanText(span)})`,
    ...(lines.other > 0 ? [`  ${counted(lines.other, 'line')} about something else`] : []),
    ...(lines.bad > 0 ? [`  ${counted(lines.bad, 'line')} not understood`] : []),
    ...lines.firstBad.map(({ file, line, why, text }) => `    ${file}:${line}: ${why}: ${text}`),
    ...lines.broken.map(({ file, why }) => `  ${file}: ${why}; what came before is counted`),
    ...(order.outOfOrder > 0 ? [`  ${disorderText(order)}`] : []),
    ...(wholeSeconds > 0
      ? [
          `  times in whole seconds (${counted(wholeSeconds, 'request')}): spread evenly over each second, so that bursts within one are not seen`,
        ]
      : []),
    ...(refusedThen > 0 ? [`  ${counted(refusedThen, 'request')} had been answered 429 when they were logged`] : []),
  ];
}

function disorderText({ outOfOrder, late, latestMs }: ReplayResult['order']): string {
  const sorted = `${counted(outOfOrder, 'line')} out of order, sorted by their times`;
  if (late === 0) return sorted;
  return `${sorted}; ${showWhole(late)} of them too late for that (by up to ${showSeconds(latestMs / 1_000)}): judged as if they had come with the line before`;
}

function configLines(result: ConfigResult, full: boolean): string[] {
  const { config, requests, refused, unrouted, malformed, busiestSecond, busiestMinute, routes, limits, timeline } =
    result;
  const lines = [
    `${config}: ${showWhole(refused)} of ${counted(requests, 'request')} refused (${showPart(refused / requests)})`,
    ...(unrouted > 0 ? [`  ${showWhole(unrouted)} match no route: they would be answered 404`] : []),
    ...(malformed > 0 ? [`  ${showWhole(malformed)} would be answered 400: path, host or cost cannot be read`] : []),
  ];
  if (full && busiestSecond !== undefined && busiestMinute !== undefined) {
    const second = `${showWhole(busiestSecond.count)} requests in the second ${when(busiestSecond.fromMs)}`;
    lines.push(`  busiest: ${second}, ${showWhole(busiestMinute.count)} in the minute ${minute(busiestMinute.fromMs)}`);
  }
  lines.push(
    ...timelineLines(timeline),
    '',
    ...aligned([
      ['  route', 'requests', 'refused', ''],
      ...routes.map((route) => [
        `  ${cut(route.route)}`,
        showWhole(route.requests),
        showWhole(route.refused),
        route.requests === 0 ? '' : showPart(route.refused / route.requests),
      ]),
    ]),
  );
  for (const limit of limits) lines.push('', ...limitLines(limit));
  return lines;
}

function limitLines(limit: LimitReport): string[] {
  const { asked, refused, shadow, worstMinute, firstRefusalMs, lastRefusalMs, keysRefused, keysAtLeast, topRefused } =
    limit;
  const verb = shadow ? 'would refuse' : 'refuses';
  const head = `  limit ${cut(limit.limit)}${shadow ? ' (shadow)' : ''}: asked ${showWhole(asked)} times, ${verb} ${showWhole(refused)}`;
  if (asked === 0) return [`  limit ${cut(limit.limit)}: never asked`];
  if (refused === 0) return [head];
  const lines = [`${head} (${showPart(refused / asked)})`];
  if (keysRefused > 0) lines.push(`    ${keysAtLeast ? 'at least ' : ''}${counted(keysRefused, 'key')} refused, most:`);
  const rows = topRefused
    .slice(0, KEYS_SHOWN)
    .map(({ key, count, error }) => [
      `      ${cut(key)}`,
      showWhole(count),
      error > 0 ? `at least ${showWhole(count - error)}` : '',
    ]);
  lines.push(...aligned(rows));
  if (worstMinute !== undefined) {
    lines.push(`    worst minute: ${minute(worstMinute.fromMs)} with ${counted(worstMinute.count, 'refusal')}`);
  }
  if (firstRefusalMs !== undefined && lastRefusalMs !== undefined) {
    lines.push(`    first at ${when(firstRefusalMs)}, last at ${when(lastRefusalMs)}`);
  }
  return lines;
}

/** Requests and refusals over time, each in its own scale. */
function timelineLines({ bucketSeconds, requests, refused }: TimelineReport): string[] {
  if (requests.length < 2) return [];
  // Neighbours together until the line is short enough.
  const each = Math.ceil(requests.length / COLUMNS);
  const folded = (counts: readonly number[]): number[] =>
    Array.from({ length: Math.ceil(counts.length / each) }, (_, i) =>
      counts.slice(i * each, (i + 1) * each).reduce((sum, count) => sum + count, 0),
    );
  const per = spanText(bucketSeconds * each);
  const line = (name: string, counts: readonly number[]): string => {
    const most = Math.max(...counts);
    const bars = counts
      .map((count) => (count === 0 ? ' ' : BARS[Math.ceil((count / most) * BARS.length) - 1]))
      .join('');
    return `  ${name.padEnd(8)}  ${bars.padEnd(counts.length)}  up to ${showWhole(most)} in ${per}`;
  };
  const all = folded(refused);
  return [line('requests', folded(requests)), ...(all.some((count) => count > 0) ? [line('refused', all)] : [])];
}

function differenceLines(difference: DifferenceReport, first: ConfigResult, second: ConfigResult): string[] {
  const { bothRefuse, bothAdmit, onlyFirst, onlySecond } = difference;
  return [
    'the two compared',
    ...aligned([
      ['  both admit', showWhole(bothAdmit)],
      ['  both refuse', showWhole(bothRefuse)],
      [`  only ${first.config} refuses`, showWhole(onlyFirst.refused)],
      [`  only ${second.config} refuses`, showWhole(onlySecond.refused)],
    ]),
    ...sideLines(first.config, onlyFirst),
    ...sideLines(second.config, onlySecond),
  ];
}

function sideLines(config: string, { refused, byLimit, byRoute, topClients, examples }: SideReport): string[] {
  if (refused === 0) return [];
  const list = (items: readonly (readonly [string, number])[]): string =>
    items
      .slice(0, KEYS_SHOWN)
      .map(([name, count]) => `${cut(name)} ${showWhole(count)}`)
      .join(', ');
  return [
    '',
    `  refused by ${config} alone`,
    `    limits   ${list(byLimit.map((each) => [each.limit, each.refused]))}`,
    `    routes   ${list(byRoute.map((each) => [each.route, each.refused]))}`,
    `    clients  ${list(topClients.map(({ key, count }) => [key, count]))}`,
    ...examples.map(
      ({ file, line, atMs, method, target, client }) =>
        `    ${file}:${line}: ${when(atMs)} ${client} ${method} ${cut(target)}`,
    ),
  ];
}

function fleetLines({ hosts, spread, shared, none, split }: FleetReport, requests: number): string[] {
  const how = spread === 'clients' ? 'each client always to the same' : 'each request to any of them';
  const row = (name: string, { refused, wronglyAdmitted, wronglyRefused }: WithoutSharing): string[] => [
    `  ${name}`,
    showWhole(refused),
    showWhole(wronglyAdmitted),
    showWhole(wronglyRefused),
    showPart((wronglyAdmitted + wronglyRefused) / requests),
  ];
  return [
    `on ${hosts} hosts, ${how}`,
    ...aligned([
      ['  sharing', 'refused', 'wrongly admitted', 'wrongly refused', 'wrong'],
      ['  one count for all (redis)', showWhole(shared.refused), '0', '0', '0 %'],
      row('none: each host the whole limit (local)', none),
      row(`split: each host a ${ordinal(hosts)} of the limit`, split),
    ]),
  ];
}

function noteLines(result: ReplayResult): string[] {
  const results = result.against === undefined ? [result.result] : [result.result, result.against];
  const notes = results.flatMap((each) => {
    const prefix = results.length === 1 ? '' : `${each.config}: `;
    return [
      ...each.gaps.map((gap) => prefix + gapText(gap)),
      ...(result.withoutHost > 0 && each.routesByHost.length > 0
        ? [
            `${prefix}the log does not hold hosts (${counted(result.withoutHost, 'request')}): ${each.routesByHost.map(cut).join(', ')} match by host; say it with --host NAME`,
          ]
        : []),
      ...(each.evicted > 0
        ? [
            `${prefix}${counted(each.evicted, 'counter')} had to make room before its time: raise memory.maxKeys, or some keys look fresher than they are`,
          ]
        : []),
    ];
  });
  const proxy = result.behindOneProxy
    ? [
        'all requests come from one address and name others in X-Forwarded-For: without trustedProxies they are one client',
      ]
    : [];
  return [...notes, ...proxy].map((note) => `note: ${note}`);
}

function gapText({ limit, unjudged, byAlternative, costUnknown, missing }: GapReport): string {
  const parts = [
    ...(unjudged > 0 ? [`could not be judged for ${counted(unjudged, 'request')}`] : []),
    ...(byAlternative > 0 ? [`counted ${counted(byAlternative, 'request')} by a later alternative of its key`] : []),
    ...(costUnknown > 0 ? [`counted ${counted(costUnknown, 'request')} with cost 1`] : []),
  ];
  return `limit ${cut(limit)} ${parts.join(', ')}: the log does not hold ${missing.join(', ')}`;
}

/** The first column to the left, the others to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows)
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, cell.length);
    });
  return rows.map((row) =>
    row
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0)))
      .join('  ')
      .trimEnd(),
  );
}

function counted(count: number, noun: string): string {
  return `${showWhole(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** `2026-07-01 12:34:56` */
function when(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}

function minute(ms: number): string {
  return when(ms).slice(0, 16);
}

function spanText(seconds: number): string {
  const units = [
    [86_400, 'd'],
    [3_600, 'h'],
    [60, 'min'],
  ] as const;
  for (const [size, name] of units) if (seconds >= size) return `${Number((seconds / size).toPrecision(3))} ${name}`;
  return showSeconds(seconds);
}

function ordinal(hosts: number): string {
  return hosts === 2 ? 'half' : hosts === 3 ? 'third' : `${hosts}th`;
}

/** Short, and without characters that play with a terminal. */
function cut(text: string): string {
  const plain = text.replace(/[^\P{C}]/gu, '?');
  return plain.length > LONGEST ? `${plain.slice(0, LONGEST)}…` : plain;
}
