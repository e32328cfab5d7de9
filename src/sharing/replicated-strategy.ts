import type { Channel } from '../cluster/channel.ts';
import type { Member, Membership } from '../cluster/membership.ts';
import type { Peer } from '../cluster/peer.ts';
import type { CountingMessage, CountsMessage } from '../cluster/wire/counts.ts';
import type { Clock, Timer } from '../core/clock.ts';
import { withDeadline } from '../core/deadline.ts';
import { PeerError, StoreError, WireError } from '../core/errors.ts';
import type { Random } from '../core/random.ts';
import type { Telemetry } from '../core/telemetry.ts';
import type { ReplicatedSharing } from '../core/types.ts';
import type { ReplicaOptions } from './replica.ts';
import { Replica } from './replica.ts';
import type { ReplicaSlot } from './replica-counter.ts';
import type { CountsCodec, Page } from './replica-exchange.ts';
import { answerWith, EMPTY, END, exchangePages, pageFor, pageOf, readQuestion } from './replica-exchange.ts';
import type { ReplicaHosts } from './replica-hosts.ts';
import { ReplicaNews } from './replica-news.ts';
import type { Visibility } from './replica-visible.ts';
import { ReplicatedCounts } from './replicated-counts.ts';
import type { Place } from './replicated-lot.ts';
import type { Check, CounterView, GroupVerdict, Strategy } from './strategy.ts';

export interface ReplicatedOptions {
  readonly clock: Clock;
  readonly random: Random;
  /** To the same way of sharing on other hosts. */
  readonly channel: Channel;
  /** Started before, and closed after this. */
  readonly membership: Membership;
  readonly telemetry: Telemetry;
  readonly codec: CountsCodec;
  /** How often changes are told, milliseconds. */
  readonly intervalMs: number;
  /** Most counters kept. */
  readonly maxKeys: number;
  /** Lives of hosts, where many replicas in one process can share them. */
  readonly hosts?: ReplicaHosts;
}

/** What an exchange answers with: this host's own counts, or all that it knows. */
const OWN = 0;
export const KNOWN = 1;

const REPAIR_EVERY_MS = 10_000;
/** At start a host asks so many others, and waits for them no longer than that. */
const ASKED_AT_START = 3;
const START_WAIT_MS = 1_000;
/** Counters looked at for expiry, an interval. */
const SWEEP_STEPS = 2_000;

/**
 * What the four ways of sharing with a replica have in common: decisions in memory, a round each interval in which changes are
 * told, and whole states exchanged at start, with hosts that appear, and every 10 s with one host, in case messages were
 * lost. What differs is whom to tell what.
 */
export abstract class ReplicatedStrategy implements Strategy {
  abstract readonly sharing: ReplicatedSharing;
  protected readonly options: ReplicatedOptions;
  protected readonly replica: Replica;
  protected readonly counts: ReplicatedCounts;
  #timer: Timer | undefined;
  #closed = false;
  #repairAt = 0;
  #peers: readonly Member[] = [];
  #seen: Visibility | undefined;
  #seenPeers: readonly Member[] | undefined;
  #place: Place | undefined;
  #placePeers: readonly Member[] | undefined;

  constructor(options: ReplicatedOptions, learns: ReplicaOptions['learns']) {
    const { clock, membership, telemetry, maxKeys, hosts } = options;
    this.options = options;
    this.replica = new Replica({
      self: membership.self,
      hosts,
      maxCounters: maxKeys,
      learns,
      onEvict: () => telemetry.evicted(this.sharing),
      onNews: (ageMs) => telemetry.staleness(this.sharing, ageMs / 1_000),
    });
    this.counts = new ReplicatedCounts({
      clock,
      replica: this.replica,
      visible: () => this.#visible(),
      place: () => this.#placeNow(),
    });
  }

  /** Counters in memory. */
  get size(): number {
    return this.replica.size;
  }

