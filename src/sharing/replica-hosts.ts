import type { Peer } from '../cluster/peer.ts';
import type { OriginNews } from '../cluster/wire/counts.ts';

/** One life of a host. */
export class ReplicaHost implements Peer {
  readonly address: string;
  readonly incarnation: number;
  /** Its place in lists by host; another's once it is forgotten. */
  readonly number: number;
  forgotten = false;
  /** Slots that hold counts of it; with none left it is forgotten. */
  uses = 0;
  readonly owner: ReplicaHosts;

  constructor({ address, incarnation }: Peer, number: number, owner: ReplicaHosts) {
    this.owner = owner;
    this.address = address;
    this.incarnation = incarnation;
    this.number = number;
  }
}

/** The lives of hosts that a replica holds counts of, each known by one object and by one small number. */
export class ReplicaHosts {
  /** By address; the life last asked for first. */
  readonly #lives = new Map<string, ReplicaHost[]>();
  readonly #free: number[] = [];
  readonly #forgets: boolean;
  #numbers = 0;

  /** @param forgets false: all lives are kept, so that the replicas of one simulation can share them */
  constructor(forgets = true) {
    this.#forgets = forgets;
  }

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
    const host = found ?? new ReplicaHost({ address, incarnation }, this.#free.pop() ?? this.#numbers++, this);
    lives.unshift(host);
    return host;
  }

  /** The same; looked up once however many take in the message. */
  ofOrigin(origin: OriginNews): ReplicaHost {
    const { known } = origin;
    if (known instanceof ReplicaHost && known.owner === this && !known.forgotten) return known;
    const host = this.of(origin);
    origin.known = host;
    return host;
  }

  /** Forgets a life that nothing is held of. False when it is kept. */
  forget(host: ReplicaHost): boolean {
    const lives = this.#lives.get(host.address);
    const place = lives?.indexOf(host) ?? -1;
    if (!this.#forgets || lives === undefined || place < 0) return false;
    if (lives.length === 1) this.#lives.delete(host.address);
    else lives.splice(place, 1);
    this.#free.push(host.number);
    host.forgotten = true;
    return true;
  }
}
