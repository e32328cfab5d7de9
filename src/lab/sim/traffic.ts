import type { PeerTraffic } from '../../core/telemetry.ts';

/** Who may talk over the network; the place of each in the list is its number. */
export const SUBJECTS: readonly PeerTraffic[] = ['membership', 'mesh', 'gossip', 'leader', 'random-leaders'];

/** Messages and bytes of one subject, by host; bytes are those of the sealed message, as a gateway counts them. */
export interface Flow {
  readonly sent: Float64Array;
  readonly sentBytes: Float64Array;
  readonly received: Float64Array;
  readonly receivedBytes: Float64Array;
}

export interface FlowTotals {
  readonly sent: number;
  readonly sentBytes: number;
  readonly received: number;
  readonly receivedBytes: number;
  /** Most messages sent and received by one host. */
  readonly hottest: number;
}

/** Counts what goes over the simulated network. A question and its answer are one message each. */
export class Traffic {
  readonly #flows: readonly Flow[];

  constructor(hosts: number) {
    this.#flows = SUBJECTS.map(() => ({
      sent: new Float64Array(hosts),
      sentBytes: new Float64Array(hosts),
      received: new Float64Array(hosts),
      receivedBytes: new Float64Array(hosts),
    }));
  }

  sent(subject: number, host: number, bytes: number): void {
    const flow = this.#flows[subject];
    if (flow === undefined) return;
    flow.sent[host] = (flow.sent[host] ?? 0) + 1;
    flow.sentBytes[host] = (flow.sentBytes[host] ?? 0) + bytes;
  }

  received(subject: number, host: number, bytes: number): void {
    const flow = this.#flows[subject];
    if (flow === undefined) return;
    flow.received[host] = (flow.received[host] ?? 0) + 1;
    flow.receivedBytes[host] = (flow.receivedBytes[host] ?? 0) + bytes;
  }

  of(subject: PeerTraffic): Flow {
    const flow = this.#flows[SUBJECTS.indexOf(subject)];
    if (flow === undefined) throw new RangeError(`${subject} does not talk over the network`);
    return flow;
  }

  totals(subject: PeerTraffic): FlowTotals {
    const { sent, sentBytes, received, receivedBytes } = this.of(subject);
    let hottest = 0;
    sent.forEach((count, host) => {
      hottest = Math.max(hottest, count + (received[host] ?? 0));
    });
    return {
      sent: sum(sent),
      sentBytes: sum(sentBytes),
      received: sum(received),
      receivedBytes: sum(receivedBytes),
      hottest,
    };
  }

  /** Starts counting anew, as after a warm-up. */
  clear(): void {
    for (const flow of this.#flows) for (const counts of Object.values(flow)) counts.fill(0);
  }
}

function sum(counts: Float64Array): number {
  let all = 0;
  for (const count of counts) all += count;
  return all;
}
