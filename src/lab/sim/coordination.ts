import type { Leader, Leadership } from '../../cluster/leadership.ts';
import type { Random } from '../../core/random.ts';
import type { VirtualClock } from '../../core/virtual-clock.ts';
import type { Process } from './machine.ts';

export interface CoordinationOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  /** Leaders to be elected. */
  readonly slots: number;
  /** A lease ends so long after it was last renewed, by the service's clock. */
  readonly ttlMs: number;
  /** One way between a host and the service. */
  readonly latencyMs: number;
}

/** Renewals in each lease. */
const BEATS = 5;
/** A leader stops so much before its lease can end, as a part of it: its clock may be slow. */
const MARGIN = 0.05;

/** A slot as the service knows it. */
interface Tenure {
  readonly leader: Leader;
  readonly candidate: Candidate;
}

/**
 * A coordination service as etcd behaves: candidates keep a lease each; a slot is held by one of them, under a term that is the
 * service's revision at that time, and falls free when the lease ends. While the service is out nothing is renewed, nobody is
 * elected and no lease ends; when it is back, leases run anew from then (as etcd's do after an election of its own).
 */
export class Coordination {
  readonly #options: CoordinationOptions;
  readonly #candidates = new Set<Candidate>();
  readonly #tenures: (Tenure | undefined)[] = [];
  readonly #cut = new Set<number>();
  #revision = 1;
  #out = false;

