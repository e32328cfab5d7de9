/** What a leader does: adds up what hosts have reported and tells each of them what all the others have counted. */
import type { Member } from '../cluster/membership.ts';
import type { Peer } from '../cluster/peer.ts';
import type { TotalRecord } from '../cluster/wire/counts.ts';
import type { Replica } from './replica.ts';
import type { ReplicaCounter, ReplicaSlot } from './replica-counter.ts';
import { NEVER } from './replica-counter.ts';
import type { HostTallies } from './replica-tallies.ts';

/** A change is told in so many intervals in a row, in case a message is lost. */
export const TOLD = 2;
/** Units that one host may have admitted of a counter before all others are told of it. */
export const UNTOLD = 2;
/** Records of totals on one page of an exchange. */
const PAGE_RECORDS = 1_000;

/** What one host is to be told. */
export interface TotalsFor {
  readonly records: TotalRecord[];
  /** When the oldest of the reports that are news in it was sent, on the monotonic clock. */
  since: number;
}

/**
 * The totals that have changed for somebody, by anybody else's counts: for each host that reported the counter in this sub-window
 * or the one before, and for all hosts once it is shared (see {@link isForAll}). Each change is collected in two rounds.
 *
 * @param members by address
 * @param whole looks at everything, not only at what changed lately
 */
export function collectTotals(
  replica: Replica,
  members: ReadonlyMap<string, Member>,
  mine: (counter: ReplicaCounter) => boolean,
  monotonic: number,
  whole: boolean,
): Map<Member, TotalsFor> {
  const told = new Map<Member, TotalsFor>();
  for (const slot of whole ? allSlots(replica) : replica.changes.lately(TOLD)) {
    if (!mine(slot.owner)) continue;
    replica.follow(slot);
    if (isForAll(slot)) replica.include(slot, members);
    const { others } = slot;
    if (others === undefined) continue;
    const since = Math.min(monotonic, slot.changedBy === undefined ? monotonic : replica.saidAt(slot.changedBy));
    for (let place = 0; place < others.hosts.length; place++) {
      const host = others.hosts[place];
      if (host === undefined || !due(slot, others, place)) continue;
      const member = members.get(host.address);
      // An earlier life of a host is nobody to tell.
      if (member === undefined || member.incarnation !== host.incarnation) continue;
      const changed = slot.changedWithout(host);
      others.setMark(place, others.markAt(place) < changed ? changed : changed + 1);
      let news = told.get(member);
      if (news === undefined) {
        news = { records: [], since: monotonic };
        told.set(member, news);
      }
      news.records.push(totalWithout(slot, place));
      news.since = Math.min(news.since, since);
    }
  }
  return told;
}

/** All totals that matter now, for one host, page by page. */
export function totalsPage(
  replica: Replica,
  receiver: Peer,
  mine: (counter: ReplicaCounter) => boolean,
  from: number,
  now: number,
): { readonly records: TotalRecord[]; readonly next: number | undefined } {
  const records: TotalRecord[] = [];
  let number = 0;
  for (const counter of replica.counters()) {
    if (number++ < from || !mine(counter)) continue;
    for (const slot of counter.slots) {
      if (slot.changes === 0 || (slot.index + slot.keep) * slot.sliceMs <= now) continue;
      records.push(totalWithout(slot, placeOf(slot, receiver)));
    }
    if (records.length >= PAGE_RECORDS) return { records, next: number };
  }
  return { records, next: undefined };
}

/**
 * Whether hosts that have not asked for the counter are told of it too, so that they know what is left when they are asked: as soon as it
 * has been asked for on two hosts, or on one for more than {@link UNTOLD} units. Keys that are used once or twice cost nobody else
 * anything; and of a key that moves to another host no more than {@link UNTOLD} units are unknown there.
 */
function isForAll(slot: ReplicaSlot): boolean {
  const { others, taken, asked } = slot;
  if (others === undefined) return taken > UNTOLD;
  if (taken + others.taken > UNTOLD) return true;
  let askers = asked > 0 ? 1 : 0;
  for (let place = 0; place < others.hosts.length && askers < 2; place++) if (others.askedAt(place) > 0) askers += 1;
  return askers >= 2;
}

/** Each host has a mark: the round up to whose changes it has been told, once; one more when it has been told twice. */
function due(slot: ReplicaSlot, others: HostTallies, place: number): boolean {
  const changed = slot.changedWithout(others.hosts[place]);
  return changed !== NEVER && others.markAt(place) <= changed;
}

/** Everybody's counts but those of the host at `place`; −1: of all. */
function totalWithout(slot: ReplicaSlot, place: number): TotalRecord {
  const { counter, sliceMs, keep, epoch, index, others } = slot;
  const known = place >= 0 && others !== undefined;
  return {
    counter,
    sliceMs,
    keep,
    epoch,
    index,
    taken: slot.taken + (others?.taken ?? 0) - (known ? others.takenAt(place) : 0),
    returned: slot.returned + (others?.returned ?? 0) - (known ? others.returnedAt(place) : 0),
    asked: slot.asked + (others?.asked ?? 0) - (known ? others.askedAt(place) : 0),
  };
}

function placeOf({ others }: ReplicaSlot, { address, incarnation }: Peer): number {
  if (others === undefined) return -1;
  return others.hosts.findIndex((host) => host.address === address && host.incarnation === incarnation);
}

function* allSlots(replica: Replica): Generator<ReplicaSlot> {
  for (const counter of replica.counters()) yield* counter.slots;
}
