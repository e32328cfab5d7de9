/** Whether the simulation says what real gateways do: number by number, within the confidence of both or a stated tolerance. */
import type { Measured, RealityCheck, ReportRow } from './model.ts';
import { numberOf } from './model.ts';
import { showBytes, showCount, showPart, showSeconds } from './numbers.ts';

interface Checked {
  readonly words: string;
  readonly show: (value: number) => string;
  /** Largest difference that is taken for none. */
  readonly tolerance: (live: ReportRow, simulated: number) => number;
  /** What the simulation leaves out, where that can be the reason. */
  readonly leavesOut: (live: ReportRow) => string;
}

const relative =
  (part: number, least: number) =>
  (_: ReportRow, simulated: number): number =>
    Math.max(least, part * simulated);

/**
 * A unit that comes free goes to whoever asks next. Where times are known to half a round trip only, the oracle may give it to
 * another than the gateways did, which is a false denial by the letter: once for each admitted request that has another within
 * that time of it.
 */
function swappedPart({ datedWithinSeconds = 0, offeredPerSecond, admittedPerSecond }: ReportRow): number {
  return (
    Math.min(1, (offeredPerSecond ?? 0) * datedWithinSeconds) * ((admittedPerSecond ?? 0) / (offeredPerSecond || 1))
  );
}

const NUMBERS: Readonly<Partial<Record<Measured, Checked>>> = {
  offeredPerSecond: {
    words: 'offered/s',
    show: showCount,
    tolerance: relative(0.05, 1),
    leavesOut: () => 'requests to a gateway that is down count nowhere, and a real one takes longer to start',
  },
  admittedPerSecond: {
    words: 'admitted/s',
    show: showCount,
    tolerance: relative(0.05, 1),
    leavesOut: () => 'arrivals and windows lie differently',
  },
  overAdmission: {
    words: 'over the limit',
    show: showPart,
    tolerance: () => 0.03,
    leavesOut: () => 'requests at a window’s edge are dated to half a round trip, and hosts wait for processor time',
  },
  falseDenials: {
    words: 'false denials',
    show: showPart,
    tolerance: (live) => 0.03 + swappedPart(live),
    leavesOut: () => 'hosts wait for processor time, so that news and requests come late',
  },
  messagesPerSecond: {
    words: 'messages/s',
    show: showCount,
    tolerance: relative(0.1, 2),
    leavesOut: (row) =>
      row.sharing === 'redis'
        ? 'gateways put checks that come together into one call'
        : 'rounds of a busy host come late, and what a killed one had counted is lost',
  },
  bytesPerSecond: {
    words: 'bytes/s',
    show: showBytes,
    tolerance: relative(0.2, 200),
    leavesOut: (row) =>
      row.sharing === 'redis'
        ? 'the simulation takes 200 bytes for a call'
        : 'names of hosts, limits and keys differ in length',
  },
  hottestHostMessagesPerSecond: {
    words: 'messages/s of the hottest host',
    show: showCount,
    tolerance: relative(0.15, 2),
    leavesOut: (row) =>
      row.sharing === 'redis'
        ? 'gateways put checks that come together into one call'
        : 'rounds of a busy host come late, and what a killed one had counted is lost',
  },
  'decisionLatencySeconds.p50': {
    words: 'decision p50',
    show: showSeconds,
    tolerance: () => 0.002,
    leavesOut: () => 'a simulated host’s and store’s own work takes no time',
  },
  'decisionLatencySeconds.p99': {
    words: 'decision p99',
    show: showSeconds,
    tolerance: () => 0.01,
    leavesOut: () => 'a simulated host’s and store’s own work takes no time',
  },
  convergenceSeconds: {
    words: 'time to agree',
    show: showSeconds,
    tolerance: (live) => Math.max(0.05, live.intervalSeconds),
    leavesOut: () => 'real hosts are asked over HTTP, one after the other',
  },
};

/** Each live row against the simulated one of the same way, hosts and interval. */
export function checkReality(rows: readonly ReportRow[]): RealityCheck[] {
  return rows
    .filter(({ source }) => source === 'live')
    .flatMap((live) => {
      const simulated = rows.find(
        (row) =>
          row.source === 'simulated' &&
          row.sharing === live.sharing &&
          row.hosts === live.hosts &&
          row.intervalSeconds === live.intervalSeconds,
      );
      return simulated === undefined ? [] : NAMES.flatMap((name) => checkOne(name, live, simulated));
    });
}

const NAMES = Object.keys(NUMBERS) as Measured[];

function checkOne(number: Measured, live: ReportRow, simulated: ReportRow): RealityCheck[] {
  const checked = checkedNumber(number);
  const [real, model] = [numberOf(live, number), numberOf(simulated, number)];
  if (real === null && model === null) return [];
  const tolerance = checked.tolerance(live, model ?? 0);
  const found = { sharing: live.sharing, hosts: live.hosts, number, live: real, simulated: model, tolerance };
  if (real === null || model === null) {
    return [
      { ...found, agrees: 'unclear', why: `${real === null ? 'real' : 'simulated'} hosts did not agree in time` },
    ];
  }
  if (Math.abs(real - model) <= tolerance) {
    return [{ ...found, agrees: 'yes', why: `they differ by no more than ${checked.show(tolerance)}` }];
  }
  const [a, b] = [live.intervals[number], simulated.intervals[number]];
  if (a !== undefined && b !== undefined && a.low <= b.high && b.low <= a.high) {
    return [{ ...found, agrees: 'yes', why: 'their confidence intervals overlap' }];
  }
  return [{ ...found, agrees: 'no', why: checked.leavesOut(live) }];
}

export function checkedNumber(number: Measured): Checked {
  const checked = NUMBERS[number];
  if (checked === undefined) throw new RangeError(`${number} is not held against reality`);
  return checked;
}

export function showChecked(number: Measured, value: number | null): string {
  return value === null ? '–' : checkedNumber(number).show(value);
}

/** `48 of 50 numbers agree` */
export function summaryOf(checks: readonly RealityCheck[]): string {
  return `${checks.filter(({ agrees }) => agrees === 'yes').length} of ${checks.length} numbers agree`;
}
