import type { Random } from '../../core/random.ts';

/**
 * A set that is gone through fairly: each member once a round, in an order that is shuffled anew each round. Between two turns
 * of one member come at most twice as many others as there are, which bounds how long SWIM takes to notice a failure (Das,
 * Gupta, Motivala, DSN 2002, section 4.3). Everything takes constant time: the shuffle goes along with the walk.
 */
export class FairPool<T> {
  readonly #random: Random;
  /** Before `#turn`: had their turn in this round. */
  readonly #items: T[] = [];
  readonly #places = new Map<T, number>();
  #turn = 0;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#items.length;
  }

  /** Its turn comes in this round. Nothing happens when it is there already. */
  add(item: T): void {
    if (this.#places.has(item)) return;
    this.#places.set(item, this.#items.length);
    this.#items.push(item);
  }

  remove(item: T): void {
    let hole = this.#places.get(item);
    if (hole === undefined) return;
    this.#places.delete(item);
    if (hole < this.#turn) {
      // The last that had its turn fills the hole, so that nobody is asked twice or left out.
      this.#turn--;
      this.#move(this.#turn, hole);
      hole = this.#turn;
    }
    this.#move(this.#items.length - 1, hole);
    this.#items.pop();
  }

  /** Whose turn it is. */
  next(): T | undefined {
    if (this.#items.length === 0) return undefined;
    if (this.#turn >= this.#items.length) this.#turn = 0;
    const at = this.#turn++;
    const chosen = at + this.#random.below(this.#items.length - at);
    const item = this.#items[chosen];
    this.#swap(at, chosen);
    return item;
  }

  /** Up to `count` different ones by chance, without `except`; whose turn it is does not matter. */
  some(count: number, except?: T): T[] {
    const chosen = new Set<T>();
    // A few tries too many cost less than copying the whole; in small pools all are looked at instead.
    if (this.#items.length > 4 * count) {
      for (let tries = 0; tries < 8 * count && chosen.size < count; tries++) {
        const item = this.#items[this.#random.below(this.#items.length)];
        if (item !== undefined && item !== except) chosen.add(item);
      }
      return [...chosen];
    }
    const others = this.#items.filter((item) => item !== except);
    for (let i = 0; i < others.length && i < count; i++) {
      const other = i + this.#random.below(others.length - i);
      const [a, b] = [others[i], others[other]];
      if (a === undefined || b === undefined) break;
      others[i] = b;
      others[other] = a;
    }
    return others.slice(0, count);
  }

  #swap(a: number, b: number): void {
    const [first, second] = [this.#items[a], this.#items[b]];
    if (a === b || first === undefined || second === undefined) return;
    this.#put(a, second);
    this.#put(b, first);
  }

  #move(from: number, to: number): void {
    const item = this.#items[from];
    if (from !== to && item !== undefined) this.#put(to, item);
  }

  #put(at: number, item: T): void {
    this.#items[at] = item;
    this.#places.set(item, at);
  }
}