  constructor(options: CoordinationOptions) {
    this.#options = options;
    options.clock.every(options.ttlMs / BEATS / 2, () => this.#expire());
  }

  /** Who holds the slot according to the service, whatever anybody else believes. */
  holder(slot: number): Leader | undefined {
    return this.#tenures[slot]?.leader;
  }

  /** A process runs for all slots from now on. */
  enter(process: Process): Leadership {
    const { slots, ttlMs } = this.#options;
    const candidate = new Candidate(process, slots, ttlMs);
    const beat = (): void => {
      if (process.clock.dead) return;
      this.#beat(candidate);
      process.clock.after(ttlMs / BEATS, beat);
    };
    beat();
    return candidate;
  }

  outage(out: boolean): void {
    const { clock, ttlMs } = this.#options;
    this.#out = out;
    if (!out) for (const candidate of this.#candidates) candidate.leaseUntil = clock.monotonic() + ttlMs;
  }

  /** Cuts hosts off from the service, or lets them reach it again. */
  cutOff(hosts: readonly number[], cut: boolean): void {
    for (const host of hosts) {
      if (cut) this.#cut.add(host);
      else this.#cut.delete(host);
    }
  }

  #reaches(candidate: Candidate): boolean {
    return !this.#out && !this.#cut.has(candidate.process.host);
  }

  #beat(candidate: Candidate): void {
    const { clock, random, ttlMs, latencyMs } = this.#options;
    const asked = candidate.process.clock.monotonic();
    if (!this.#reaches(candidate)) return;
    clock.after(latencyMs * (1 + random.next()), () => {
      if (!this.#reaches(candidate)) return;
      const isNew = !this.#candidates.has(candidate);
      this.#candidates.add(candidate);
      candidate.leaseUntil = clock.monotonic() + ttlMs;
      // After a lease of its own has ended it holds nothing any more, whatever it believes.
      this.#inform(candidate, asked + ttlMs * (1 - MARGIN));
      if (isNew) clock.after(4 * latencyMs + 50, () => this.#elect());
    });
  }

  /** Tells one candidate how things stand. @param sureUntil on its own clock, when this answers a renewal */
  #inform(candidate: Candidate, sureUntil?: number): void {
    const { clock, random, latencyMs } = this.#options;
    if (!this.#reaches(candidate)) return;
    const leaders = this.#tenures.map((tenure) => tenure?.leader);
    const revision = this.#revision;
    clock.after(latencyMs * (1 + random.next()), () => {
      if (!this.#reaches(candidate)) return;
      candidate.process.clock.run(() => candidate.hear(leaders, revision, sureUntil));
    });
  }

  #expire(): void {
    if (this.#out) return;
    const now = this.#options.clock.monotonic();
    for (const candidate of this.#candidates) {
      if (candidate.leaseUntil > now) continue;
      this.#candidates.delete(candidate);
      this.#tenures.forEach((tenure, slot) => {
        if (tenure?.candidate === candidate) this.#tenures[slot] = undefined;
      });
    }
    this.#elect();
  }

  /** Each free slot goes to the candidate that holds the fewest, at once: the time it takes lies in telling it. */
  #elect(): void {
    if (this.#out || this.#candidates.size === 0) return;
    let changed = false;
    for (let slot = 0; slot < this.#options.slots; slot++) {
      if (this.#tenures[slot] !== undefined) continue;
      let chosen: Candidate | undefined;
      let fewest = Number.POSITIVE_INFINITY;
      for (const candidate of this.#candidates) {
        const held = this.#tenures.filter((tenure) => tenure?.candidate === candidate).length;
        if (held < fewest && this.#reaches(candidate)) [chosen, fewest] = [candidate, held];
      }
      if (chosen === undefined) continue;
      const { address, incarnation } = chosen.process.self;
      this.#revision += 1;
      this.#tenures[slot] = { candidate: chosen, leader: { address, incarnation, slot, term: this.#revision } };
      changed = true;
    }
    if (changed) for (const candidate of this.#candidates) this.#inform(candidate);
  }
}

/** One process's view of the service. */
class Candidate implements Leadership {
  readonly slots: number;
  readonly process: Process;
  readonly #ttlMs: number;
  /** At the service, on true time. */
  leaseUntil = 0;
  readonly #listeners = new Set<() => void>();
  #leaders: readonly (Leader | undefined)[] = [];
  #revision = 0;
  /** On the process's own monotonic clock. */
  #sureUntil = 0;
  #knownUntil = 0;
  #told = '';

  constructor(process: Process, slots: number, ttlMs: number) {
    this.process = process;
    this.slots = slots;
    this.#ttlMs = ttlMs;
  }

  leaderOf(slot: number): Leader | undefined {
    const leader = this.#leaders[slot];
    if (leader === undefined || this.process.clock.monotonic() >= this.#knownUntil) return undefined;
    if (this.#isSelf(leader) && this.leading(slot) === undefined) return undefined;
    return leader;
  }

  leading(slot: number): number | undefined {
    const leader = this.#leaders[slot];
    if (leader === undefined || !this.#isSelf(leader)) return undefined;
    return this.process.clock.monotonic() < this.#sureUntil ? leader.term : undefined;
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  hear(leaders: readonly (Leader | undefined)[], revision: number, sureUntil: number | undefined): void {
    const { clock } = this.process;
    const now = clock.monotonic();
    if (revision >= this.#revision) {
      this.#revision = revision;
      this.#leaders = leaders;
    }
    this.#knownUntil = Math.max(this.#knownUntil, now + this.#ttlMs * (1 - MARGIN));
    if (sureUntil !== undefined && sureUntil > this.#sureUntil) {
      this.#sureUntil = sureUntil;
      clock.after(sureUntil - now, () => this.#tellChange());
      clock.after(this.#knownUntil - now, () => this.#tellChange());
    }
    this.#tellChange();
  }

  #isSelf({ address, incarnation }: Leader): boolean {
    return address === this.process.self.address && incarnation === this.process.self.incarnation;
  }

  #tellChange(): void {
    let now = '';
    for (let slot = 0; slot < this.slots; slot++) {
      now += `${this.leaderOf(slot)?.term ?? 0} ${this.leading(slot) ?? 0} `;
    }
    if (now === this.#told) return;
    this.#told = now;
    for (const listener of this.#listeners) listener();
  }
}
