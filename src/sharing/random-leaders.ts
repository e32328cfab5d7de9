import type { Peer } from '../cluster/peer.ts';
import type { CountingMessage } from '../cluster/wire/counts.ts';
import type { Duty } from './leader-strategy.ts';
import { LeaderSharing } from './leader-strategy.ts';
import { hash } from './replicated-lot.ts';
import type { ReplicatedOptions } from './replicated-strategy.ts';
import { TOLD } from './totals.ts';

export interface RandomLeadersOptions extends ReplicatedOptions {
  /** Hosts that lead at a time where all see the same, 1 or more. */
  readonly leaders: number;
}

/** Who leads says so to everybody so often, while there is anything to lead. */
const DECLARE_EVERY_MS = 1_000;
/** Who has not said so for this long does not lead any more. */
const DECLARED_FOR_MS = 3_500;
/** Who was reported to within this time answers, also if it does not see itself as a leader. */
const ASKED_FOR_MS = 1_000;
/** A leader that was told of counts within this time has something to lead. */
const BUSY_FOR_MS = 10_000;
/** How soon a leader that did not answer is told the whole state again. */
const AGAIN_MS = 1_000;
/** What totals carry as a term: nobody was elected, but this one declares itself. */
const DECLARED = 1;

/**
 * Leaders without an election: a host leads when it is among the first `leaders` of all hosts that it sees, in an order that hashing
 * gives. Everybody reports to all that should lead by what it sees itself, and to all that say that they do. Where hosts
 * see different things there are more leaders for a while: that costs messages, never accuracy, since no totals are added
 * up. No coordination service; at most 2 × `leaders` × N messages an interval, none while nothing changes.
 *
 * Staleness τ: two intervals and two delays of the network; a lost message costs nothing as long as another leader's arrives.
 * No window sees more than its limit L (B + L × τ for a token bucket of burst B) and min(D × τ, (N − 1) × L) beyond it, with D units a second
 * offered to all hosts together.
 */
export class RandomLeadersStrategy extends LeaderSharing {
  readonly sharing = 'random-leaders';
  readonly #leaders: number;
  #leading = false;
  /** Who should lead as this host sees it, itself left out. */
  #expected: readonly Peer[] = [];
  /** Who said that it leads, and when. */
  readonly #declared = new Map<string, { readonly peer: Peer; readonly at: number }>();
  /** Leaders that have been told the whole state, or are to be told it again then. */
  readonly #introducedUntil = new Map<string, number>();
  #duty: Duty = { leaderSlot: 0, term: 0, fresh: false };
  #askedAt = Number.NEGATIVE_INFINITY;
  #declareAt = Number.NEGATIVE_INFINITY;

  constructor(options: RandomLeadersOptions) {
    super(options);
    this.#leaders = options.leaders;
  }

  /** Addresses of those that lead as far as this host knows, itself among them or not. */
  get leaders(): readonly string[] {
    const { membership, clock } = this.options;
    const others = this.#targets(clock.monotonic()).map(({ address }) => address);
    return this.#leading ? [membership.self.address, ...others] : others;
  }

  protected override membersChanged(): void {
    super.membersChanged();
    const { membership, clock } = this.options;
    const { self, peers } = membership;
    const first = firstOf(self, peers, this.#leaders);
    const leading = first.includes(self);
    if (leading && !this.#leading) this.#declareAt = clock.monotonic();
    this.#leading = leading;
    this.#duty = { leaderSlot: 0, term: leading ? DECLARED : 0, fresh: leading };
    this.#expected = first.filter((peer) => peer !== self);
    for (const address of this.#introducedUntil.keys()) {
      if (!this.isVisible(address)) this.#introducedUntil.delete(address);
    }
  }

  protected override firstExchanges(): Promise<void>[] {
    const { monotonic } = this.now();
    return this.#targets(monotonic).map((leader) => this.#introduceTo(leader, monotonic));
  }

  /** Whoever appears is told by leaders, not by this host. */
  protected override appeared(): void {}

  protected override mend(): void {
    this.#introducedUntil.clear();
  }

  protected tell(): void {
    const { membership } = this.options;
    const { monotonic } = this.now();
    const targets = this.#targets(monotonic);
    for (const leader of targets) {
      if ((this.#introducedUntil.get(leader.address) ?? monotonic) > monotonic) continue;
      this.unattended(this.#introduceTo(leader, monotonic));
    }
    this.send(targets, this.ownNews(TOLD));
    if (this.#leading || monotonic - this.#askedAt < ASKED_FOR_MS) this.tellTotals(this.#duty);
    if (!this.#leading || monotonic < this.#declareAt || monotonic - this.#askedAt > BUSY_FOR_MS) return;
    this.#declareAt = monotonic + DECLARE_EVERY_MS;
    this.send(membership.peers, { kind: 'totals', leaderSlot: 0, term: DECLARED, ageMs: 0, records: [] });
  }

  protected hear(from: Peer, message: CountingMessage): void {
    const { monotonic } = this.now();
    if (message.kind === 'counts') {
      this.#askedAt = monotonic;
      this.learn(message);
      return;
    }
    if (message.term === DECLARED) this.#declared.set(from.address, { peer: from, at: monotonic });
    this.learnTotals(message);
  }

  protected leads(): boolean {
    return true;
  }

  protected dutyOf(leaderSlot: number): Duty | undefined {
    return leaderSlot === 0 ? this.#duty : undefined;
  }

  /** Whom to report to. */
  #targets(monotonic: number): readonly Peer[] {
    if (this.#declared.size === 0) return this.#expected;
    const targets = [...this.#expected];
    for (const [address, { peer, at }] of this.#declared) {
      if (monotonic - at >= DECLARED_FOR_MS) this.#declared.delete(address);
      else if (!targets.some((target) => target.address === address)) targets.push(peer);
    }
    return targets;
  }

  #introduceTo(leader: Peer, monotonic: number): Promise<void> {
    this.#introducedUntil.set(leader.address, monotonic + AGAIN_MS);
    return this.introduce(leader, 0).then(() => {
      this.#introducedUntil.set(leader.address, Number.POSITIVE_INFINITY);
    });
  }
}

/** The hosts with the highest weights, at most `count`. */
function firstOf(self: Peer, peers: readonly Peer[], count: number): Peer[] {
  const first: { readonly peer: Peer; readonly weight: number }[] = [];
  const consider = (peer: Peer): void => {
    const weight = hash(peer.address, 0);
    if (first.length === count && weight <= (first.at(-1)?.weight ?? 0)) return;
    const place = first.findIndex((each) => each.weight < weight);
    first.splice(place < 0 ? first.length : place, 0, { peer, weight });
    if (first.length > count) first.pop();
  };
  consider(self);
  for (const peer of peers) consider(peer);
  return first.map(({ peer }) => peer);
}
