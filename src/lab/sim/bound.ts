import type { WindowedPolicy } from '../../algorithms/algorithm.ts';
import type { SharingName } from '../../core/types.ts';
import type { Weather } from './weather.ts';
import { longestDelay } from './weather.ts';

/** What decides how long news takes. Milliseconds. */
export interface Spread {
  readonly sharing: SharingName;
  readonly hosts: number;
  readonly intervalMs: number;
  /** Longest way from one host to another. */
  readonly delayMs: number;
  /** gossip: peers told each round. */
  readonly fanout: number;
}

/**
 * Rounds until all know what one host tells `fanout` random peers, who tell others: log(N) / log(fanout + 1) + ln(N) / fanout + 1
 * on average (B. Pittel, On Spreading a Rumor, SIAM J. Appl. Math. 1987, for several peers a round); one when all are told at once.
 */
function gossipRounds(hosts: number, fanout: number): number {
  if (hosts <= fanout + 1) return 1;
  return Math.log(hosts) / Math.log(fanout + 1) + Math.log(hosts) / fanout + 1;
}

/** Rounds beyond the mean after which, as good as certainly (p99.99), all know. */
const GOSSIP_TAIL = 4;

/**
 * τ: milliseconds until what one host admits is known to every other, in a network that loses nothing. Infinite where nothing is told.
 * - mesh: interval + delay
 * - gossip: rounds × (interval + delay), as {@link gossipRounds}, and some for the slowest
 * - leader, random-leaders: up to an interval until it is reported, up to another until the total is sent: 2 × (interval + delay)
 * - redis: 0, the count is in one place
 */
export function staleness({ sharing, hosts, intervalMs, delayMs, fanout }: Spread): number {
  if (hosts === 1) return 0;
  switch (sharing) {
    case 'local':
      return Number.POSITIVE_INFINITY;
    case 'redis':
      return 0;
    case 'mesh':
      return intervalMs + delayMs;
    case 'gossip': {
      const rounds = gossipRounds(hosts, fanout);
      return (rounds === 1 ? 1 : Math.ceil(rounds) + GOSSIP_TAIL) * (intervalMs + delayMs);
    }
    case 'leader':
    case 'random-leaders':
      return 2 * (intervalMs + delayMs);
  }
}

/**
 * What loss adds to {@link staleness}: as many more intervals as it takes until the chance that every repetition is lost
 * is below one in a million. Counts are told anew while they grow, so each interval is another try.
 */
export function lossDelay({ loss }: Weather, intervalMs: number): number {
  return loss <= 0 ? 0 : Math.ceil(Math.log(1e-6) / Math.log(Math.min(loss, 0.99))) * intervalMs;
}

export interface Exposure {
  readonly policy: WindowedPolicy;
  readonly hosts: number;
  /** How long news takes, milliseconds: {@link staleness}, and what faults and clocks add. */
  readonly tauMs: number;
  /** Most units offered within `tauMs`, to all hosts together. */
  readonly offeredWithin: number;
}

/**
 * Most units that hosts may admit together beyond the limit in any window:
 *
 *     min(D × τ, (N − 1) × limit)                      D: units offered a millisecond, at most
 *     token bucket: min(D × τ, (N − 1) × (burst + limit × τ / window))
 *
 * Whoever admits the last unit knows all that was admitted more than τ ago, so what is too much was offered since. And no host
 * alone admits more than the limit.
 *
 * The spans in which hosts know too little may lie apart: where messages are lost, and with leaders, who tell a host only of keys
 * that it has asked for, so that each host begins a key knowing nothing. D × τ is then the sum, over hosts, of the most that is
 * offered to each within τ. Clocks that differ by σ add what is offered within σ: hosts count it in another window.
 */
export function excessBound({ policy, hosts, tauMs, offeredWithin }: Exposure): number {
  const alone =
    policy.algorithm === 'token-bucket' ? policy.burst + (policy.limit * tauMs) / policy.windowMs : policy.limit;
  return Math.min(offeredWithin, hosts === 1 ? 0 : (hosts - 1) * alone);
}

/** What a clean network's longest way is, with what a host needs to look at it. */
export function clearDelay(weather: Weather): number {
  return longestDelay(weather) + 1 / 8;
}
