import type { Member } from '../cluster/membership.ts';
import type { Peer } from '../cluster/peer.ts';
import type { CountingMessage, TotalsMessage } from '../cluster/wire/counts.ts';
import type { ReplicaCounter } from './replica-counter.ts';
import type { Page } from './replica-exchange.ts';
import { EMPTY, END, exchangePages, FIRST_FREE, pageFor, pageOf } from './replica-exchange.ts';
import type { ReplicatedOptions } from './replicated-strategy.ts';
import { ReplicatedStrategy } from './replicated-strategy.ts';
import { collectTotals, totalsPage } from './totals.ts';

/** What this host leads. */
export interface Duty {
  readonly leaderSlot: number;
  readonly term: number;
  /** Has not told anything yet: everything is news. */
  fresh: boolean;
}

/**
 * What the two ways with leaders have in common: hosts report their own changes to leaders, leaders add up and send back to each what
 * all the others have counted. Nobody else hears of a host's counts. Sums are never added to sums: a leader adds up counts
 * of hosts, each known once, and a host takes the larger of two totals, so that any number of leaders says nothing wrong.
 */
export abstract class LeaderSharing extends ReplicatedStrategy {
  /** Made where it is asked for: most hosts lead nothing, and in a simulation there are thousands of them. */
  #members: ReadonlyMap<string, Member> | undefined;
  readonly #visible = new Map<string, boolean>();

  constructor(options: ReplicatedOptions) {
    super(options, 'and-sums');
    // A report waits for up to an interval here, the total for up to another at the leader.
    const { intervalMs } = options;
    this.counts.times = { horizonMs: 3 * intervalMs, unseenMs: 1.2 * intervalMs };
  }

  protected membersChanged(): void {
    this.#members = undefined;
    this.#visible.clear();
  }

  /** For the few that may lead: remembers each answer. */
  protected isVisible(address: string): boolean {
    let visible = this.#visible.get(address);
    if (visible === undefined) {
      visible = this.options.membership.peers.some((peer) => peer.address === address);
      this.#visible.set(address, visible);
    }
    return visible;
  }

  protected abstract leads(counter: ReplicaCounter, leaderSlot: number): boolean;

  /** The duty that this host may answer for; undefined: it does not lead the slot, or knows too little yet. */
  protected abstract dutyOf(leaderSlot: number): Duty | undefined;

  /** A host has told its whole state, or a part of it. */
  protected introduced(_from: Peer, _leaderSlot: number): void {}

  /** Tells a leader this host's whole state of a slot, and takes in its totals. */
  protected introduce(leader: Peer, leaderSlot: number): Promise<void> {
    const { channel, codec } = this.options;
    return exchangePages({
      channel,
      to: leader.address,
      what: FIRST_FREE + leaderSlot,
      push: (from) => {
        const { message, next } = pageOf(this.replica, from, this.now(), (news, slot) => {
          if ((slot.asked > 0 || slot.epoch > 0) && this.leads(slot.owner, leaderSlot)) news.addOwn(slot);
        });
        return pageFor(message, next, codec, channel);
      },
      take: (payload) => this.hear(leader, codec.decode(payload)),
      wanted: () => !this.closed,
    });
  }

  protected override answer(from: Peer, what: number, page: number): Page {
    const leaderSlot = what - FIRST_FREE;
    if (leaderSlot < 0) return super.answer(from, what, page);
    this.introduced(from, leaderSlot);
    const duty = this.dutyOf(leaderSlot);
    if (duty === undefined) return EMPTY;
    const { channel, codec, clock } = this.options;
    const mine = (counter: ReplicaCounter): boolean => this.leads(counter, leaderSlot);
    const { records, next = END } = totalsPage(this.replica, from, mine, page, clock.now());
    return pageFor({ kind: 'totals', leaderSlot, term: duty.term, ageMs: 0, records }, next, codec, channel);
  }

  /** Sends what is news to somebody. */
  protected tellTotals(duty: Duty): void {
    const { leaderSlot, term } = duty;
    const { monotonic } = this.now();
    const mine = (counter: ReplicaCounter): boolean => this.leads(counter, leaderSlot);
    this.#members ??= new Map(this.options.membership.peers.map((peer) => [peer.address, peer]));
    const totals = collectTotals(this.replica, this.#members, mine, monotonic, duty.fresh);
    duty.fresh = false;
    for (const [member, { records, since }] of totals) {
      this.send([member], { kind: 'totals', leaderSlot, term, ageMs: monotonic - since, records });
    }
  }

  protected learnTotals({ records, ageMs }: TotalsMessage): void {
    const { now } = this.now();
    let news = false;
    for (const record of records) if (this.replica.mergeTotal(record, now)) news = true;
    if (news) this.options.telemetry.staleness(this.sharing, ageMs / 1_000);
  }

  protected abstract override hear(from: Peer, message: CountingMessage): void;
}
