import { PeerError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { Peer } from '../peer.ts';
import { isPresent } from './claim.ts';
import { FairPool } from './fair-pool.ts';
import type { Judge } from './judge.ts';
import type { MemberList } from './member-list.ts';
import { MAX_MEMBERS } from './member-list.ts';
import type { Answer } from './messages.ts';
import type { Speaker } from './speaker.ts';

/** Listed addresses looked at in a tick, and asked at a time. */
const LOOKS = 32;
const MAX_CONTACTS = 8;
/** Asked at once when a list arrives; the rest follow one by one. */
const FIRST_CONTACTS = 3;

/** Between two attempts at an address, in ticks of 200 ms: doubling from one second to ten. */
const FIRST_DELAY = 5;
const LAST_DELAY = 50;
/** An address that leads back to this host is asked again only when nobody else is known, once a minute. */
const OWN_DELAY = 300;
/** A listed address that does not answer for so many ticks counts as a host that is missing. */
const MISSING_TICKS = 25;

interface Seed {
  readonly address: string;
  /** The host that answered there, by its own name. */
  name: string;
  isOwn: boolean;
  isBusy: boolean;
  tried: boolean;
  delay: number;
  dueAt: number;
  silentSince: number | undefined;
  /** What is missing there has been counted as missing since it fell silent. */
  isCounted: boolean;
}

export interface JoiningOptions {
  readonly self: Peer;
  readonly list: MemberList;
  readonly judge: Judge;
  readonly speaker: Speaker;
  readonly random: Random;
  readonly ticks: () => number;
  readonly answered: (answer: Answer) => void;
  /** Tells a host everything, and hears everything of it. */
  readonly compare: (address: string) => void;
  /** An answer could not be read. */
  readonly malformed: () => void;
}

/**
 * Listed addresses, which are asked until somebody answers there, and again when that host is no longer seen. An address need
 * not be the host's own name: whoever answers says who it is. One that leads back to this host is known as such from then on.
 */
export class Joining {
  readonly #options: JoiningOptions;
  readonly #seeds = new Map<string, Seed>();
  readonly #turns: FairPool<Seed>;
  /** How many listed addresses lead to a host, by its name. */
  readonly #leading = new Map<string, number>();
  /** Addresses that led back to this host. */
  readonly #own = new Set<string>();
  #contacts = 0;
  #untried = 0;
  #hasJoined = false;
  #waiting: (() => void)[] = [];

  constructor(options: JoiningOptions) {
    this.#options = options;
    this.#turns = new FairPool(options.random);
  }

  /** All addresses that are now listed. */
  listed(addresses: readonly string[]): void {
    const wanted = new Set(addresses.slice(0, MAX_MEMBERS));
    wanted.delete(this.#options.self.address);
    for (const seed of this.#seeds.values()) if (!wanted.has(seed.address)) this.#strike(seed);
    for (const address of wanted) if (!this.#seeds.has(address)) this.#enter(address);
    for (let i = 0; i < FIRST_CONTACTS; i++) this.#contactNext();
    this.#settle();
  }

  isListed(name: string): boolean {
    return this.#leading.has(name);
  }

  tick(): void {
    this.#contactNext();
  }

  /** Resolves when another host has answered, or every listed address has been tried. */
  settled(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#settle();
    });
  }

  /** There is somebody. */
  joined(): void {
    if (this.#hasJoined) return;
    this.#hasJoined = true;
    this.#settle();
  }

  #enter(address: string): void {
    const { ticks } = this.#options;
    const seed: Seed = {
      address,
      name: address,
      isOwn: this.#own.has(address),
      isBusy: false,
      tried: false,
      delay: FIRST_DELAY,
      dueAt: ticks(),
      silentSince: undefined,
      isCounted: false,
    };
    this.#seeds.set(address, seed);
    this.#turns.add(seed);
    this.#untried++;
    if (seed.isOwn) this.#isOwnName(seed);
    else this.#lead(seed, address);
  }

  #strike(seed: Seed): void {
    this.#seeds.delete(seed.address);
    this.#turns.remove(seed);
    this.#markTried(seed);
    this.#leadNoMore(seed);
  }

  #lead(seed: Seed, name: string): void {
    const { list } = this.#options;
    seed.name = name;
    this.#leading.set(name, (this.#leading.get(name) ?? 0) + 1);
    const record = list.get(name);
    if (record === undefined) return;
    record.listed = 'now';
    list.recall(record);
  }

  #leadNoMore(seed: Seed): void {
    if (seed.isOwn) return;
    const { list } = this.#options;
    const others = (this.#leading.get(seed.name) ?? 1) - 1;
    if (others > 0) {
      this.#leading.set(seed.name, others);
      return;
    }
    this.#leading.delete(seed.name);
    const record = list.get(seed.name);
    if (record === undefined) return;
    record.listed = 'no longer';
    if (record.incarnation === 0) list.drop(record);
    else if (record.state === 'dead') list.forget(record);
  }

  #contactNext(): void {
    for (let looks = Math.min(LOOKS, this.#turns.size); looks > 0 && this.#contacts < MAX_CONTACTS; looks--) {
      const seed = this.#turns.next();
      if (seed === undefined || !this.#isDue(seed)) continue;
      void this.#contact(seed);
      return;
    }
  }

  #isDue(seed: Seed): boolean {
    const { list, ticks } = this.#options;
    if (seed.isBusy || seed.dueAt > ticks()) return false;
    if (seed.isOwn) return list.present.size === 0;
    const record = list.get(seed.name);
    if (record === undefined || !isPresent(record.state)) return true;
    this.#markTried(seed);
    return false;
  }

  async #contact(seed: Seed): Promise<void> {
    const { list, speaker, ticks, random, malformed } = this.#options;
    seed.isBusy = true;
    this.#contacts++;
    try {
      // Mostly nobody answers: everything is told to whoever does, or at once when there is nothing yet to tell.
      const kind = list.present.size === 0 ? 'all' : 'who';
      const answer = await speaker.ask(seed.address, kind);
      if (this.#meet(seed, answer) && kind === 'who') this.#options.compare(answer.self.address);
    } catch (error) {
      const isRefused = error instanceof PeerError && error.refused;
      if (!(error instanceof PeerError)) malformed();
      if (this.#seeds.get(seed.address) === seed) this.#missed(seed, isRefused);
    }
    this.#contacts--;
    seed.isBusy = false;
    const wait = seed.isOwn ? OWN_DELAY : seed.delay;
    seed.dueAt = ticks() + wait + random.below(1 + wait / 4);
    seed.delay = Math.min(LAST_DELAY, seed.delay * 2);
    this.#markTried(seed);
  }

  /** Whether it is another host. */
  #meet(seed: Seed, answer: Answer): boolean {
    const { self, answered } = this.#options;
    const isKnown = this.#seeds.get(seed.address) === seed;
    seed.silentSince = undefined;
    seed.isCounted = false;
    seed.delay = FIRST_DELAY;
    if (answer.self.address === self.address) {
      if (isKnown && !seed.isOwn) this.#leadNoMore(seed);
      this.#isOwnName(seed);
      return false;
    }
    if (isKnown && (seed.isOwn || seed.name !== answer.self.address)) {
      // Until now it passed for a host of its own.
      this.#leadNoMore(seed);
      seed.isOwn = false;
      this.#own.delete(seed.address);
      this.#lead(seed, answer.self.address);
    }
    answered(answer);
    return true;
  }

  #isOwnName(seed: Seed): void {
    seed.isOwn = true;
    seed.name = this.#options.self.address;
    if (this.#own.size < MAX_MEMBERS) this.#own.add(seed.address);
  }

  /** Nobody answered. Where nobody listens nobody is missing; what is only silent may be cut off. */
  #missed(seed: Seed, isRefused: boolean): void {
    const { list, judge, ticks } = this.#options;
    if (seed.isOwn) return;
    const record = list.get(seed.name);
    if (isRefused) {
      seed.silentSince = undefined;
      seed.isCounted = false;
      if (record !== undefined && !isPresent(record.state)) judge.ended(record);
      return;
    }
    seed.silentSince ??= ticks();
    // Once only: when it has been forgotten it does not begin to be missing again.
    if (record !== undefined) seed.isCounted = true;
    if (seed.isCounted || list.full || ticks() - seed.silentSince < MISSING_TICKS) return;
    seed.isCounted = true;
    list.add(seed.name, 0, 'dead');
  }

  #markTried(seed: Seed): void {
    if (seed.tried) return;
    seed.tried = true;
    this.#untried--;
    this.#settle();
  }

  #settle(): void {
    if (!this.#hasJoined && this.#untried > 0) return;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }
}
