/** What textbooks say of the ways of sharing, and whether it is so here. */
import type { Measured, ReportRow, VerdictNote } from '../report/model.ts';
import { numberOf } from '../report/model.ts';
import { showCount, showPart, showSeconds } from '../report/numbers.ts';

export interface Findings {
  /** Twice the limit on several numbers of hosts, all ways. */
  readonly steady: readonly ReportRow[];
  /** The same on one number of hosts, with the store away for a time; `redis` and one way that has none. */
  readonly outage: readonly ReportRow[];
}

/** How far an exponent that is fitted to a few numbers of hosts may be from a whole one. */
const NEAR = 0.15;
/** Growth that is still far from that of a full mesh, which is 2. */
const SCALES = 1.6;
/** Parts of the limit that make a difference. */
const WORTH_TELLING = 0.01;

/** One verdict for each claim, in the order of docs/trade-offs.md. */
export function verdictsOn(findings: Findings): VerdictNote[] {
  return [
    meshIsQuadratic(findings),
    gossipScales(findings),
    storeCosts(findings),
    coordinationCuts(findings),
    leadersOnlyCost(findings),
  ];
}

function meshIsQuadratic({ steady }: Findings): VerdictNote {
  const exponent = exponentOf(steady, 'mesh', 'messagesPerSecond');
  return {
    claim: 'A full mesh sends messages as the square of the number of hosts.',
    holds: Math.abs(exponent - 2) <= NEAR ? 'yes' : 'no',
    why: `messages a second grow as hosts^${exponent.toFixed(2)}: ${series(steady, 'mesh', 'messagesPerSecond')}`,
  };
}

function gossipScales({ steady }: Findings): VerdictNote {
  const exponent = exponentOf(steady, 'gossip', 'messagesPerSecond');
  const bytes = exponentOf(steady, 'gossip', 'bytesPerSecond');
  const [mesh, gossip] = [largest(steady, 'mesh'), largest(steady, 'gossip')];
  const linear = Math.abs(exponent - 1) <= NEAR;
  const slower = compared(gossip, mesh, 'convergenceSeconds');
  return {
    claim: 'Gossip scales, and takes longer until all hosts agree.',
    holds: gossipVerdict(linear, exponent < SCALES, slower),
    why:
      `each host tells as many others, however many there are, but of a key that all of them count a message tells the counts of all: packets grow as hosts^${exponent.toFixed(2)}, bytes as hosts^${bytes.toFixed(2)}; on ${gossip.hosts} hosts all agree ` +
      `${seconds(gossip, 'convergenceSeconds')} after the last request, in a mesh after ${seconds(mesh, 'convergenceSeconds')}`,
  };
}

function gossipVerdict(linear: boolean, scales: boolean, slower: Compared): VerdictNote['holds'] {
  if (slower === 'unclear') return 'unclear';
  if (slower === 'more' && linear) return 'yes';
  return linear || (slower === 'more' && scales) ? 'partly' : 'no';
}

function storeCosts({ steady, outage }: Findings): VerdictNote {
  const [redis, mesh] = [largest(steady, 'redis'), largest(steady, 'mesh')];
  const [without, withOther] = [largest(outage, 'redis'), largest(outage, 'mesh')];
  const slower = compared(redis, mesh, 'decisionLatencySeconds.p50') === 'more';
  const falls = (without.overAdmission ?? 0) - (withOther.overAdmission ?? 0) > WORTH_TELLING;
  return {
    claim: 'A shared store adds latency to each decision, and is one more thing that can fail.',
    holds: slower && falls ? 'yes' : slower || falls ? 'partly' : 'no',
    why:
      `half of the decisions take ${seconds(redis, 'decisionLatencySeconds.p50')}, one round trip, and with a mesh nothing; while ` +
      `the store is away ${part(without)} over the limit is admitted, with a mesh ${part(withOther)}. It is also the most exact: ` +
      `${part(redis)} over, ${showPart(redis.falseDenials ?? 0)} of the requests refused that one limiter admits`,
  };
}

