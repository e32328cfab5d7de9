/** Composes everything through which hosts tell each other their counts, from its part of the configuration. */
import { hostname } from 'node:os';
import type { LeaderReport, PeersReport } from './admin/deps.ts';
import type { Discovery } from './cluster/discovery/discovery.ts';
import type { RegistryStore } from './cluster/discovery/registry.ts';
import { EtcdLeadership } from './cluster/election/etcd-leadership.ts';
import { EtcdClient } from './cluster/etcd/client.ts';
import { PeersFleetTop } from './cluster/fleet-top.ts';
import { Messenger } from './cluster/messenger.ts';
import type { Peer } from './cluster/peer.ts';
import { Swim } from './cluster/swim/swim.ts';
import { hostPortText } from './cluster/transport/host-port.ts';
import { TcpTransport } from './cluster/transport/tcp.ts';
import type { Transport } from './cluster/transport/transport.ts';
import { UdpTransport } from './cluster/transport/udp.ts';
import { decodeCounts, encodeCounts } from './cluster/wire/counts-codec.ts';
import type { EtcdConfig, PeersConfig } from './config/types.ts';
import type { Clock } from './core/clock.ts';
import type { Logger } from './core/logger.ts';
import type { Random } from './core/random.ts';
import { isReplicated } from './core/sharings.ts';
import type { Telemetry } from './core/telemetry.ts';
import type { TopSummary } from './core/top-summary.ts';
import type { ReplicatedSharing, SharingName } from './core/types.ts';
import type { PeerStates } from './metrics/readings.ts';
import { createDiscovery } from './peers-discovery.ts';
import { GossipStrategy } from './sharing/gossip.ts';
import { LeaderStrategy } from './sharing/leader.ts';
import { MeshStrategy } from './sharing/mesh.ts';
import { RandomLeadersStrategy } from './sharing/random-leaders.ts';
import type { ReplicatedStrategy } from './sharing/replicated-strategy.ts';

export interface PeersEngineDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly etcd: EtcdConfig | undefined;
  /** Where hosts write down that they live, in Redis; undefined: there is no Redis. */
  readonly redisRegistry: RegistryStore | undefined;
  /** Most counters that each way of sharing keeps. */
  readonly maxKeys: number;
  /** When this process started, Unix milliseconds. */
  readonly startedAt: number;
  /** The busiest keys of a limit on this host; undefined: no limit of that name. */
  readonly top: (limit: string) => TopSummary | undefined;
}

/** Hosts that are there answer a join within a few milliseconds; nobody waits longer for those that are not. */
const JOIN_MS = 2_000;

/**
 * Transport, membership, discovery, leadership, and a strategy for each way of sharing. A strategy that no limit uses is
 * not started and sends nothing; a reload may start it.
 */
export class PeersEngine {
  readonly strategies: ReadonlyMap<ReplicatedSharing, ReplicatedStrategy>;
  readonly fleetTop: PeersFleetTop;
  readonly #deps: PeersEngineDeps;
  readonly #transport: Transport;
  readonly #membership: Swim;
  readonly #discovery: Discovery;
  readonly #etcd: EtcdClient | undefined;
  readonly #leadership: EtcdLeadership | undefined;
  readonly #randomLeaders: RandomLeadersStrategy;
  readonly #started = new Map<SharingName, Promise<void>>();

