import type { Random } from '../core/random.ts';

/**
 * Draws peers at random so that every one comes once before any comes again, and nobody is left out by chance: a walk round all of them
 * with a step that meets each. A shuffled list would be as long as there are hosts.
 */
export class PeerWalk {
  readonly #random: Random;
  #at = 0;
  #stride = 1;
  /** How many are left of this turn. */
  #left = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  /** Peers are others from now on: begins another turn. */
  begin(): void {
    this.#left = 0;
  }

  /** `count` different ones, or all when there are no more than that. */
  draw<P>(peers: readonly P[], count: number): P[] {
    if (peers.length <= count) return [...peers];
    const drawn: P[] = [];
    while (drawn.length < count) {
      if (this.#left <= 0) this.#turn(peers.length);
      this.#left--;
      this.#at = (this.#at + this.#stride) % peers.length;
      const peer = peers[this.#at];
      if (peer !== undefined && !drawn.includes(peer)) drawn.push(peer);
    }
    return drawn;
  }

  #turn(peers: number): void {
    this.#left = peers;
    this.#at = this.#random.below(peers);
    do this.#stride = 1 + this.#random.below(peers - 1);
    while (commonDivisor(this.#stride, peers) !== 1);
  }
}

function commonDivisor(a: number, b: number): number {
  return b === 0 ? a : commonDivisor(b, a % b);
}
