import type { Clock } from '../../core/clock.ts';
import type { Peer } from '../peer.ts';
import type { Claim, Saying } from './claim.ts';
import { isWorse, outranks } from './claim.ts';
import type { MemberList } from './member-list.ts';
import type { MemberRecord } from './member-record.ts';

/** Silence of a suspect that is long enough: this many probe periods, at least. */
const SUSPICION_PERIODS = 5;
/** And this many for each tenfold number of hosts, since news takes longer to reach it and come back. */
const SUSPICION_PERIODS_TENFOLD = 4;

/** A host that was heard of within this time is not gone because somebody says so. */
const LATELY_MS = 1_000;

/** Suspects looked at in a tick for one to be asked: those whose time is up first. */
const MAX_LOOKS = 16;

export interface JudgeOptions {
  readonly list: MemberList;
  readonly clock: Clock;
  /** Ticks so far. Suspicion is counted in ticks and not by the clock: time in which this host did not run, it did not listen. */
  readonly ticks: () => number;
  readonly ticksPerPeriod: number;
  /** Others should be told of it. */
  readonly tell: (record: MemberRecord) => void;
}

/**
 * What is believed of whom: the rules of SWIM with suspicion (Das, Gupta, Motivala, DSN 2002), with these additions.
 *
 * - What we hear ourselves goes before what others say. A message of a host that is said to be dead makes it alive here, and it
 *   is told what is said of it, so that it can refute that for all.
 * - Nobody whom we see alive is dead because somebody else says so: it is suspect, and has time to refute. When two halves of a
 *   cut fleet meet again, each calls the other dead; taken at its word, that would kill everybody.
 */
export class Judge {
  readonly #options: JudgeOptions;
  /** In order of when their time is up; some are no longer suspect. */
  readonly #suspects = new Set<MemberRecord>();

  constructor(options: JudgeOptions) {
    this.#options = options;
  }

