/** Hosts of one way of sharing on a network in memory. */
import type { Leader, Leadership } from '../../src/cluster/leadership.ts';
import type { Telemetry } from '../../src/core/telemetry.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { GossipStrategy } from '../../src/sharing/gossip.ts';
import { LeaderStrategy } from '../../src/sharing/leader.ts';
import { MeshStrategy } from '../../src/sharing/mesh.ts';
import { RandomLeadersStrategy } from '../../src/sharing/random-leaders.ts';
import type { ReplicatedOptions, ReplicatedStrategy } from '../../src/sharing/replicated-strategy.ts';
import type { Check, GroupVerdict } from '../../src/sharing/strategy.ts';
import type { NetHost } from '../support/peer-net.ts';
import { CODEC, PeerNet, settle } from '../support/peer-net.ts';

export const INTERVAL = 100;

/** What a coordination service would say, set by hand; the same for all, at once. */
export class Elections {
  readonly leaders: (Leader | undefined)[];
  constructor(slots = 1) {
    this.leaders = Array.from({ length: slots }, () => undefined);
  }

  elect(slot: number, leader: { readonly self: Leader | NetHost['self'] } | undefined, term: number): void {
    this.leaders[slot] = leader === undefined ? undefined : { ...leader.self, slot, term };
  }

  /** As `host` sees it. */
  seenBy(address: string): Leadership {
    const leaderOf = (slot: number): Leader | undefined => this.leaders[slot];
    return {
      slots: this.leaders.length,
      leaderOf,
      leading: (slot) => (leaderOf(slot)?.address === address ? leaderOf(slot)?.term : undefined),
      onChange: () => () => {},
    };
  }
}

export type Make = (options: ReplicatedOptions, host: NetHost) => ReplicatedStrategy;

export const mesh: Make = (options) => new MeshStrategy(options);
export const gossip: Make = (options) => new GossipStrategy({ ...options, fanout: 3 });
export const randomLeaders: Make = (options) => new RandomLeadersStrategy({ ...options, leaders: 2 });
export function leader(elections: Elections): Make {
  return (options, host) => new LeaderStrategy({ ...options, leadership: elections.seenBy(host.self.address) });
}

export interface FleetHost {
  readonly host: NetHost;
  readonly strategy: ReplicatedStrategy;
}

export class Fleet {
  readonly net: PeerNet;
  readonly #make: Make;
  readonly #telemetry: Telemetry;
  readonly hosts: FleetHost[] = [];

  constructor(make: Make, telemetry: Partial<Telemetry> = {}, seed = 1) {
    this.net = new PeerNet(seed);
    this.#make = make;
    this.#telemetry = { ...silentTelemetry, ...telemetry };
  }

  add(address: string, incarnation = 1): FleetHost {
    const host = this.net.host(address, incarnation);
    const { clock, random } = this.net;
    const strategy = this.#make(
      {
        clock,
        random,
        channel: host.channel,
        membership: host.membership,
        telemetry: this.#telemetry,
        codec: CODEC,
        intervalMs: INTERVAL,
        maxKeys: 10_000,
      },
      host,
    );
    const entry = { host, strategy };
    this.hosts.push(entry);
    return entry;
  }

  /** Makes all see all. */
  meet(): void {
    this.net.meet(...this.hosts.map(({ host }) => host));
  }

  /** So many hosts that see each other and have started. */
  async start(hosts: number): Promise<void> {
    for (let i = 0; i < hosts; i++) this.add(`h${i}:1`);
    this.meet();
    await this.startAll(this.hosts);
  }

  async startAll(hosts: readonly FleetHost[]): Promise<void> {
    const started = Promise.all(hosts.map(({ strategy }) => strategy.start()));
    await this.net.pass(1_200);
    await started;
    this.net.takeSent();
  }

  at(index: number): FleetHost {
    const found = this.hosts[index];
    if (found === undefined) throw new RangeError(`no host ${index}`);
    return found;
  }

  ask(index: number, check: Check): boolean {
    return (this.at(index).strategy.check([check]) as GroupVerdict).allowed;
  }

  async remaining(index: number, check: Check): Promise<number> {
    return (await this.at(index).strategy.peek(check)).remaining;
  }

  /** Ends a host without a word. */
  kill(index: number): void {
    this.at(index).host.vanish();
    void this.at(index).strategy.close();
    this.net.takeSent();
  }

  async close(): Promise<void> {
    for (const { strategy } of this.hosts) await strategy.close();
    await settle();
  }
}
