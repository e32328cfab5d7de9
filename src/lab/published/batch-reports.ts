/** The design in which hosts admit first, report to one server in batches, and refuse while that says that too much was taken. */
import type { Random } from '../../core/random.ts';
import { exponential } from './draws.ts';

export interface BatchSetting {
  readonly hosts: number;
  /** Requests a second that are to be admitted, and that arrive, over all hosts together. */
  readonly limitPerSecond: number;
  readonly offeredPerSecond: number;
  readonly reportEveryMs: number;
  /** Between a host and the server, one way. */
  readonly latencyMs: number;
  readonly durationMs: number;
}

export interface BatchResult {
  /** Admitted above what the limit lets through, as a part of that: over the whole run, in the worst second, and in those that are above. */
  readonly over: number;
  readonly overInWorstSecond: number;
  readonly overWhereOver: number;
}

interface Host {
  nextReportAt: number;
  unreported: number;
  /** Refuses until then. */
  closedUntil: number;
  /** Answers on their way. */
  readonly answers: { readonly at: number; readonly closedUntil: number }[];
}

/**
 * The server keeps a token bucket of one reporting interval that may go below zero, and answers each report with the time at which it
 * will be filled again; the host refuses until then and admits all after it. Requests arrive independently of each other.
 */
export function batchReports(setting: BatchSetting, random: Random): BatchResult {
  const { limitPerSecond, offeredPerSecond, reportEveryMs, latencyMs, durationMs } = setting;
  const perMs = limitPerSecond / 1_000;
  const burst = perMs * reportEveryMs;
  const hosts = Array.from({ length: setting.hosts }, (): Host => {
    return { nextReportAt: random.next() * reportEveryMs, unreported: 0, closedUntil: 0, answers: [] };
  });
  let [level, levelAt] = [burst, 0];
  const seconds: number[] = [];
  const report = (host: Host, at: number): void => {
    const arrives = at + latencyMs;
    level = Math.min(burst, level + Math.max(0, arrives - levelAt) * perMs) - host.unreported;
    levelAt = Math.max(levelAt, arrives);
    host.unreported = 0;
    const closedUntil = level > 0 ? 0 : arrives - level / perMs;
    host.answers.push({ at: arrives + latencyMs, closedUntil });
  };
  for (let at = 0; at < durationMs; at += exponential(random) * (1_000 / offeredPerSecond)) {
    // Reports of all hosts in the order of time, since the server adds them up.
    for (;;) {
      const due = hosts.reduce((a, b) => (b.nextReportAt < a.nextReportAt ? b : a));
      if (due.nextReportAt > at) break;
      report(due, due.nextReportAt);
      due.nextReportAt += reportEveryMs;
    }
    const host = hosts[random.below(hosts.length)];
    if (host === undefined) continue;
    while ((host.answers[0]?.at ?? at + 1) <= at) host.closedUntil = host.answers.shift()?.closedUntil ?? 0;
    if (at < host.closedUntil) continue;
    host.unreported++;
    const second = Math.floor(at / 1_000);
    seconds[second] = (seconds[second] ?? 0) + 1;
  }
  const whole = seconds.slice(0, Math.floor(durationMs / 1_000));
  const admitted = whole.reduce((sum, count) => sum + count, 0);
  const above = whole.filter((count) => count > limitPerSecond);
  const excess = above.reduce((sum, count) => sum + count / limitPerSecond - 1, 0);
  return {
    overWhereOver: excess / Math.max(1, above.length),
    over: admitted / (limitPerSecond * whole.length) - 1,
    overInWorstSecond: Math.max(...whole) / limitPerSecond - 1,
  };
}
