import type { Peer } from './peer.ts';

/** One elected leader. The key space is cut over slots, so a re-election moves no other slot's keys. */
export interface Leader extends Peer {
  /** 0 to n − 1. */
  readonly slot: number;
  /** Fencing term: rises with each election of the slot. A message of a lower term than has been seen is void. */
  readonly term: number;
}

/** What a coordination service says about who leads. Known to all, agreed upon, and late at times. */
export interface Leadership {
  /** How many slots there are, 1 at least. */
  readonly slots: number;
  /** The leader of each slot as last heard; undefined: none known, or its lease may have ended. */
  leaderOf(slot: number): Leader | undefined;
  /**
   * The term under which this host leads `slot` now; undefined when it does not, or cannot be sure: it ends by this
   * host's own monotonic clock, before the lease can end at the service.
   */
  leading(slot: number): number | undefined;
  /** Calls `listener` after each change; returns how to stop that. */
  onChange(listener: () => void): () => void;
}
