import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Telemetry } from '../../core/telemetry.ts';
import { Asking } from './asking.ts';
import { FRAME_HEAD, frame, HELLO, PREFACE, QUESTION } from './frames.ts';
import type { HostPort } from './host-port.ts';
import { cannotListen } from './host-port.ts';
import { Inbound } from './inbound.ts';
import type { TransportHandler } from './transport.ts';
import { MAX_EXCHANGE } from './transport.ts';

/** What both transports are built with. */
export interface TransportOptions {
  readonly listen: HostPort;
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, 'peerRefused'>;
  /** Milliseconds until a question without an answer is given up, connecting included. Default 3,000. */
  readonly exchangeTimeoutMs?: number;
  /** Most connections from outside at a time. Default 4,096. */
  readonly maxConnections?: number;
}

const SWEEP_MS = 1_000;
/** Connections that have not said who they are; a peer does so with its first packet. */
const MAX_STRANGERS = 128;
const MAX_QUESTIONS_OUT = 256;

/** The TCP side of a transport: lets peers in, answers their questions, and asks them. */
export class TcpEndpoint {
  readonly framing = PREFACE.length + 2 * FRAME_HEAD;
  readonly #options: TransportOptions;
  readonly #maxMessage: number | undefined;
  #server: Server | undefined;
  #handler: TransportHandler | undefined;
  #sweeper: Timer | undefined;
  readonly #budget = { held: 0 };
  readonly #inbound = new Set<Inbound>();
  readonly #strangers = new Set<Inbound>();
  readonly #asking = new Set<Asking>();

  /** @param maxMessage most bytes of a message that comes by connection; undefined: none does */
  constructor(options: TransportOptions, maxMessage?: number) {
    this.#options = options;
    this.#maxMessage = maxMessage;
  }

  get handler(): TransportHandler | undefined {
    return this.#handler;
  }
  receive(handler: TransportHandler): void {
    this.#handler = handler;
  }

  /** @throws SluiceError SLUICE_LISTEN */
  listen(host: string, port: number): Promise<number> {
    const { listen, maxConnections, telemetry, clock } = this.#options;
    return new Promise((resolve, reject) => {
      const server = createServer({ noDelay: true, keepAlive: true }, (socket) => this.#accept(socket));
      server.maxConnections = maxConnections ?? 4_096;
      server.on('drop', () => telemetry.peerRefused('overloaded'));
      server.on('error', (error) => reject(cannotListen(listen, error)));
      server.listen({ host, port, backlog: 1_024 }, () => {
        this.#server = server;
        this.#sweeper = clock.every(SWEEP_MS, () => this.#sweep());
        resolve((server.address() as AddressInfo).port);
      });
    });
  }

  async exchange(to: string, bytes: Uint8Array): Promise<Uint8Array> {
    const { clock, exchangeTimeoutMs } = this.#options;
    const asking = new Asking(to, clock, exchangeTimeoutMs ?? 3_000);
    if (this.#server === undefined) throw asking.fault('this host has stopped');
    if (bytes.length > MAX_EXCHANGE) throw asking.fault(`a question of ${bytes.length} bytes is too large`);
    if (this.#asking.size >= MAX_QUESTIONS_OUT) throw asking.fault('too many questions are waiting');
    this.#asking.add(asking);
    try {
      return await asking.run([PREFACE, this.greeting(), frame(QUESTION, bytes)]);
    } finally {
      this.#asking.delete(asking);
    }
  }

  /** The frame that opens a connection. */
  greeting(): Buffer {
    const hello = this.#handler?.hello() ?? new Uint8Array();
    return frame(HELLO, hello);
  }

  async stop(): Promise<void> {
    this.#sweeper?.cancel();
    const server = this.#server;
    this.#server = undefined;
    for (const asking of this.#asking) asking.stop('this host has stopped');
    for (const inbound of this.#inbound) inbound.close();
    await new Promise<void>((resolve) => {
      if (server === undefined) resolve();
      else server.close(() => resolve());
    });
  }

  #accept(socket: Socket): void {
    const { clock, telemetry } = this.#options;
    const [oldest] = this.#strangers;
    if (oldest !== undefined && this.#strangers.size >= MAX_STRANGERS) {
      telemetry.peerRefused('overloaded');
      oldest.close();
    }
    const inbound = new Inbound(socket, {
      clock,
      telemetry,
      maxMessage: this.#maxMessage,
      budget: this.#budget,
      handler: () => this.#handler,
      admitted: () => this.#strangers.delete(inbound),
      closed: () => {
        this.#strangers.delete(inbound);
        this.#inbound.delete(inbound);
      },
    });
    this.#inbound.add(inbound);
    this.#strangers.add(inbound);
  }

  #sweep(): void {
    const now = this.#options.clock.monotonic();
    for (const inbound of this.#inbound) inbound.look(now);
  }
}
