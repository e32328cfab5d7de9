import type { MemberState } from '../membership.ts';
import type { Peer } from '../peer.ts';

/** What hosts say of a host, from good to bad. `gone`: nobody listens there any more. `left`: its own goodbye, which is final. */
export const SAYINGS = ['alive', 'suspect', 'dead', 'gone', 'left'] as const;

export type Saying = (typeof SAYINGS)[number];

/** What somebody says of one life of a host. */
export interface Claim extends Peer {
  /** Rises each time the host itself says that it lives although others doubt it. Only that host raises it. */
  readonly refutation: number;
  readonly says: Saying;
  /** `dead` only: for how long, milliseconds. Else 0. */
  readonly ageMs: number;
}

/**
 * Whether `claim` counts for more than `known`. A later life does, then a later refutation, then the worse news: a total
 * order, so that hosts that have heard the same claims in any order agree. The incarnation numbers of SWIM (Das, Gupta,
 * Motivala, DSN 2002, section 4.2) are refutation numbers here, below the life of the process.
 */
export function outranks(claim: Omit<Claim, 'ageMs' | 'address'>, known: Omit<Claim, 'ageMs' | 'address'>): boolean {
  if (claim.incarnation !== known.incarnation) return claim.incarnation > known.incarnation;
  if (claim.refutation !== known.refutation) return claim.refutation > known.refutation;
  return isWorse(claim.says, known.says);
}

export function isWorse(a: Saying, b: Saying): boolean {
  return SAYINGS.indexOf(a) > SAYINGS.indexOf(b);
}

/** Hosts in this state are written to. */
export function isPresent(state: MemberState): boolean {
  return state === 'alive' || state === 'suspect';
}
