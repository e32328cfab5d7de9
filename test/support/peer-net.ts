/** Hosts that reach each other through memory and a virtual clock: with delay, loss, duplication and cut lines. */
import type { Channel, Receiver } from '../../src/cluster/channel.ts';
import type { Member, Membership } from '../../src/cluster/membership.ts';
import type { Peer } from '../../src/cluster/peer.ts';
import type { CountingMessage } from '../../src/cluster/wire/counts.ts';
import { decodeCounts, encodeCounts } from '../../src/cluster/wire/counts-codec.ts';
import { PeerError } from '../../src/core/errors.ts';
import type { Random } from '../../src/core/random.ts';
import { seededRandom } from '../../src/core/random.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';

export const CODEC = { encode: encodeCounts, decode: decodeCounts };

export interface Sent {
  readonly at: number;
  readonly from: string;
  readonly to: string;
  readonly message: CountingMessage;
}

export class PeerNet {
  readonly clock = new VirtualClock(1_700_000_040_000);
  readonly random: Random;
  /** One way, milliseconds, before `jitterMs`. */
  delayMs = 1;
  jitterMs = 0;
  loss = 0;
  duplication = 0;
  readonly sent: Sent[] = [];
  exchanges = 0;
  readonly #hosts = new Map<string, NetHost>();
  readonly #cut = new Set<string>();

  constructor(seed = 1) {
    this.random = seededRandom(seed);
  }

  /** A host with a channel and a membership; another life where one of that address is there. It is seen by nobody yet. */
  host(address: string, incarnation = 1): NetHost {
    const host = new NetHost(this, { address, incarnation });
    this.#hosts.set(address, host);
    return host;
  }

  /** Makes all see all. */
  meet(...hosts: readonly NetHost[]): void {
    for (const host of hosts) host.membership.see(hosts.filter((each) => each !== host).map((each) => each.self));
  }

  /** From now on nothing goes from a host of `a` to one of `b`, or back. */
  cut(a: readonly NetHost[], b: readonly NetHost[]): void {
    for (const x of a)
      for (const y of b) this.#cut.add(line(x.self.address, y.self.address)).add(line(y.self.address, x.self.address));
  }

  heal(): void {
    this.#cut.clear();
  }

  send(from: Peer, to: string, payload: Uint8Array): void {
    this.sent.push({ at: this.clock.monotonic(), from: from.address, to, message: decodeCounts(payload) });
    if (this.#cut.has(line(from.address, to)) || this.random.next() < this.loss) return;
    const copies = this.random.next() < this.duplication ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      this.clock.after(this.#delay(), () => this.#hosts.get(to)?.receiver?.message(from, payload));
    }
  }

  exchange(from: Peer, to: string, payload: Uint8Array): Promise<Uint8Array> {
    this.exchanges++;
    return new Promise((resolve, reject) => {
      this.clock.after(this.#delay(), () => {
        const receiver = this.#hosts.get(to)?.receiver;
        if (receiver === undefined || this.#cut.has(line(from.address, to))) {
          reject(new PeerError(`${to} does not answer`, false));
          return;
        }
        const answer = receiver.question(from, payload);
        this.clock.after(this.#delay(), () => resolve(answer));
      });
    });
  }

  /** Messages sent since the last call. */
  takeSent(): Sent[] {
    return this.sent.splice(0);
  }

  /** Lets time pass in small steps, with the promises that wait for it. */
  async pass(ms: number, step = 5): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      this.clock.advance(Math.min(step, left));
      await settle();
    }
  }

  #delay(): number {
    return this.delayMs + this.random.next() * this.jitterMs;
  }
}

/** Lets everything run that waits for nothing but a turn. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 8; i++) await Promise.resolve();
}

export class NetHost {
  readonly self: Peer;
  readonly membership: NetMembership;
  readonly channel: Channel;
  receiver: Receiver | undefined;

  constructor(net: PeerNet, self: Peer) {
    this.self = self;
    this.membership = new NetMembership(self);
    this.channel = {
      maxPayload: 1_200,
      maxExchange: 4_194_304,
      send: (to, payload) => net.send(self, to, payload),
      exchange: (to, payload) => net.exchange(self, to, payload),
      receive: (receiver) => {
        this.receiver = receiver;
      },
    };
  }

  /** Hears and answers nothing from now on, as after a crash. */
  vanish(): void {
    this.receiver = undefined;
  }
}

class NetMembership implements Membership {
  readonly self: Peer;
  peers: readonly Member[] = [];
  visibleShare = 1;
  readonly #listeners = new Set<() => void>();

  constructor(self: Peer) {
    this.self = self;
  }

  get all(): readonly Member[] {
    return this.peers;
  }

  see(peers: readonly Peer[], visibleShare = 1): void {
    this.peers = peers.map((peer) => ({ ...peer, state: 'alive', since: 0 }));
    this.visibleShare = visibleShare;
    for (const listener of this.#listeners) listener();
  }

  heard(): void {}

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

function line(from: string, to: string): string {
  return `${from}>${to}`;
}
