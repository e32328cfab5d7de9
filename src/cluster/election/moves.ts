import { createHash } from 'node:crypto';
import type { Candidate, Standings, Tenure } from './standings.ts';

/** What a host should do next. */
export type Move =
  /** Take a slot that nobody holds; `raise` as {@link Standings} tells. */
  | { readonly kind: 'take'; readonly slot: number; readonly raise: number }
  /** Give a slot up. */
  | { readonly kind: 'leave'; readonly tenure: Tenure }
  /** Write a higher term into a slot, whoever holds it. */
  | { readonly kind: 'raise'; readonly tenure: Tenure; readonly raise: number }
  /** Nothing for so long; Infinity: until something changes. */
  | { readonly kind: 'wait'; readonly ms: number };

export interface Situation {
  readonly standings: Standings;
  /** Lease of this host. */
  readonly lease: string;
  /** Slots of this host that it has begun to leave; it is not known whether it has. */
  readonly isLeaving: (tenure: Tenure) => boolean;
  /** Milliseconds since the slot was seen to be free. */
  readonly freeFor: (slot: number) => number;
}

/** Candidates for one slot try one after the other, so that a hundred hosts are not a hundred transactions. */
const STAGGER_MS = 25;
const MOST_TURNS = 20;

/**
 * The rule by which slots spread: those candidates who hold fewest take what is free, and a host that holds two more than
 * another gives one up. So n slots are held by n hosts when there are as many, and otherwise the numbers differ by one at
 * most. Who of several comes first is drawn by hash, differently for each slot.
 */
export function nextMove({ standings, lease, isLeaving, freeFor }: Situation): Move {
  const stale = standings.tenures().find((tenure) => standings.isStale(tenure));
  if (stale !== undefined) {
    return { kind: 'raise', tenure: stale, raise: standings.seen(stale.slot) + 1 - stale.entry.created };
  }
  const own = standings.tenures().filter(({ entry }) => entry.lease === lease);
  const leaving = own.find(isLeaving);
  if (leaving !== undefined) return { kind: 'leave', tenure: leaving };

  const { candidates } = standings;
  const me = candidates.find((each) => each.lease === lease);
  const held = heldBy(standings);
  const fewest = Math.min(...candidates.map((each) => held.get(each.lease) ?? 0));
  const last = own.at(-1);
  if (me === undefined) return { kind: 'wait', ms: Number.POSITIVE_INFINITY };
  if (last !== undefined && own.length >= fewest + 2) return { kind: 'leave', tenure: last };
  if (own.length > fewest) return { kind: 'wait', ms: Number.POSITIVE_INFINITY };

  const eligible = candidates.filter((each) => (held.get(each.lease) ?? 0) === fewest);
  let wait = Number.POSITIVE_INFINITY;
  for (const slot of standings.free()) {
    const turn = Math.min(MOST_TURNS, turnOf(me, eligible, slot)) * STAGGER_MS - freeFor(slot);
    // It is created at the next revision at the earliest.
    if (turn <= 0) return { kind: 'take', slot, raise: Math.max(0, standings.seen(slot) - standings.revision) };
    wait = Math.min(wait, turn);
  }
  return { kind: 'wait', ms: wait };
}

function heldBy(standings: Standings): ReadonlyMap<string, number> {
  const held = new Map<string, number>();
  for (const { entry } of standings.tenures()) held.set(entry.lease, (held.get(entry.lease) ?? 0) + 1);
  return held;
}

/** Place of `me` in the order of this slot, 0 for the first. */
function turnOf(me: Candidate, eligible: readonly Candidate[], slot: number): number {
  const mine = draw(me, slot);
  return eligible.filter((each) => draw(each, slot) < mine).length;
}

function draw({ address }: Candidate, slot: number): string {
  return createHash('sha1').update(`${slot} ${address}`).digest('hex');
}