  /** Takes in what others tell, before anything is told or asked: hosts that start together do not all start at once. */
  listen(): void {
    const { channel, codec } = this.options;
    channel.receive({
      message: (from, payload) => this.hear(from, codec.decode(payload)),
      question: (from, question) => this.#answer(from, question),
    });
  }

  async start(): Promise<void> {
    const { clock, random, membership, intervalMs } = this.options;
    this.listen();
    this.#peers = membership.peers;
    this.membersChanged();
    await this.#learnFirst();
    if (this.#closed) return;
    this.#repairAt = clock.monotonic() + random.next() * REPAIR_EVERY_MS;
    // Not all at the same moment, when all start at the same moment.
    this.#timer = clock.after(random.next() * intervalMs, () => {
      this.#timer = clock.every(intervalMs, () => this.#tick());
    });
  }

  /** Tells what has not been told yet, so that the counts outlive the host. */
  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    this.#timer?.cancel();
    this.tell();
  }

  check(group: readonly Check[]): GroupVerdict | Promise<GroupVerdict> {
    if (this.#closed) return Promise.reject(new StoreError('SLUICE_STORE_CONNECTION', 'the gateway is shutting down'));
    return this.counts.check(group);
  }

  refund(group: readonly Check[], verdict: GroupVerdict): void {
    this.counts.refund(group, verdict);
  }

  /** Nothing is ever held. */
  release(): void {}

  async peek(check: Check): Promise<CounterView> {
    return this.counts.peek(check);
  }

  async reset(check: Check): Promise<boolean> {
    return this.counts.reset(check);
  }

  protected get closed(): boolean {
    return this.#closed;
  }

  visibleShare(): number {
    return this.options.membership.visibleShare;
  }

  /** Tells changes. The round ends after it. */
  protected abstract tell(): void;

  /** Takes in a message of `from`. */
  protected abstract hear(from: Peer, message: CountingMessage): void;

  /** Other hosts came or went, also at start. */
  protected abstract membersChanged(): void;

  /** Whether leaders' totals tell of hosts that can be seen. */
  protected seesTotals(): boolean {
    return true;
  }

  /** Answers a page, see {@link OWN} and {@link KNOWN}; others may be defined by the way of sharing. */
  protected answer(_from: Peer, what: number, page: number): Page {
    if (what > KNOWN) throw new WireError('asks for what is not known here');
    return this.#page(what, page);
  }

  /** Exchanges of whole states before the first decision. */
  protected firstExchanges(): Promise<void>[] {
    const { random, membership } = this.options;
    const peers = [...membership.peers];
    const chosen: Member[] = [];
    while (chosen.length < ASKED_AT_START && peers.length > 0) {
      chosen.push(...peers.splice(random.below(peers.length), 1));
    }
    return chosen.map((peer) => this.repair(peer, KNOWN));
  }

  /** What these hosts know, each of them knows, or will: after a partition hosts come back together. */
  protected appeared(peers: readonly Member[]): void {
    const peer = this.anyOf(peers);
    if (peer !== undefined) this.unattended(this.repair(peer, KNOWN));
  }

  /** Makes good what was lost, now and then. */
  protected mend(): void {
    const peer = this.anyOf(this.options.membership.peers);
    if (peer !== undefined) this.unattended(this.repair(peer, this.mended));
  }

  /** What is exchanged then. */
  protected get mended(): number {
    return OWN;
  }

  /** Whole states with one other host. */
  protected repair(peer: Peer, what: number): Promise<void> {
    const { channel, codec } = this.options;
    return exchangePages({
      channel,
      to: peer.address,
      what,
      push: (from) => this.#page(what, from),
      take: (payload) => this.hear(peer, codec.decode(payload)),
      wanted: () => !this.#closed,
    });
  }

  /** Runs an exchange by itself: a peer that does not answer is membership's business. */
  protected unattended(exchange: Promise<void>): void {
    exchange.catch((error: unknown) => {
      if (error instanceof WireError) this.options.telemetry.peerRefused('malformed');
      else if (!(error instanceof PeerError)) throw error;
    });
  }

  /** This host's own counts of the slots that `wanted` names, of those that it changed in the last `rounds` rounds. */
  protected ownNews(rounds: number, wanted: (slot: ReplicaSlot) => boolean = () => true): CountsMessage {
    const { now, monotonic } = this.now();
    const { changes } = this.replica;
    const news = new ReplicaNews(this.replica, now, monotonic);
    const since = changes.round - rounds;
    for (const slot of changes.lately(rounds)) if (slot.ownChanged > since && wanted(slot)) news.addOwn(slot);
    return news.message();
  }

  /** Takes in counts of others. */
  protected learn(message: CountsMessage): void {
    const { now, monotonic } = this.now();
    this.replica.merge(message, now, monotonic);
  }

  /** Encodes once, sends to each. */
  protected send(to: readonly Peer[], message: CountingMessage): void {
    if (to.length === 0 || (message.records.length === 0 && message.kind === 'counts')) return;
    const { channel, codec } = this.options;
    const payloads = codec.encode(message, channel.maxPayload);
    for (const { address } of to) for (const payload of payloads) channel.send(address, payload);
  }

  protected now(): { readonly now: number; readonly monotonic: number } {
    const { clock } = this.options;
    return { now: clock.now(), monotonic: clock.monotonic() };
  }

  /** A peer at random; undefined: there is none. */
  protected anyOf(peers: readonly Member[]): Member | undefined {
    return peers[this.options.random.below(peers.length)];
  }

  async #learnFirst(): Promise<void> {
    const exchanges = this.firstExchanges();
    if (exchanges.length === 0) return;
    const late = (): PeerError => new PeerError('no peer answered in time', false);
    await withDeadline(this.options.clock, START_WAIT_MS, Promise.allSettled(exchanges), late).catch(() => {});
  }

  #tick(): void {
    const { peers } = this.options.membership;
    const { now, monotonic } = this.now();
    this.replica.dropExpired(now, SWEEP_STEPS);
    if (peers !== this.#peers) {
      const before = new Map(this.#peers.map((peer) => [peer.address, peer.incarnation]));
      const appeared = peers.filter((peer) => before.get(peer.address) !== peer.incarnation);
      this.#peers = peers;
      this.membersChanged();
      if (appeared.length > 0) this.appeared(appeared);
    }
    this.tell();
    this.replica.changes.nextRound();
    if (monotonic < this.#repairAt) return;
    this.#repairAt = monotonic + REPAIR_EVERY_MS;
    this.mend();
  }

  #answer(from: Peer, question: Uint8Array): Uint8Array {
    const { what, from: page, payload } = readQuestion(question);
    if (payload.length > 0) this.hear(from, this.options.codec.decode(payload));
    return answerWith(page === END ? EMPTY : this.answer(from, what, page));
  }

  #page(what: number, from: number): Page {
    const { channel, codec } = this.options;
    const { message, next } = pageOf(this.replica, from, this.now(), (news, slot) => {
      if (what === KNOWN) news.addKnown(slot);
      else if (slot.asked > 0 || slot.epoch > 0) news.addOwn(slot);
    });
    return pageFor(message, next, codec, channel);
  }

  #visible(): Visibility {
    const { peers } = this.options.membership;
    const totals = this.seesTotals();
    if (this.#seen === undefined || this.#seenPeers !== peers || this.#seen.totals !== totals) {
      this.#seenPeers = peers;
      this.#seen = { addresses: new Set(totals ? peers.map(({ address }) => address) : []), totals };
    }
    return this.#seen;
  }

  #placeNow(): Place {
    const { self, peers } = this.options.membership;
    if (this.#place === undefined || this.#placePeers !== peers) {
      this.#placePeers = peers;
      const rank = peers.filter(({ address }) => address < self.address).length;
      this.#place = { rank, hosts: peers.length + 1 };
    }
    return this.#place;
  }
}
