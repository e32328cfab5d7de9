/** Most bytes of a question or an answer. */
export const MAX_EXCHANGE = 4 << 20;

/**
 * Carries bytes between hosts, and knows nothing of what they mean. test/conformance/transport.ts holds for every
 * implementation: sockets, and a simulated network.
 */
export interface Transport {
  /** Most bytes of one message. */
  readonly maxMessage: number;
  /** Most bytes of a question or an answer. */
  readonly maxExchange: number;
  /** Bytes that go over the network beside a message's own, and beside those of a question or an answer. */
  readonly framing: { readonly message: number; readonly exchange: number };
  /** Where what arrives goes; set once. Nothing is let in before. */
  receive(handler: TransportHandler): void;
  /**
   * Listens. Resolves with the port: the system's choice when 0 was configured.
   * @throws SluiceError SLUICE_LISTEN
   */
  start(): Promise<number>;
  /**
   * Sends one message, best effort: it may be lost, arrive twice, late, or out of order. Never throws for what the network
   * does, never waits, and holds a bounded number of bytes for a peer that does not take them. `bytes` must not be changed
   * afterwards; the same bytes may be sent to many.
   *
   * @param to `host:port`, the host an IPv4 address, an IPv6 address in brackets, or a name
   */
  send(to: string, bytes: Uint8Array): void;
  /**
   * Asks, and resolves with the answer.
   * @throws PeerError SLUICE_PEER_UNREACHABLE when there is none in time; `refused` when the peer's machine says that nobody listens there
   */
  exchange(to: string, bytes: Uint8Array): Promise<Uint8Array>;
  /** Gives every socket back. Exchanges under way fail; what was sent and has not left is lost. */
  stop(): Promise<void>;
}

/** What a transport needs of whoever uses it, and delivers to it. Must not throw. */
export interface TransportHandler {
  /** Opens a connection to a peer: at most 512 bytes, new ones each time. */
  hello(): Uint8Array;
  /** Whether the peer that opened a connection with these bytes is one. Until it has been let in, little is read from it. */
  admit(hello: Uint8Array): boolean;
  /** Bytes of a message; they may change once this has returned. */
  message(bytes: Uint8Array): void;
  /** Answers a question; undefined: no answer, the asker will fail. */
  question(bytes: Uint8Array): Uint8Array | undefined;
}
