import type { Leader, Leadership } from '../cluster/leadership.ts';
import type { Peer } from '../cluster/peer.ts';
import type { CountingMessage } from '../cluster/wire/counts.ts';
import type { Duty } from './leader-strategy.ts';
import { LeaderSharing } from './leader-strategy.ts';
import { LeaderView } from './leader-view.ts';
import type { ReplicaCounter } from './replica-counter.ts';
import { hash } from './replicated-lot.ts';
import type { ReplicatedOptions } from './replicated-strategy.ts';
import { TOLD } from './totals.ts';

export interface LeaderOptions extends ReplicatedOptions {
  readonly leadership: Leadership;
}

/** A new leader that has not heard from everybody speaks after two intervals and so many milliseconds. */
const LEARN_MS = 200;
/**
 * A coordination service elects a leader for each slot; counters are cut over slots by rendezvous hashing (D. Thaler, C. Ravishankar,
 * Using Name-Based Mappings to Increase Hit Rates, IEEE/ACM ToN 1998), so that no slot's counters depend on who leads.
 * Each interval a host reports what it changed to the leader, and the leader tells each host what all others have counted:
 * at most 2 × N messages an interval and slot, none while nothing changes.
 *
 * Totals of a lower term than has been heard of are refused. A new leader is told everybody's whole state and speaks once it has
 * heard from all it sees, or after a while. While a slot has no leader that can be seen, a host knows only its own
 * counts of it: {@link visibleShare} is one host's part.
 *
 * Staleness τ: two intervals and two delays of the network, one interval more for each message lost. No window sees more than its limit L
 * (B + L × τ for a token bucket of burst B) and min(D × τ, (N − 1) × L) beyond it, with D units a second offered to all hosts
 * together. When the leader changes, nothing new is heard until the next one is known and has learnt: that adds to τ once.
 */
export class LeaderStrategy extends LeaderSharing {
  readonly sharing = 'leader';
  readonly #leadership: Leadership;
  readonly #views: readonly LeaderView[];
  #ledEverywhere = false;

  constructor(options: LeaderOptions) {
    super(options);
    this.#leadership = options.leadership;
    this.#views = Array.from({ length: options.leadership.slots }, (_, slot) => new LeaderView(slot));
  }

  override visibleShare(): number {
    const { membership } = this.options;
    if (this.#ledEverywhere) return membership.visibleShare;
    const hosts = Math.round((membership.peers.length + 1) / membership.visibleShare);
    return 1 / Math.max(1, hosts);
  }

  protected override seesTotals(): boolean {
    return this.#ledEverywhere;
  }

  protected override firstExchanges(): Promise<void>[] {
    this.#look();
    const { monotonic } = this.now();
    return this.#views.flatMap((view, slot) => {
      const leader = this.#toReport(view, monotonic);
      return leader === undefined ? [] : [this.#introduceTo(view, leader, slot, monotonic)];
    });
  }

  /** Whoever appears is told by leaders, not by this host. */
  protected override appeared(): void {}

  protected override mend(): void {
    for (const view of this.#views) view.introduceAgain();
  }

  protected tell(): void {
    this.#look();
    const { monotonic } = this.now();
    this.#views.forEach((view, slot) => {
      const leader = this.#toReport(view, monotonic);
      if (leader !== undefined) {
        if (view.isNew(leader, monotonic)) this.unattended(this.#introduceTo(view, leader, slot, monotonic));
        this.send(
          [leader],
          this.ownNews(TOLD, ({ owner }) => this.leads(owner, slot)),
        );
      }
      if (view.duty !== undefined && this.#hasLearnt(view, monotonic)) this.tellTotals(view.duty);
    });
  }

  protected hear(from: Peer, message: CountingMessage): void {
    if (message.kind === 'counts') {
      this.learn(message);
    } else if (this.#views[message.leaderSlot]?.believes(from, message.term, this.now().monotonic) === true) {
      this.learnTotals(message);
    } else {
      this.options.telemetry.peerRefused('stale_term');
    }
  }

  protected override introduced(from: Peer, leaderSlot: number): void {
    this.#views[leaderSlot]?.heard.add(from.address);
  }

  protected leads(counter: ReplicaCounter, leaderSlot: number): boolean {
    if (counter.leaderSlot < 0) counter.leaderSlot = slotOf(counter.counter, this.#views.length);
    return counter.leaderSlot === leaderSlot;
  }

  protected dutyOf(leaderSlot: number): Duty | undefined {
    this.#look();
    const view = this.#views[leaderSlot];
    return view !== undefined && this.#hasLearnt(view, this.now().monotonic) ? view.duty : undefined;
  }

  /** Who leads now, and what this host leads. */
  #look(): void {
    const { monotonic } = this.now();
    this.#views.forEach((view, slot) => {
      view.look(this.#leadership.leaderOf(slot), this.#leadership.leading(slot), monotonic);
    });
    this.#ledEverywhere = this.#views.every(
      (view) => view.duty !== undefined || this.#toReport(view, monotonic) !== undefined,
    );
  }

  #introduceTo(view: LeaderView, leader: Leader, slot: number, monotonic: number): Promise<void> {
    view.introducing(monotonic);
    return this.introduce(leader, slot).then(() => view.introduced(leader));
  }

  #hasLearnt({ dutySince, heard }: LeaderView, monotonic: number): boolean {
    const { intervalMs, membership } = this.options;
    if (monotonic - dutySince >= 2 * intervalMs + LEARN_MS) return true;
    return membership.peers.every(({ address }) => heard.has(address));
  }

  /** The leader to report to: another host that can be seen. */
  #toReport(view: LeaderView, monotonic: number): Leader | undefined {
    const leader = view.leader(monotonic);
    return leader !== undefined && this.isVisible(leader.address) ? leader : undefined;
  }
}

/** The slot with the highest weight for the counter. */
function slotOf(counter: string, slots: number): number {
  let [best, most] = [0, -1];
  for (let slot = 0; slot < slots; slot++) {
    const weight = hash(counter, slot);
    if (weight > most) [best, most] = [slot, weight];
  }
  return best;
}
