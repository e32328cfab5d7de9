import type { Leader } from '../cluster/leadership.ts';
import type { Peer } from '../cluster/peer.ts';
import type { Duty } from './leader-strategy.ts';

/** How long a leader that only its own messages tell of is believed in. */
const HEARD_MS = 1_500;
/** How soon a leader that did not answer is told the whole state again. */
const AGAIN_MS = 1_000;

/** Who leads one slot, as one host sees it. Times are of the monotonic clock. */
export class LeaderView {
  /** What this host leads itself. */
  duty: Duty | undefined;
  dutySince = 0;
  /** Who has told this host its state since it leads. */
  readonly heard = new Set<string>();
  readonly #slot: number;
  /** The highest term heard of. */
  #term = 0;
  #elected: Leader | undefined;
  #speaker: Leader | undefined;
  #spokeAt = Number.NEGATIVE_INFINITY;
  /** The term whose leader has been told the whole state. */
  #introducedIn = -1;
  #introduceAt = Number.NEGATIVE_INFINITY;

  constructor(slot: number) {
    this.#slot = slot;
  }

  /** Takes in what the coordination service says now. */
  look(elected: Leader | undefined, leading: number | undefined, now: number): void {
    this.#elected = elected;
    if (elected !== undefined) this.#term = Math.max(this.#term, elected.term);
    if (leading === undefined || leading < this.#term) {
      this.duty = undefined;
    } else if (this.duty?.term !== leading) {
      this.#term = leading;
      this.duty = { leaderSlot: this.#slot, term: leading, fresh: true };
      this.dutySince = now;
      this.heard.clear();
    }
  }

  /** Whether totals of that term are to be believed. Their sender may be known before the coordination service tells of it. */
  believes(from: Peer, term: number, now: number): boolean {
    if (term < this.#term) return false;
    this.#term = term;
    this.#speaker = { address: from.address, incarnation: from.incarnation, slot: this.#slot, term };
    this.#spokeAt = now;
    return true;
  }

  /** Whom to report to; undefined: nobody that is known. */
  leader(now: number): Leader | undefined {
    if (this.#elected !== undefined && this.#elected.term >= this.#term) return this.#elected;
    const spoke = this.#speaker;
    return spoke !== undefined && spoke.term >= this.#term && now - this.#spokeAt < HEARD_MS ? spoke : undefined;
  }

  /** Whether the leader has to be told the whole state now. Then {@link introducing}. */
  isNew(leader: Leader, now: number): boolean {
    return leader.term !== this.#introducedIn && now >= this.#introduceAt;
  }

  introducing(now: number): void {
    this.#introduceAt = now + AGAIN_MS;
  }

  introduced(leader: Leader): void {
    this.#introducedIn = leader.term;
    this.#introduceAt = Number.NEGATIVE_INFINITY;
  }

  /** The whole state is to be told again. */
  introduceAgain(): void {
    this.#introducedIn = -1;
  }
}
