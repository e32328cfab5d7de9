import type { Peer } from './peer.ts';

/**
 * One subject's way to its counterparts on other hosts: a way of sharing, or membership. Behind it lie sockets and
 * authentication, or a simulated network; whoever holds a channel cannot tell.
 */
export interface Channel {
  /** Most bytes that {@link send} carries in one message. */
  readonly maxPayload: number;
  /** Most bytes that a question or an answer of {@link exchange} may have. */
  readonly maxExchange: number;
  /**
   * Sends one message, best effort: it may be lost, arrive twice, late, or out of order, never altered. Never throws for what
   * the network does. The payload must not be changed afterwards: it is not copied.
   */
  send(to: string, payload: Uint8Array): void;
  /**
   * Asks one peer and resolves with its answer, reliably.
   * @throws PeerError SLUICE_PEER_UNREACHABLE when there is no answer in time; its `refused` is true when the peer's own machine says that nobody listens there
   */
  exchange(to: string, payload: Uint8Array): Promise<Uint8Array>;
  /** Where messages and questions go; set once, before anything is sent. */
  receive(receiver: Receiver): void;
}

/**
 * What a channel delivers. Everything has been authenticated, but may still be malformed: whoever
 * reads it says so by throwing a WireError. A payload is only lent: it may change once the call has returned.
 */
export interface Receiver {
  /** @param from who sent it, as authenticated */
  message(from: Peer, payload: Uint8Array): void;
  /** Answers a question. */
  question(from: Peer, payload: Uint8Array): Uint8Array;
}
