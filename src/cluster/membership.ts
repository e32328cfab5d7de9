import type { Peer } from './peer.ts';

/**
 * `alive`: heard of lately. `suspect`: did not answer, others are asked; still counted and written to. `dead`: silent for too
 * long, perhaps cut off. `gone`: known to have ended: it said goodbye, its machine says that nobody listens, or it started anew.
 */
export type MemberState = 'alive' | 'suspect' | 'dead' | 'gone';

export interface Member extends Peer {
  readonly state: MemberState;
  /** Since when, on the monotonic clock, milliseconds. */
  readonly since: number;
}

/** Who else is there. One for a process, shared by all ways of sharing. */
export interface Membership {
  readonly self: Peer;
  /** Other hosts to write to: alive and suspect ones, in a stable order. The same array until something changes. */
  readonly peers: readonly Member[];
  /** All hosts known, dead and lately gone ones included, without this one. */
  readonly all: readonly Member[];
  /**
   * The part of the hosts that were last known which is visible now, this one included, in (0, 1]: (alive + suspect) / (alive + suspect + dead).
   * Below 1 while hosts are missing that may only be cut off.
   */
  readonly visibleShare: number;
  /** A message of this peer has arrived: it lives. Cheap; called for every message. */
  heard(from: Peer): void;
  /** Calls `listener` after each change of {@link peers} or {@link visibleShare}; returns how to stop that. */
  onChange(listener: () => void): () => void;
}
