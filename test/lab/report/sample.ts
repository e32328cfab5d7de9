/** A report with everything in it: all ways, faults, intervals, live and counted rows. Numbers are made up, but plausible. */
import { seededRandom } from '../../../src/core/random.ts';
import type { Report } from '../../../src/lab/report/model.ts';
import { buildReport } from '../../../src/lab/report/report.ts';
import type { MeasuredCell, RunMeasures } from '../../../src/lab/report/rows.ts';

const WAYS = ['none', 'split', 'redis', 'mesh', 'gossip', 'leader', 'random-leaders'];

export function sampleReport(seed: number, hosts: readonly number[] = [2, 10, 100, 1_000]): Report {
  const random = seededRandom(seed);
  const around = (value: number): number => value * (0.9 + 0.2 * random.next());
  const run = (way: string, count: number, interval: number): RunMeasures => {
    const silent = way === 'none' || way === 'split';
    const messages: Record<string, number> = {
      redis: 4_000,
      mesh: (count * (count - 1)) / interval,
      gossip: (3 * count) / interval,
      leader: (2 * count) / interval,
      'random-leaders': (4 * count) / interval,
    };
    const sent = around(messages[way] ?? 0);
    return {
      offeredPerSecond: around(2_000),
      limitPerSecond: 1_000,
      admittedPerSecond: around(1_000),
      overAdmission: way === 'none' ? count - 1 : way === 'split' || way === 'redis' ? 0 : around(0.3 * interval),
      falseDenials: way === 'split' ? around(0.2) : way === 'none' ? 0 : around(0.01),
      messagesPerSecond: sent,
      bytesPerSecond: 110 * sent,
      hottestHostMessagesPerSecond: silent ? 0 : (2 * sent) / count,
      decisionLatencySeconds: way === 'redis' ? { p50: around(6e-4), p99: around(2e-3) } : { p50: 0, p99: 0 },
      stalenessSeconds: silent ? { p50: 0, p99: 0 } : { p50: around(interval / 2), p99: around(2 * interval) },
      convergenceSeconds: silent ? null : around(way === 'redis' ? 0.001 : interval * (1 + Math.log10(count))),
      latencies:
        way === 'redis'
          ? Array.from({ length: 30 }, (_, i) => ({ upTo: 4e-4 * 1.1 ** i, count: Math.round(1_000 * 0.8 ** i) }))
          : [{ upTo: 0, count: 40_000 }],
      windows: Array.from({ length: 20 }, (_, i) => ({
        at: i,
        offered: around(2_000),
        admitted: around(i >= 6 && i < 14 && !silent ? 1_300 : 1_000),
        oracle: 1_000,
      })),
    };
  };
  const runs = (way: string, count: number, interval: number): MeasuredCell['runs'] =>
    [1, 2, 3, 7].map((own) => ({ seed: own, measures: run(way, count, interval) }));
  const cells: MeasuredCell[] = WAYS.flatMap((way) =>
    hosts.map((count): MeasuredCell => {
      if (way !== 'mesh' || count <= 320)
        return { way, hosts: count, runs: runs(way, count, 0.1), analytic: undefined };
      const messagesPerSecond = count * (count - 1) * 10;
      const analytic = { messagesPerSecond, hottestHostMessagesPerSecond: (2 * messagesPerSecond) / count };
      return { way, hosts: count, runs: [], analytic };
    }),
  );
  for (const way of ['mesh', 'gossip', 'leader', 'random-leaders']) {
    for (const intervalSeconds of [0.02, 0.5, 2]) {
      cells.push({ way, hosts: 10, runs: runs(way, 10, intervalSeconds), analytic: undefined, intervalSeconds });
    }
  }
  cells.push({ way: 'redis', hosts: 2, runs: runs('redis', 2, 0.1), analytic: undefined, source: 'live' });
  // Real ones that say more than was foreseen.
  const busy = runs('mesh', 2, 0.1).map((run) => ({
    ...run,
    measures: { ...run.measures, messagesPerSecond: 2 * run.measures.messagesPerSecond, datedWithinSeconds: 0.001 },
  }));
  cells.push({ way: 'mesh', hosts: 2, runs: busy, analytic: undefined, source: 'live' });
  return buildReport({
    seed,
    scenario: 'sample <&"',
    setup: {
      description: 'A tenth of the hosts is cut off.',
      intervalSeconds: 0.1,
      faults: [{ kind: 'partition', atSeconds: 6, forSeconds: 8 }],
      facts: [['limit', '1000 in 1 s']],
    },
    cells,
    verdicts: [
      { claim: 'A full mesh is quadratic.', holds: 'yes', why: 'Ten times the hosts, a hundred times the messages.' },
    ],
  });
}
