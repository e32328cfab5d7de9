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
  /** How often an operator has reset the counter, 0 or more. Counts of a lower epoch are void. */
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
  /** Milliseconds since this host said the newest of them, as far as the sender knows; 0 when the sender is that host. */
  readonly ageMs: number;
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
  /** The leader's slot and fencing term; both 0 from a leader that nobody elected. */
  readonly leaderSlot: number;
  readonly term: number;
  /** Age of the oldest report that went into it of a host that is still visible, milliseconds. */
  readonly ageMs: number;
  readonly records: readonly TotalRecord[];
}

export type CountingMessage = CountsMessage | TotalsMessage;
