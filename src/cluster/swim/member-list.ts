import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { Member, MemberState } from '../membership.ts';
import { isPresent } from './claim.ts';
import { FairPool } from './fair-pool.ts';
import type { MemberRecord } from './member-record.ts';
import { makeRecord } from './member-record.ts';

/** More hosts than this are not taken in: as many as the sealed envelope keeps apart. */
export const MAX_MEMBERS = 16_384;

/** For how long a host that is gone is still shown. */
const SHOWN_GONE_MS = 60_000;
/** For how long it is remembered after that, so that old news does not bring it back. */
const REMEMBERED_GONE_MS = 600_000;

/** Looked at in each tick, at least; more when there are many, so that each has its turn within some seconds. */
const SWEEP = 4;
const SWEEP_TICKS = 25;

export interface MemberListOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly forgetAfterMs: number;
  /** Called after each change of a state; `before` is undefined for a host that was not known. */
  readonly changed: (record: MemberRecord, before: MemberState | undefined) => void;
}

/** All other hosts, by address: who is in which state, and who is forgotten when. What is believed of whom is for {@link Judge} to say. */
export class MemberList {
  readonly #options: MemberListOptions;
  readonly #records = new Map<string, MemberRecord>();
  readonly #count: Record<MemberState, number> = { alive: 0, suspect: 0, dead: 0, gone: 0 };
  /** Alive and suspect ones. */
  readonly present: FairPool<MemberRecord>;
  /** Dead and gone ones. */
  readonly absent: FairPool<MemberRecord>;
  #swept: FairPool<MemberRecord>;
  #peers: readonly Member[] | undefined;
  #all: readonly Member[] | undefined;

  constructor(options: MemberListOptions) {
    this.#options = options;
    this.present = new FairPool(options.random);
    this.absent = new FairPool(options.random);
    this.#swept = new FairPool(options.random);
  }

  /** Each life by the address it has; dead, gone and forgotten ones too. */
  get size(): number {
    return this.#records.size;
  }
  get full(): boolean {
    return this.#records.size >= MAX_MEMBERS;
  }
  get peers(): readonly Member[] {
    this.#peers ??= this.#views((record) => isPresent(record.state));
    return this.#peers;
  }
  get all(): readonly Member[] {
    this.#all ??= this.#views((record) => record.shown);
    return this.#all;
  }
  /** With this host. */
  get visibleShare(): number {
    const visible = 1 + this.present.size;
    return visible / (visible + this.#count.dead);
  }

  get(address: string): MemberRecord | undefined {
    return this.#records.get(address);
  }

  records(): Iterable<MemberRecord> {
    return this.#records.values();
  }

  add(address: string, incarnation: number, state: MemberState, since = this.#options.clock.monotonic()): MemberRecord {
    const record = makeRecord(address, incarnation, state, since);
    this.#records.set(address, record);
    this.#enter(record, undefined);
    return record;
  }

  /** Also without a change of state: to show a new life. */
  move(record: MemberRecord, state: MemberState, since = this.#options.clock.monotonic()): void {
    const before = record.state;
    this.#count[before]--;
    record.state = state;
    record.since = since;
    if (state === 'dead' && before !== 'dead') record.deadSince = since;
    if (state !== 'gone') record.forgotten = false;
    record.shown = true;
    this.#enter(record, before);
    if (state === 'dead' && record.listed === 'no longer') this.forget(record);
  }

  /** A dead host is no longer waited for: it is taken for gone. Not told to others, who look at their own lists. */
  forget(record: MemberRecord): void {
    record.forgotten = true;
    this.move(record, 'gone');
  }

  /** It was forgotten for not being listed, and is listed again: it is missing as it was. */
  recall(record: MemberRecord): void {
    if (!record.forgotten || this.isForgettable(this.#options.clock.monotonic() - record.deadSince)) return;
    this.move(record, 'dead', record.deadSince);
  }

  /** One that is absent. */
  drop(record: MemberRecord): void {
    if (record.state === 'dead') this.move(record, 'gone');
    this.#count[record.state]--;
    this.#records.delete(record.address);
    for (const pool of [this.present, this.absent, this.#swept]) pool.remove(record);
    this.#all = undefined;
  }

  /**
   * Forgets whom nobody waits for any more: dead ones after `forgetAfterMs`, gone ones when old news of them cannot come
   * any more. Looks at a few in each tick.
   */
  sweep(): void {
    const now = this.#options.clock.monotonic();
    const count = Math.min(this.#swept.size, Math.max(SWEEP, Math.ceil(this.#swept.size / SWEEP_TICKS)));
    for (let i = 0; i < count; i++) {
      const record = this.#swept.next();
      if (record === undefined) return;
      if (record.state === 'dead') {
        if (now - record.since >= this.#options.forgetAfterMs) this.forget(record);
        continue;
      }
      const age = now - record.since;
      if (record.shown && age >= SHOWN_GONE_MS) {
        record.shown = false;
        this.#all = undefined;
      }
      // Others may tell of its death until they forget it as well.
      const tellable = record.forgotten ? record.deadSince + this.#options.forgetAfterMs : record.since;
      if (now >= Math.max(tellable, record.since) + REMEMBERED_GONE_MS) this.drop(record);
    }
  }

  /** Whether a host that has been dead for `ageMs` is forgotten by now. */
  isForgettable(ageMs: number): boolean {
    return ageMs >= this.#options.forgetAfterMs;
  }

  #enter(record: MemberRecord, before: MemberState | undefined): void {
    this.#count[record.state]++;
    const [into, outOf] = isPresent(record.state) ? [this.present, this.absent] : [this.absent, this.present];
    outOf.remove(record);
    into.add(record);
    if (into === this.absent) this.#swept.add(record);
    else this.#swept.remove(record);
    record.view = undefined;
    this.#all = undefined;
    if (into === this.present || (before !== undefined && isPresent(before))) this.#peers = undefined;
    this.#options.changed(record, before);
  }

  #views(which: (record: MemberRecord) => boolean): readonly Member[] {
    const views: Member[] = [];
    for (const record of this.#records.values()) if (which(record)) views.push(viewOf(record));
    return views;
  }
}

function viewOf(record: MemberRecord): Member {
  const { address, incarnation, state, since } = record;
  record.view ??= { address, incarnation, state, since };
  return record.view;
}