  constructor(config: PeersConfig, deps: PeersEngineDeps) {
    const { clock, random, telemetry, logger, etcd, maxKeys, startedAt } = deps;
    this.#deps = deps;
    const self: Peer = { address: hostPortText(config.advertise), incarnation: startedAt };
    const { listen, intervalMs, fanout, leaders, forgetAfterMs } = config;
    const transportOptions = { listen, clock, random, telemetry };
    this.#transport =
      config.transport === 'udp' ? new UdpTransport(transportOptions) : new TcpTransport(transportOptions);
    const messenger = new Messenger({
      self,
      // On loopback alone: whoever may open sockets on this machine is trusted.
      secret: config.secret ?? '',
      transport: this.#transport,
      clock,
      telemetry,
      logger,
    });
    const channel = messenger.channel('membership');
    this.#membership = new Swim({ self, channel, clock, random, logger, telemetry, forgetAfterMs });
    const membership = this.#membership;
    messenger.onHeard((from) => membership.heard(from));
    this.#etcd = etcd === undefined ? undefined : new EtcdClient({ access: etcd, clock });
    this.#discovery = createDiscovery(config.discovery, {
      clock,
      logger,
      self: self.address,
      redisRegistry: deps.redisRegistry,
      etcd: this.#etcd,
      etcdPrefix: etcd?.prefix ?? '',
    });
    const codec = { encode: encodeCounts, decode: decodeCounts };
    const common = (sharing: ReplicatedSharing) => ({
      clock,
      random,
      channel: messenger.channel(sharing),
      membership,
      telemetry,
      codec,
      intervalMs,
      maxKeys,
    });
    this.#randomLeaders = new RandomLeadersStrategy({ ...common('random-leaders'), leaders: leaders ?? 2 });
    const strategies = new Map<ReplicatedSharing, ReplicatedStrategy>([
      ['mesh', new MeshStrategy(common('mesh'))],
      ['gossip', new GossipStrategy({ ...common('gossip'), fanout })],
      ['random-leaders', this.#randomLeaders],
    ]);
    if (this.#etcd !== undefined && etcd !== undefined) {
      this.#leadership = new EtcdLeadership({
        client: this.#etcd,
        prefix: etcd.prefix,
        self,
        slots: leaders ?? 1,
        clock,
        random,
        logger,
      });
      strategies.set('leader', new LeaderStrategy({ ...common('leader'), leadership: this.#leadership }));
    }
    this.strategies = strategies;
    this.fleetTop = new PeersFleetTop({
      clock,
      channel: messenger.channel('top'),
      membership,
      telemetry,
      host: hostname(),
      own: deps.top,
    });
  }

  /** Hosts that enforce the limits now, this one included, as far as it knows. */
  get live(): number {
    return this.#membership.peers.length + 1;
  }

  /** Counters in memory. */
  get size(): number {
    let size = 0;
    for (const strategy of this.strategies.values()) size += strategy.size;
    return size;
  }

  /**
   * Listens, finds the others, joins them, and learns what they have counted. Resolves also when nobody is there.
   * @throws SluiceError SLUICE_LISTEN
   */
  async start(used: readonly SharingName[]): Promise<void> {
    const { logger } = this.#deps;
    for (const sharing of used) if (isReplicated(sharing)) this.strategies.get(sharing)?.listen();
    await this.#transport.start();
    const membership = this.#membership;
    membership.start();
    await this.#discovery.start((addresses) => membership.listed(addresses));
    await membership.joined(JOIN_MS);
    const { self, peers } = membership;
    logger.info({ self: self.address, peers: peers.length, discovery: this.#discovery.source }, 'peers: joined');
    await this.use(used);
  }

  /** Starts what limits are shared through now. Resolves when it knows what others have counted. */
  async use(used: readonly SharingName[]): Promise<void> {
    const starting: Promise<void>[] = [];
    for (const sharing of new Set(used)) {
      if (!isReplicated(sharing)) continue;
      const start = this.#started.get(sharing) ?? this.#startOne(sharing);
      this.#started.set(sharing, start);
      starting.push(start);
    }
    await Promise.all(starting);
  }

  async #startOne(sharing: ReplicatedSharing): Promise<void> {
    if (sharing === 'leader') await this.#leadership?.start();
    await this.strategies.get(sharing)?.start();
  }

  /** Tells what has not been told, gives up leads, says goodbye, and gives every socket back. */
  async stop(): Promise<void> {
    await Promise.allSettled(this.#started.values());
    for (const sharing of this.#started.keys()) {
      if (isReplicated(sharing)) await this.strategies.get(sharing)?.close();
    }
    this.#membership.stop();
    const leadership = this.#started.has('leader') ? this.#leadership?.stop() : undefined;
    await Promise.all([this.#discovery.stop(), leadership]);
    this.#etcd?.close();
    await this.#transport.stop();
  }

  /** How many other hosts are in each state. */
  states(): PeerStates {
    const states = { alive: 0, suspect: 0, dead: 0, gone: 0 };
    for (const { state } of this.#membership.all) states[state] += 1;
    return states;
  }

  /** By slot; 0: nobody is known to lead. */
  leaderTerms(): readonly number[] {
    const leadership = this.#leadership;
    if (leadership === undefined) return [0];
    return Array.from({ length: leadership.slots }, (_, slot) => leadership.leaderOf(slot)?.term ?? 0);
  }

  report(): PeersReport {
    const { clock } = this.#deps;
    const { self, visibleShare, all } = this.#membership;
    const epoch = clock.now() - clock.monotonic();
    return {
      self,
      discovery: this.#discovery.source,
      visibleShare,
      peers: all.map(({ address, incarnation, state, since }) => ({
        address,
        incarnation,
        state,
        since: Math.round(epoch + since),
      })),
      leaders: [...this.#elected(), ...this.#declared()],
    };
  }

  #elected(): readonly LeaderReport[] {
    const leadership = this.#leadership;
    if (leadership === undefined || !this.#started.has('leader')) return [];
    return Array.from({ length: leadership.slots }, (_, slot) => {
      const leader = leadership.leaderOf(slot);
      return { sharing: 'leader', slot, address: leader?.address, term: leader?.term };
    });
  }

  #declared(): readonly LeaderReport[] {
    if (!this.#started.has('random-leaders')) return [];
    return this.#randomLeaders.leaders.map((address) => ({
      sharing: 'random-leaders',
      slot: 0,
      address,
      term: undefined,
    }));
  }
}
