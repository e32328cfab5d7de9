/** Gauges and counters whose numbers others keep. */
import { ReadCounter } from './cells.ts';
import type { Exposition } from './exposition.ts';

export interface PeerStates {
  readonly alive: number;
  readonly suspect: number;
  readonly dead: number;
  readonly gone: number;
}

/** Numbers that others keep; read at each scrape. */
export interface Readings {
  requestsInFlight?(): number;
  /** Gateways that share limits with this one, itself included, as far as known. */
  liveInstances?(): number;
  /** Counters held in this process's memory. */
  countersHeld?(): number;
  /** Log lines lost because whoever reads the log stalled. */
  logLinesDropped?(): number;
  /** Other hosts known, by state. */
  peers?(): PeerStates | undefined;
  /** Fencing term of each slot's elected leader, in the order of the slots; 0: none known. */
  leaderTerms?(): readonly number[] | undefined;
}

const NO_PEERS: PeerStates = { alive: 0, suspect: 0, dead: 0, gone: 0 };

export function addReadings(exposition: Exposition, readings: Readings): void {
  exposition.addGauge({
    name: 'sluice_requests_in_flight',
    help: 'Requests being worked on now.',
    read: () => readings.requestsInFlight?.() ?? 0,
  });
  exposition.addGauge({
    name: 'sluice_live_instances',
    help: 'Gateways that live and share limits, this one included, as last heard: each one’s part of a limit with onFailure: local.',
    read: () => readings.liveInstances?.() ?? 1,
  });
  exposition.addGauge({
    name: 'sluice_counters',
    help: 'Counters held in this instance’s memory.',
    read: () => readings.countersHeld?.() ?? 0,
  });
  exposition.addFamilies([
    new ReadCounter(
      'sluice_log_lines_dropped_total',
      'Log lines lost because whoever reads the log stalled.',
      () => readings.logLinesDropped?.() ?? 0,
    ),
  ]);
  exposition.addGauge({
    name: 'sluice_peers',
    help: 'Other hosts known, by state.',
    labels: ['state'],
    read: () => {
      const peers = readings.peers?.() ?? NO_PEERS;
      return (['alive', 'suspect', 'dead', 'gone'] as const).map((state) => ({
        labels: { state },
        value: peers[state],
      }));
    },
  });
  exposition.addGauge({
    name: 'sluice_leader_term',
    help: 'Fencing term of the leader that etcd elected for a slot of the keys; 0: none known.',
    labels: ['slot'],
    read: () => (readings.leaderTerms?.() ?? [0]).map((value, slot) => ({ labels: { slot: String(slot) }, value })),
  });
}
