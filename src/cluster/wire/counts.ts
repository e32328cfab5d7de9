/**
 * What hosts tell each other about counts. Plain data; `encodeCounts` and `decodeCounts` turn it into bytes and back.
 */
import type { Peer } from '../peer.ts';

/** Names one sub-window's counts of one counter. */
export interface CountSlot {
  /** The counter's identity: printable ASCII without spaces, 1 to 200 characters. */
  readonly counter: string;
  /** Length of a sub-window, milliseconds, 1 or more. */
  readonly sliceMs: number;
  /** How many sub-windows a count matters for, 1 to 61: it may be forgotten when now ≥ (index + keep) × sliceMs. */
  readonly keep: number;
  /**
   * Raised by each reset of an operator, of the slots that are open then: to the Unix milliseconds of the reset, so that the later of
   * two wins. 0: never reset. Counts of a lower epoch of the same slot are void.
   */
  readonly epoch: number;
  /** The sub-window's number since the Unix epoch: floor(time / sliceMs). */
  readonly index: number;
}

/** Whole units, each of them only growing within a slot. All merged by maximum. */
export interface Tally {
  /** Units admitted. */
  readonly taken: number;
  /** Of these, units that were given back. */
  readonly returned: number;
  /** Units asked for, admitted or not. */
  readonly asked: number;
}

/** What one host counted in a slot. */
export interface HostTally extends Tally {
  /** Index into the message's `origins`. */
  readonly origin: number;
}

export interface CountRecord extends CountSlot {
  /** Of each host once. */
  readonly tallies: readonly HostTally[];
}

/** A host whose counts a message carries. */
export interface OriginNews extends Peer {
  /**
   * How old the newest of them are as far as the sender knows, milliseconds: since they were counted at first, when the sender
   * is that host; and since it was told, when it is another.
   */
  readonly ageMs: number;
  /** Not told: what a receiver has looked up for this origin, when several take in the same message. */
  known?: unknown;
}

/** Counts by host: own ones, or what was learnt of others. */
export interface CountsMessage {
  readonly kind: 'counts';
  readonly origins: readonly OriginNews[];
  readonly records: readonly CountRecord[];
}

/** Sum over all hosts but the receiver, of one slot. */
export interface TotalRecord extends CountSlot, Tally {}

/** What a leader sends back. */
export interface TotalsMessage {
  readonly kind: 'totals';
  /**
   * The leader's slot and fencing term. From a leader that nobody elected: slot 0, and 1 for a term when it declares itself a
   * leader, 0 when it only answers those who report to it.
   */
  readonly leaderSlot: number;
  readonly term: number;
  /** Age of the oldest of the reports that are news in it, milliseconds. */
  readonly ageMs: number;
  readonly records: readonly TotalRecord[];
}

export type CountingMessage = CountsMessage | TotalsMessage;
