import type { Socket } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import type { PeerRefusal, Telemetry } from '../../core/telemetry.ts';
import { ACK, ANSWER, FrameReader, frame, HELLO, MAX_HELLO, MESSAGE, QUESTION } from './frames.ts';
import type { TransportHandler } from './transport.ts';
import { MAX_EXCHANGE } from './transport.ts';

/** From its first moment until a connection has said who it is, and from a frame's first byte to its last. */
const ADMIT_MS = 2_000;
const FRAME_MS = 10_000;
const IDLE_MS = 120_000;

/** Over all connections, bytes of frames that are not complete yet. */
const MAX_HELD_BYTES = 64 << 20;

export interface InboundOptions {
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, 'peerRefused'>;
  readonly maxMessage: number | undefined;
  /** Shared by all connections: bytes held of frames that are not complete. */
  readonly budget: { held: number };
  handler(): TransportHandler | undefined;
  /** The connection is a peer's. */
  admitted(): void;
  closed(): void;
}

/**
 * A connection that somebody else opened: a greeting, then either messages or one question. Until the greeting has been
 * accepted at most {@link MAX_HELLO} bytes are read, for at most 2 to 3 seconds.
 */
export class Inbound {
  readonly #socket: Socket;
  readonly #options: InboundOptions;
  readonly #reader: FrameReader;
  #state: 'stranger' | 'peer' | 'answered' | 'closed' = 'stranger';
  #dueAt: number;
  #frameSince: number | undefined;
  #owesAck = false;

  constructor(socket: Socket, options: InboundOptions) {
    this.#socket = socket;
    this.#options = options;
    this.#dueAt = options.clock.monotonic() + ADMIT_MS;
    this.#reader = new FrameReader(
      true,
      (type) => this.#limitOf(type),
      (type, bytes) => this.#take(type, bytes),
    );
    socket.on('data', (chunk: Buffer) => this.#read(chunk));
    // Whatever goes wrong with a socket ends in `close`.
    socket.on('error', () => {});
    socket.on('close', () => this.close());
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    this.#options.budget.held -= this.#reader.held;
    this.#socket.destroy();
    this.#options.closed();
  }

  /** Looked after once in a while: says what was read, and ends what takes too long. */
  look(now: number): void {
    if (this.#owesAck && this.#state === 'peer') {
      this.#owesAck = false;
      this.#socket.write(frame(ACK, new Uint8Array()));
    }
    const frameDueAt = this.#frameSince === undefined ? Number.POSITIVE_INFINITY : this.#frameSince + FRAME_MS;
    if (now < this.#dueAt && now < frameDueAt) return;
    if (this.#state === 'stranger') this.#refuse('unauthenticated');
    else if (this.#frameSince !== undefined) this.#refuse('malformed');
    else this.close();
  }

  #limitOf(type: number): number | undefined {
    if (this.#state === 'stranger') return type === HELLO ? MAX_HELLO : undefined;
    if (type === QUESTION) return MAX_EXCHANGE;
    return type === MESSAGE ? this.#options.maxMessage : undefined;
  }

  #read(chunk: Buffer): void {
    if (this.#state === 'answered' || this.#state === 'closed') return;
    const { budget, clock } = this.#options;
    const before = this.#reader.held;
    const fault = this.#reader.push(chunk);
    if (this.#isClosed()) return;
    budget.held += this.#reader.held - before;
    const reason = fault ?? (budget.held > MAX_HELD_BYTES ? 'overloaded' : undefined);
    if (reason !== undefined) this.#refuse(reason);
    if (this.#state !== 'peer') return;
    const now = clock.monotonic();
    this.#dueAt = now + IDLE_MS;
    if (!this.#reader.isInsideFrame) this.#frameSince = undefined;
    else if (this.#frameSince === undefined || before === 0) this.#frameSince = now;
  }

  #take(type: number, bytes: Buffer): boolean {
    const handler = this.#options.handler();
    if (handler === undefined) {
      this.close();
      return false;
    }
    // A new frame has a time of its own.
    this.#frameSince = undefined;
    if (type === HELLO) {
      // The handler says why.
      if (!handler.admit(bytes)) this.close();
      else {
        this.#state = 'peer';
        this.#options.admitted();
      }
      return this.#state === 'peer';
    }
    if (type === QUESTION) {
      this.#answer(handler.question(bytes));
      return false;
    }
    this.#owesAck = true;
    handler.message(bytes);
    return !this.#isClosed();
  }

  #answer(answer: Uint8Array | undefined): void {
    if (answer === undefined || answer.length > MAX_EXCHANGE) {
      this.close();
      return;
    }
    this.#state = 'answered';
    this.#dueAt = this.#options.clock.monotonic() + FRAME_MS;
    this.#socket.end(frame(ANSWER, answer));
  }

  /** Asked anew: a callback may have closed it. */
  #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #refuse(reason: PeerRefusal): void {
    this.#options.telemetry.peerRefused(reason);
    this.close();
  }
}