  /** Takes in what somebody says of another host. Whether it was new. */
  learn(claim: Claim): boolean {
    const { list } = this.#options;
    const record = list.get(claim.address);
    if (claim.incarnation === 0) return false;
    if (record === undefined) {
      if (claim.says === 'gone' || claim.says === 'left' || list.isForgettable(claim.ageMs) || list.full) return false;
      this.#begin(list.add(claim.address, claim.incarnation, claim.says, this.#sinceOf(claim)), claim);
      return true;
    }
    const known = { incarnation: record.incarnation, refutation: record.refutation, says: record.claimed };
    if (!outranks(claim, known)) return false;
    if (claim.incarnation > record.incarnation) {
      this.#begin(record, claim);
      list.move(record, claim.says === 'left' ? 'gone' : claim.says, this.#sinceOf(claim));
      return true;
    }
    const refuted = claim.refutation > record.refutation;
    record.refutation = claim.refutation;
    record.claimed = claim.says;
    this.#weigh(record, claim, refuted);
    return true;
  }

  /** A message of its own has arrived. `revived`: it lives although others, or we, say that it does not. */
  heard(peer: Peer): 'known' | 'new' | 'revived' {
    const { list, clock, tell } = this.#options;
    let record = list.get(peer.address);
    const isNew = record === undefined || record.incarnation < peer.incarnation;
    if (record === undefined) {
      if (list.full) return 'known';
      record = list.add(peer.address, peer.incarnation, 'alive');
    } else if (isNew) {
      this.#begin(record, { ...peer, refutation: 0, says: 'alive', ageMs: 0 });
      list.move(record, 'alive');
    } else if (record.incarnation > peer.incarnation) return 'known';
    record.heardAt = clock.monotonic();
    if (isNew) {
      tell(record);
      return 'new';
    }
    if (record.state === 'alive' || record.claimed === 'left') return 'known';
    list.move(record, 'alive');
    return 'revived';
  }

  /** It did not answer, and nobody else got an answer. */
  accuse(record: MemberRecord): void {
    if (record.state !== 'alive') return;
    this.#blame(record, 'suspect');
    this.#suspect(record);
    this.#options.tell(record);
  }

  /** Its machine says that nobody listens there. */
  ended(record: MemberRecord): void {
    const { list, tell } = this.#options;
    if (record.state === 'gone') return;
    // Listed, and never there: nobody knows of it but us.
    if (record.incarnation === 0) {
      list.drop(record);
      return;
    }
    this.#blame(record, 'gone');
    list.move(record, 'gone');
    tell(record);
  }

  /** Whose time is up is dead. */
  expire(): void {
    const { list, ticks, tell } = this.#options;
    for (const record of this.#suspects) {
      const isSuspect = record.state === 'suspect';
      if (isSuspect && record.suspectUntil > ticks()) return;
      this.#suspects.delete(record);
      if (!isSuspect) continue;
      this.#blame(record, 'dead');
      list.move(record, record.claimed === 'gone' ? 'gone' : 'dead');
      tell(record);
    }
  }

  /**
   * A suspect whose time is half up, to be asked by this host itself before it takes it for dead, each once a period. Most that is
   * suspected is suspected on the word of others, and its refutation may have been lost on the way here.
   */
  secondLook(): MemberRecord | undefined {
    const { ticks, ticksPerPeriod } = this.#options;
    let looks = 0;
    for (const record of this.#suspects) {
      if (++looks > MAX_LOOKS) return undefined;
      if (record.state !== 'suspect' || !this.#isLate(record) || record.askedAt + ticksPerPeriod > ticks()) continue;
      record.askedAt = ticks();
      return record;
    }
    return undefined;
  }

  #weigh(record: MemberRecord, claim: Claim, refuted: boolean): void {
    const { list, clock } = this.#options;
    const { state } = record;
    switch (claim.says) {
      case 'alive':
        if (state !== 'alive') list.move(record, 'alive');
        return;
      case 'suspect':
        this.#suspect(record);
        return;
      case 'dead':
        if (state === 'dead') return;
        if (state === 'gone') list.move(record, 'dead', this.#sinceOf(claim));
        else if (state === 'suspect' && !refuted && this.#isLate(record)) list.move(record, 'dead');
        else if (state === 'alive' || refuted) this.#suspect(record);
        return;
      case 'gone':
        if (state === 'gone') return;
        if (clock.monotonic() - record.heardAt < LATELY_MS) this.#suspect(record);
        else list.move(record, 'gone');
        return;
      case 'left':
        list.move(record, 'gone');
    }
  }

  /** More than half of a suspicion has passed: whoever says it is dead has waited for as long as we have, or nearly. */
  #isLate({ suspectedAt, suspectUntil }: MemberRecord): boolean {
    return 2 * this.#options.ticks() >= suspectedAt + suspectUntil;
  }

  /** A life that was not known yet. */
  #begin(record: MemberRecord, claim: Claim): void {
    record.incarnation = claim.incarnation;
    record.refutation = claim.refutation;
    record.claimed = claim.says;
    record.heardAt = Number.NEGATIVE_INFINITY;
    if (claim.says === 'suspect') this.#startWaiting(record);
  }

  #suspect(record: MemberRecord): void {
    this.#startWaiting(record);
    if (record.state !== 'suspect') this.#options.list.move(record, 'suspect');
  }

  #startWaiting(record: MemberRecord): void {
    const { list, ticks, ticksPerPeriod } = this.#options;
    const tenfold = Math.ceil(SUSPICION_PERIODS_TENFOLD * Math.log10(list.present.size + 1));
    record.suspectedAt = ticks();
    record.suspectUntil = ticks() + ticksPerPeriod * Math.max(SUSPICION_PERIODS, tenfold);
    this.#suspects.delete(record);
    this.#suspects.add(record);
  }

  #blame(record: MemberRecord, says: Saying): void {
    if (isWorse(says, record.claimed)) record.claimed = says;
  }

  #sinceOf(claim: Claim): number {
    return this.#options.clock.monotonic() - claim.ageMs;
  }
}
