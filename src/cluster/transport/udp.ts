import type { Socket } from 'node:dgram';
import { createSocket } from 'node:dgram';
import { isIPv6 } from 'node:net';
import { AddressBook } from './address-book.ts';
import { addressToBind, cannotListen, codeOf } from './host-port.ts';
import type { TransportOptions } from './tcp-endpoint.ts';
import { TcpEndpoint } from './tcp-endpoint.ts';
import type { Transport, TransportHandler } from './transport.ts';
import { MAX_EXCHANGE } from './transport.ts';

/** Fits the smallest usual path, 1,500 bytes less tunnels and headers, so that nothing is cut into fragments. */
const MAX_PACKET = 1_400;
/** What the system has not taken yet; it takes everything at once unless its own buffer is full. */
const MAX_UNSENT_BYTES = 1 << 20;
const RECEIVE_BUFFER = 4 << 20;
const PORT_TRIES = 20;

/** Messages by datagram, questions by TCP on the same port number. */
export class UdpTransport implements Transport {
  readonly maxMessage = MAX_PACKET;
  readonly maxExchange = MAX_EXCHANGE;
  readonly framing;
  readonly #options: TransportOptions;
  readonly #endpoint: TcpEndpoint;
  #socket: Socket | undefined;
  #book: AddressBook;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#endpoint = new TcpEndpoint(options);
    this.#book = new AddressBook(options.clock, 4);
    this.framing = { message: 0, exchange: this.#endpoint.framing };
  }

  receive(handler: TransportHandler): void {
    this.#endpoint.receive(handler);
  }

  async start(): Promise<number> {
    const { listen } = this.#options;
    const host = await addressToBind(listen);
    for (let tries = 1; ; tries++) {
      const port = await this.#endpoint.listen(host, listen.port);
      try {
        this.#socket = await this.#bind(host, port);
        return port;
      } catch (error) {
        await this.#endpoint.stop();
        // The system chose a port that is free for one protocol only: let it choose again.
        if (listen.port === 0 && codeOf(error) === 'EADDRINUSE' && tries < PORT_TRIES) continue;
        throw cannotListen({ host: listen.host, port }, error);
      }
    }
  }

  send(to: string, bytes: Uint8Array): void {
    if (bytes.length > MAX_PACKET) return;
    this.#book.find(to, (ip, port) => this.#sendTo(ip, port, bytes));
  }

  exchange(to: string, bytes: Uint8Array): Promise<Uint8Array> {
    return this.#endpoint.exchange(to, bytes);
  }

  async stop(): Promise<void> {
    const socket = this.#socket;
    this.#socket = undefined;
    await new Promise<void>((resolve) => {
      if (socket === undefined) resolve();
      else socket.close(() => resolve());
    });
    await this.#endpoint.stop();
  }

  #sendTo(ip: string, port: number, bytes: Uint8Array): void {
    const socket = this.#socket;
    if (socket === undefined) return;
    if (socket.getSendQueueSize() > MAX_UNSENT_BYTES) {
      this.#options.telemetry.peerRefused('overloaded');
      return;
    }
    // Whether it arrives is not known anyhow; the callback keeps an error from being thrown.
    socket.send(bytes, port, ip, ignore);
  }

  #bind(host: string, port: number): Promise<Socket> {
    const family = isIPv6(host) ? 6 : 4;
    this.#book = new AddressBook(this.#options.clock, family);
    return new Promise((resolve, reject) => {
      const socket = createSocket({
        type: family === 6 ? 'udp6' : 'udp4',
        recvBufferSize: RECEIVE_BUFFER,
        // Addresses are ready when they come here: the usual lookup would put each packet off by a tick.
        lookup: (address, _options, done) => done(null, address, family),
      });
      socket.once('error', (error) => {
        socket.on('error', ignore);
        socket.close();
        reject(error);
      });
      socket.on('message', (packet) => this.#received(packet));
      socket.bind({ address: host, port, exclusive: true }, () => {
        // Bound: what fails later concerns one packet.
        socket.removeAllListeners('error').on('error', ignore);
        resolve(socket);
      });
    });
  }

  #received(packet: Buffer): void {
    if (packet.length > MAX_PACKET) this.#options.telemetry.peerRefused('too_large');
    else this.#endpoint.handler?.message(packet);
  }
}

function ignore(): void {}
