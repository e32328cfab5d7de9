import type { SharingName } from '../../../src/core/types.ts';

export interface Talk {
  readonly sharing: SharingName;
  readonly hosts: number;
  readonly intervalMs: number;
  /** gossip: peers told each interval. */
  readonly fanout: number;
  /** leader, random-leaders: how many there are. */
  readonly leaders: number;
}

/** Each host exchanges its whole state with another one so often, and with one question and one answer while it is small. */
const REPAIR_EVERY_S = 10;

/**
 * Messages a second that hosts send each other while all of them have something new to tell in each interval, and each message
 * fits into one packet; without membership, and what a store or a coordination service is asked:
 * - mesh: each tells all others, N × (N − 1) an interval
 * - gossip: each tells `fanout` others, N × fanout
 * - leader: each reports to the leader of its keys and is told the total, 2 × (N − 1) for each leader that has keys
 * - random-leaders: the same for each leader, each of which also says once a second to all that it leads
 *
 * and in all of them 2 × N every 10 s for exchanges of whole states.
 */
export function messagesPerSecond({ sharing, hosts, intervalMs, fanout, leaders }: Talk): number {
  const rounds = 1_000 / intervalMs;
  const repair = (2 * hosts) / REPAIR_EVERY_S;
  switch (sharing) {
    case 'local':
    case 'redis':
      return 0;
    case 'mesh':
      return hosts * (hosts - 1) * rounds + repair;
    case 'gossip':
      return hosts * Math.min(fanout, hosts - 1) * rounds + repair;
    case 'leader':
      return 2 * (hosts - 1) * Math.min(leaders, hosts) * rounds + repair;
    case 'random-leaders':
      return (2 * rounds + 1) * (hosts - 1) * Math.min(leaders, hosts) + repair;
  }
}