function coordinationCuts({ steady }: Findings): VerdictNote {
  const [leader, mesh, gossip] = [largest(steady, 'leader'), largest(steady, 'mesh'), largest(steady, 'gossip')];
  const of = (row: ReportRow): number => row.messagesPerSecond ?? Number.NaN;
  const others = [mesh, gossip].map((row) => compared(row, leader, 'messagesPerSecond'));
  const hottest = (leader.hottestHostMessagesPerSecond ?? 0) / (gossip.hottestHostMessagesPerSecond ?? 1);
  return {
    claim: 'A leader that a coordination service elects cuts the messages.',
    holds: others.includes('less') ? 'no' : others.includes('unclear') ? 'unclear' : 'yes',
    why:
      `on ${leader.hosts} hosts ${showCount(of(leader))} messages a second: ${times(of(mesh) / of(leader))} fewer than in a mesh, ` +
      `${times(of(gossip) / of(leader))} fewer than by gossip. The leader itself has ${times(hottest)} as many as the busiest host of gossip`,
  };
}

function leadersOnlyCost({ steady }: Findings): VerdictNote {
  const [one, several] = [largest(steady, 'leader'), largest(steady, 'random-leaders')];
  const more = (several.messagesPerSecond ?? 0) / (one.messagesPerSecond ?? 1);
  const exact = (several.overAdmission ?? 0) - (one.overAdmission ?? 0) <= WORTH_TELLING;
  const agree = several.convergenceSeconds !== null;
  return {
    claim: 'Several random leaders only add messages: each of them has the right count.',
    holds: exact && agree && more > 1 ? 'yes' : exact || agree ? 'partly' : 'no',
    why:
      `on ${several.hosts} hosts ${times(more)} the messages of one elected leader; ${part(several)} over the limit, with one leader ` +
      `${part(one)}; all agree ${seconds(several, 'convergenceSeconds')} after the last request, with one leader after ` +
      seconds(one, 'convergenceSeconds'),
  };
}

/** Of the least-squares line through the logarithms of hosts and of what is named. */
function exponentOf(rows: readonly ReportRow[], sharing: string, name: Measured): number {
  const points = rows
    .filter((row) => row.sharing === sharing && (numberOf(row, name) ?? 0) > 0)
    .map((row) => [Math.log(row.hosts), Math.log(numberOf(row, name) ?? 1)] as const);
  const mean = (read: (point: readonly [number, number]) => number): number =>
    points.reduce((sum, point) => sum + read(point), 0) / points.length;
  const [x, y] = [mean(([a]) => a), mean(([, b]) => b)];
  return mean(([a, b]) => (a - x) * (b - y)) / mean(([a]) => (a - x) ** 2);
}

type Compared = 'more' | 'less' | 'unclear';

/**
 * Of two means: which is larger, if that is not by chance. The 95 % interval of their difference is made of those of both, as for
 * independent ones; that both intervals lie apart would be asking for more. Single runs have none, and are taken as they are.
 */
function compared(one: ReportRow, other: ReportRow, name: Measured): Compared {
  const [a, b] = [numberOf(one, name), numberOf(other, name)];
  if (a === null || b === null) return 'unclear';
  const half = Math.hypot(halfOf(one, name, a), halfOf(other, name, b));
  if (Math.abs(a - b) <= half) return 'unclear';
  return a > b ? 'more' : 'less';
}

/** Upwards: downwards an interval is cut at 0. */
function halfOf(row: ReportRow, name: Measured, mean: number): number {
  return (row.intervals[name]?.high ?? mean) - mean;
}

function largest(rows: readonly ReportRow[], sharing: string): ReportRow {
  const [row] = rows.filter((each) => each.sharing === sharing).sort((a, b) => b.hosts - a.hosts);
  if (row === undefined) throw new Error(`no run of ${sharing}`);
  return row;
}

function series(rows: readonly ReportRow[], sharing: string, name: Measured): string {
  const mine = rows.filter((row) => row.sharing === sharing).sort((a, b) => a.hosts - b.hosts);
  return mine.map((row) => `${showCount(numberOf(row, name) ?? 0)} on ${row.hosts}`).join(', ');
}

function seconds(row: ReportRow, name: Measured): string {
  const value = numberOf(row, name);
  const interval = row.intervals[name];
  if (value === null) return 'never';
  return interval === undefined
    ? showSeconds(value)
    : `${showSeconds(value)} (${showSeconds(interval.low)} to ${showSeconds(interval.high)})`;
}

function part(row: ReportRow): string {
  return showPart(row.overAdmission ?? 0);
}

function times(ratio: number): string {
  return `${Number(ratio.toPrecision(2))} times`;
}
