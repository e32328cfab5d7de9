import type { Clock, Timer } from '../../core/clock.ts';
import { reasonOf, StoreError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { OutageLog } from '../../core/outage-log.ts';
import type { Random } from '../../core/random.ts';
import type { EtcdClient } from '../etcd/client.ts';
import { EtcdLease } from '../etcd/lease.ts';
import type { Watch } from '../etcd/watch.ts';
import type { Leader, Leadership } from '../leadership.ts';
import type { Peer } from '../peer.ts';
import type { Move } from './moves.ts';
import { nextMove } from './moves.ts';
import type { Tenure } from './standings.ts';
import { Standings, tenureValue } from './standings.ts';
import { Wakeup } from './wakeup.ts';

export interface EtcdLeadershipOptions {
  readonly client: EtcdClient;
  /** Keys are `<prefix>/leaders/<slot>` and `<prefix>/candidates/<address>`. */
  readonly prefix: string;
  readonly self: Peer;
  /** How many leaders there are; the same on all hosts. */
  readonly slots: number;
  /** Milliseconds after which a leader that is silent is one no more. Whole seconds, 2 at least. Default 5,000. */
  readonly ttlMs?: number;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
}

/** Slowest repetition of what fails, and of what was refused until somebody changes something. */
const PAUSE_MS = 1_000;
const REFUSED_PAUSE_MS = 5_000;
/** A gateway starts without etcd after so long. */
const PATIENCE_MS = 3_000;

/**
 * Elections in etcd. Each host keeps one lease alive, and writes under it that it would lead and which slots it has taken. A
 * slot is taken by creating its key, so etcd lets one host have it, and the key goes with the lease.
 *
 * Who holds what is only ever read, at the start of a session, by its watch, and once more with each beat; never concluded
 * from whether a call seemed to succeed, since a call that was given up may still be carried out. Any fault ends the
 * session; the next one begins with the same lease, and with reading everything.
 */
export class EtcdLeadership implements Leadership {
  readonly slots: number;
  readonly #options: EtcdLeadershipOptions;
  readonly #prefix: string;
  readonly #ttlMs: number;
  readonly #lease: EtcdLease;
  readonly #standings: Standings;
  readonly #wakeup: Wakeup;
  readonly #log: OutageLog;
  readonly #listeners = new Set<() => void>();
  /** By slot, the revision at which a tenure began that this host gives up. */
  readonly #left = new Map<number, number>();
  /** By slot, since when it has been seen to be free. */
  readonly #freeSince = new Map<number, number>();
  /** What is known of others counts until then: their leases may have ended. */
  #knownUntil = Number.NEGATIVE_INFINITY;
  /** Revision of etcd when it was last read. */
  #highest = 0;
  /** No slot is taken before. */
  #quietUntil = Number.NEGATIVE_INFINITY;
  #told = '';
  #lapse: Timer | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(options: EtcdLeadershipOptions) {
    const { client, clock, logger, prefix, slots, ttlMs = 5_000 } = options;
    this.#options = options;
    this.slots = slots;
    this.#prefix = `${prefix}/`;
    this.#ttlMs = ttlMs;
    this.#lease = new EtcdLease({ client, clock, ttlMs });
    this.#standings = new Standings(this.#prefix, slots);
    this.#wakeup = new Wakeup(clock);
    this.#log = new OutageLog({
      clock,
      logger,
      failing: 'etcd: no election and no news of leaders',
      working: 'etcd: leaders are known again',
    });
  }

  /** Resolves when the leaders are known, or after the first fault; goes on by itself. */
  start(): Promise<void> {
    return new Promise((resolve) => {
      const patience = this.#options.clock.after(PATIENCE_MS, resolve);
      this.#running = this.#run(() => {
        patience.cancel();
        resolve();
      });
    });
  }

  /** Leads nothing from now on, and lets others take over at once. Takes as long as one call to etcd at most. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#lapse?.cancel();
    this.#tellChanges();
    this.#wakeup.wake();
    await this.#running;
    // Without an answer the lease ends by itself.
    await this.#lease.end().catch(() => {});
  }

  leading(slot: number): number | undefined {
    if (this.#stopped || this.#options.clock.monotonic() >= this.#lease.sureUntil) return undefined;
    const tenure = this.#standings.tenure(slot);
    if (tenure === undefined || tenure.entry.lease !== this.#lease.id) return undefined;
    return this.#standings.isStale(tenure) || this.#isLeaving(tenure) ? undefined : tenure.term;
  }

  leaderOf(slot: number): Leader | undefined {
    const tenure = this.#standings.tenure(slot);
    if (tenure === undefined || this.#standings.isStale(tenure)) return undefined;
    if (tenure.entry.lease === this.#lease.id && this.leading(slot) === undefined) return undefined;
    if (this.#stopped || this.#options.clock.monotonic() >= this.#knownUntil) return undefined;
    const { address, incarnation, term } = tenure;
    return { slot, address, incarnation, term };
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async #run(ready: () => void): Promise<void> {
    const { clock, random } = this.#options;
    let pause = 100;
    while (!this.#stopped) {
      const began = clock.monotonic();
      try {
        await this.#session(ready);
      } catch (error) {
        this.#log.failed(reasonOf(error).replace(/^etcd: /, ''));
        ready();
        pause = clock.monotonic() - began > this.#ttlMs ? 100 : Math.min(PAUSE_MS, pause * 2);
        const refused = error instanceof StoreError && error.code === 'SLUICE_STORE_REFUSED';
        await this.#wakeup.wait((refused ? REFUSED_PAUSE_MS : pause) * (0.5 + random.next() / 2));
      }
    }
  }

  /** From reading everything to the first fault, which it throws. */
  async #session(ready: () => void): Promise<void> {
    const { client, clock } = this.#options;
    // After a gap in which others may have been elected, nothing is led until it has been read anew.
    if (clock.monotonic() >= this.#lease.sureUntil) this.#standings.forget();
    await this.#beat();
    const asked = clock.monotonic();
    const all = await client.read(this.#prefix);
    // etcd began anew, and whoever led before may not have noticed: its lease is waited for here.
    if (all.revision < this.#highest) this.#quietUntil = clock.monotonic() + this.#ttlMs;
    this.#highest = all.revision;
    this.#standings.load(all);
    const watch = await client.watch(this.#prefix, all.revision + 1, (changes) => {
      this.#standings.hear(changes);
      this.#tellChanges();
      this.#wakeup.wake();
    });
    try {
      await this.#announce();
      this.#confirmed(asked);
      this.#log.works();
      ready();
      await this.#follow(watch);
    } finally {
      watch.stop();
    }
  }

  async #follow(watch: Watch): Promise<void> {
    const { clock } = this.#options;
    const interval = this.#ttlMs / 5;
    let beatAt = clock.monotonic() + interval;
    let over: StoreError | undefined;
    void watch.over.then((reason) => {
      over = reason;
      this.#wakeup.wake();
    });
    while (!this.#stopped) {
      if (over !== undefined) throw over;
      if (clock.monotonic() >= beatAt) {
        beatAt = clock.monotonic() + interval;
        await this.#beat();
        await this.#refresh();
        // Under a new lease, or somebody has deleted it.
        if (!this.#isCandidate()) await this.#announce();
      }
      const move = this.#nextMove();
      if (move.kind === 'wait') {
        await this.#wakeup.wait(Math.min(move.ms, beatAt - clock.monotonic()));
      } else {
        await this.#make(move);
        await this.#refresh();
      }
    }
  }

  async #beat(): Promise<void> {
    await this.#lease.renew();
    this.#tellChanges();
  }

  #isCandidate(): boolean {
    return this.#standings.candidates.some(({ lease }) => lease === this.#lease.id);
  }

  async #announce(): Promise<void> {
    const { key, value } = this.#standings.candidacy(this.#options.self);
    await this.#options.client.put(key, value, this.#leaseId());
  }

  async #refresh(): Promise<void> {
    const { client, clock } = this.#options;
    const asked = clock.monotonic();
    const leaders = await client.read(`${this.#prefix}leaders/`);
    this.#highest = leaders.revision;
    this.#standings.refresh(leaders);
    this.#confirmed(asked);
  }

  #nextMove(): Move {
    const now = this.#options.clock.monotonic();
    const free = this.#standings.free();
    for (const slot of [...this.#freeSince.keys()]) if (!free.includes(slot)) this.#freeSince.delete(slot);
    for (const slot of free) if (!this.#freeSince.has(slot)) this.#freeSince.set(slot, now);
    return nextMove({
      standings: this.#standings,
      lease: this.#leaseId(),
      isLeaving: (tenure) => this.#isLeaving(tenure),
      freeFor: (slot) => now - Math.max(this.#freeSince.get(slot) ?? now, this.#quietUntil),
    });
  }

  async #make(move: Exclude<Move, { kind: 'wait' }>): Promise<void> {
    const { client, self } = this.#options;
    if (move.kind === 'take') {
      await client.create(this.#standings.leaderKey(move.slot), tenureValue(self, move.raise), this.#leaseId());
    } else if (move.kind === 'raise') {
      await client.amend(move.tenure.entry, tenureValue(move.tenure, move.raise));
    } else {
      // Given up before etcd is told: whenever it is carried out, nothing is led any more.
      this.#left.set(move.tenure.slot, move.tenure.entry.created);
      this.#tellChanges();
      await client.remove(move.tenure.entry);
    }
  }

  #isLeaving({ slot, entry }: Tenure): boolean {
    return this.#left.get(slot) === entry.created;
  }

  #leaseId(): string {
    return this.#lease.id ?? '0';
  }

  /** What is known now was so when it was asked for. */
  #confirmed(asked: number): void {
    this.#knownUntil = asked + this.#ttlMs;
    this.#tellChanges();
  }

  /** Tells listeners if anything is different, and looks again when a lease, or what is known, comes to its end. */
  #tellChanges(): void {
    const { clock } = this.#options;
    const now = Array.from({ length: this.slots }, (_, slot) => [this.leaderOf(slot), this.leading(slot)]);
    const text = JSON.stringify(now);
    this.#lapse?.cancel();
    const ends = [this.#lease.sureUntil, this.#knownUntil].filter((end) => end > clock.monotonic());
    if (!this.#stopped && ends.length > 0) {
      this.#lapse = clock.after(Math.min(...ends) - clock.monotonic() + 1, () => this.#tellChanges());
    }
    if (text === this.#told) return;
    this.#told = text;
    for (const listener of [...this.#listeners]) listener();
  }
}
