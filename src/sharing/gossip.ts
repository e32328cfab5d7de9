import type { Peer } from '../cluster/peer.ts';
import type { CountingMessage } from '../cluster/wire/counts.ts';
import { WireError } from '../core/errors.ts';
import { PeerWalk } from './peer-walk.ts';
import { ReplicaNews } from './replica-news.ts';
import type { ReplicatedOptions } from './replicated-strategy.ts';
import { KNOWN, ReplicatedStrategy } from './replicated-strategy.ts';

export interface GossipOptions extends ReplicatedOptions {
  /** Hosts told in each interval, 1 or more. */
  readonly fanout: number;
}

/** News rests when it was heard again (ln N) / 2 + so many times. */
const HEARD_ENOUGH = 3;
/** With more counts of hosts than this, exchanges in between are of own counts alone: all would be too much to send. */
const MOST_MENDED = 20_000;

/**
 * As an epidemic spreads (A. Demers and others, Epidemic Algorithms for Replicated Database Maintenance, PODC 1987): each interval a
 * host sends what changed to `fanout` others, its own counts and those it has learnt, each for log₂ N + 2 rounds or until it has been
 * heard again from others (ln N) / 2 + 3 times, unchanged: then as good as all know it (rumour death by counting, in the words of that
 * paper). What is lost is not heard again, so on a bad network news is passed on for longer. Now and then a host has not heard
 * then, and learns it with the next change, or as whole states are exchanged: every 10 s with one host, both ways, with what each
 * has heard of all others (anti-entropy by push and pull).
 * fanout × N messages an interval while anything changes, none when all have heard.
 *
 * Whom it tells goes round: every host once, in random order, before any comes again. So nobody is left out by chance.
 *
 * Staleness τ: as many rounds as it takes until all N have heard, log₄ N + ln N / 3 + 1 in the mean with a fanout of 3, and the
 * delay of the network with each; 5 % of lost messages cost a third of a round. No window sees more than its limit L (B + L × τ for a
 * token bucket of burst B) and min(D × τ, (N − 1) × L) beyond it, with D units a second offered to all hosts together.
 */
export class GossipStrategy extends ReplicatedStrategy {
  readonly sharing = 'gossip';
  readonly #fanout: number;
  readonly #walk: PeerWalk;
  #rounds = 2;

  constructor(options: GossipOptions) {
    super(options, 'and-relays');
    this.#fanout = options.fanout;
    this.#walk = new PeerWalk(options.random);
    this.membersChanged();
  }

  protected tell(): void {
    const { now, monotonic } = this.now();
    const { changes } = this.replica;
    const news = new ReplicaNews(this.replica, now, monotonic);
    const since = changes.round - this.#rounds;
    for (const slot of changes.lately(this.#rounds)) news.addKnown(slot, since);
    if (!news.empty) this.send(this.#walk.draw(this.options.membership.peers, this.#fanout), news.message());
  }

  protected hear(_from: Peer, message: CountingMessage): void {
    if (message.kind !== 'counts') throw new WireError('tells totals, and nobody leads here');
    this.learn(message);
  }

  protected override get mended(): number {
    return this.replica.tallies > MOST_MENDED ? super.mended : KNOWN;
  }

  protected membersChanged(): void {
    const { membership, intervalMs } = this.options;
    const hosts = membership.peers.length + 1;
    this.#rounds = Math.ceil(Math.log2(hosts)) + 2;
    this.#walk.begin();
    this.replica.heardEnough = Math.ceil(Math.log(hosts) / 2) + HEARD_ENOUGH;
    const untilAllKnow = Math.ceil(roundsUntilAllKnow(hosts, this.#fanout));
    // Half of the hosts know after log(N) / log(fanout + 1) rounds or so, the rest soon after.
    const untilHalfKnow = Math.log(hosts) / Math.log(this.#fanout + 1);
    this.counts.times = {
      horizonMs: (untilAllKnow + 1) * intervalMs,
      unseenMs: Math.max(0.67, 0.6 * untilHalfKnow) * intervalMs,
    };
  }
}

/** Mean rounds until all have heard, measured for pushing to 3 hosts; for other numbers it grows with log₁₊f N in the same way. */
function roundsUntilAllKnow(hosts: number, fanout: number): number {
  return Math.log(hosts) / Math.log(fanout + 1) + Math.log(hosts) / Math.min(3, fanout) + 1;
}
