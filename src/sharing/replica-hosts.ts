import type { Peer } from '../cluster/peer.ts';
import type { ReplicaHost } from './replica-tallies.ts';

/** The lives of hosts that a replica holds counts of, each known by one object. */
export class ReplicaHosts {
  /** By address; the life last asked for first. */
  readonly #lives = new Map<string, ReplicaHost[]>();

  get size(): number {
    return this.#lives.size;
  }

  of({ address, incarnation }: Peer): ReplicaHost {
    let lives = this.#lives.get(address);
    if (lives === undefined) {
      lives = [];
      this.#lives.set(address, lives);
    }
    const first = lives[0];
    if (first?.incarnation === incarnation) return first;
    const place = lives.findIndex((life) => life.incarnation === incarnation);
    const [found] = place < 0 ? [] : lives.splice(place, 1);
    const host = found ?? { address, incarnation, saidAt: Number.NEGATIVE_INFINITY, newsIn: -1, uses: 0 };
    lives.unshift(host);
    return host;
  }

  /** Forgets a life that nothing is held of. */
  forget(host: ReplicaHost): void {
    const lives = this.#lives.get(host.address);
    const place = lives?.indexOf(host) ?? -1;
    if (lives === undefined || place < 0) return;
    if (lives.length === 1) this.#lives.delete(host.address);
    else lives.splice(place, 1);
  }
}
