import type { Member, MemberState } from '../membership.ts';
import type { Claim, Saying } from './claim.ts';

/** What is known of one host. Changed only by {@link MemberList} and {@link Judge}. */
export interface MemberRecord {
  readonly address: string;
  /** 0: it is listed, and has never answered. */
  incarnation: number;
  refutation: number;
  /** The worst that anybody says of this life under this refutation. The state is better while we hear from it all the same. */
  claimed: Saying;
  state: MemberState;
  /** Since when it has been in that state, monotonic milliseconds. */
  since: number;
  /** When a message of its own arrived last, monotonic milliseconds. */
  heardAt: number;
  /** Suspect: in which tick it began, and in which it ends. */
  suspectedAt: number;
  suspectUntil: number;
  /** In which tick this host asked it itself for being suspect. */
  askedAt: number;
  /** Whether the places where hosts are looked for list it. */
  listed: 'never' | 'now' | 'no longer';
  /** Silent, and no longer waited for. */
  forgotten: boolean;
  /** Since when it has been dead, monotonic milliseconds, also once it is forgotten. */
  deadSince: number;
  /** In {@link MemberList.all}. */
  shown: boolean;
  /** As handed out; made anew after a change. */
  view: Member | undefined;
}

export function makeRecord(address: string, incarnation: number, state: MemberState, now: number): MemberRecord {
  return {
    address,
    incarnation,
    refutation: 0,
    claimed: state,
    state,
    since: now,
    heardAt: Number.NEGATIVE_INFINITY,
    suspectedAt: 0,
    suspectUntil: 0,
    askedAt: 0,
    listed: 'never',
    forgotten: false,
    deadSince: now,
    shown: true,
    view: undefined,
  };
}

/** What we say of it to others: what we see, which may be better than what others say. */
export function claimOf(record: MemberRecord, now: number): Claim {
  const { address, incarnation, refutation, state, claimed } = record;
  const says = state === 'gone' && claimed === 'left' ? 'left' : state;
  return { address, incarnation, refutation, says, ageMs: state === 'dead' ? Math.max(0, now - record.since) : 0 };
}

/** What is said of it, for itself: so that it can refute that. */
export function accusationOf(record: MemberRecord): Claim | undefined {
  const { address, incarnation, refutation, claimed } = record;
  if (claimed === 'alive' || incarnation === 0) return undefined;
  return { address, incarnation, refutation, says: claimed, ageMs: 0 };
}
