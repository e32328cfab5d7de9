import type { Clock } from '../../core/clock.ts';
import type { Membership } from '../membership.ts';

/** Calls listeners when whom one may write to, or how much is visible, has changed: once for all changes of a turn of the event loop. */
export class ChangeNotifier {
  readonly #clock: Clock;
  readonly #membership: Pick<Membership, 'peers' | 'visibleShare'>;
  readonly #listeners = new Set<() => void>();
  #peers: Membership['peers'] = [];
  #share = 1;
  #isDue = false;

  constructor(clock: Clock, membership: Pick<Membership, 'peers' | 'visibleShare'>) {
    this.#clock = clock;
    this.#membership = membership;
  }

  /** Returns how to take the listener out. */
  add(listener: () => void): () => void {
    // Wrapped, so that the same function may be there twice.
    const entry = (): void => listener();
    this.#listeners.add(entry);
    return () => this.#listeners.delete(entry);
  }

  changed(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    this.#clock.endOfTurn(() => {
      this.#isDue = false;
      this.#notify();
    });
  }

  #notify(): void {
    const { peers, visibleShare } = this.#membership;
    if (peers === this.#peers && visibleShare === this.#share) return;
    this.#peers = peers;
    this.#share = visibleShare;
    for (const listener of this.#listeners) listener();
  }
}
