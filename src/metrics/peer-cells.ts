import { REPLICATED_SHARINGS } from '../core/sharings.ts';
import type { PeerRefusal, PeerTraffic } from '../core/telemetry.ts';
import type { ReplicatedSharing } from '../core/types.ts';
import type { CounterCell, HistogramCell } from './cells.ts';
import type { Families } from './families.ts';

type Direction = 'sent' | 'received';

interface TrafficCells {
  readonly messages: Readonly<Record<Direction, CounterCell>>;
  readonly bytes: Readonly<Record<Direction, CounterCell>>;
}

const REFUSALS: Readonly<Record<PeerRefusal, true>> = {
  malformed: true,
  version: true,
  unauthenticated: true,
  replayed: true,
  clock: true,
  too_large: true,
  stale_term: true,
  overloaded: true,
};

/** What is counted of the talk with other hosts. All series are there from the start: their labels are few and fixed. */
export class PeerCells {
  readonly #traffic = new Map<PeerTraffic, TrafficCells>();
  readonly #refusals = new Map<string, CounterCell>();
  readonly #staleness = new Map<ReplicatedSharing, HistogramCell>();

  constructor({ peerMessages, peerBytes, peerRefusals, staleness }: Families) {
    for (const traffic of [...REPLICATED_SHARINGS, 'membership', 'top'] as const) {
      const cells = (family: typeof peerMessages) => ({
        sent: family.cell(traffic, 'sent'),
        received: family.cell(traffic, 'received'),
      });
      this.#traffic.set(traffic, { messages: cells(peerMessages), bytes: cells(peerBytes) });
    }
    for (const reason of Object.keys(REFUSALS)) this.#refusals.set(reason, peerRefusals.cell(reason));
    for (const sharing of REPLICATED_SHARINGS) this.#staleness.set(sharing, staleness.cell(sharing));
  }

  message(traffic: PeerTraffic, direction: Direction, bytes: number): void {
    const cells = this.#traffic.get(traffic);
    cells?.messages[direction].inc();
    cells?.bytes[direction].add(bytes);
  }

  refused(reason: PeerRefusal): void {
    this.#refusals.get(reason)?.inc();
  }

  staleness(sharing: ReplicatedSharing, seconds: number): void {
    this.#staleness.get(sharing)?.observe(seconds);
  }
}
