import type { Timer } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import { FRAME_HEAD, PREFACE } from './frames.ts';
import { addressToBind, parseHostPort } from './host-port.ts';
import type { TransportOptions } from './tcp-endpoint.ts';
import { TcpEndpoint } from './tcp-endpoint.ts';
import { TcpLink } from './tcp-link.ts';
import type { Transport, TransportHandler } from './transport.ts';
import { MAX_EXCHANGE } from './transport.ts';

const MAX_MESSAGE = 64 << 10;
const MAX_LINKS = 4_096;
const LOOK_MS = 500;

/**
 * Everything over TCP: each host opens one connection to every peer it has messages for, and one for each question. For
 * networks that lose or forbid datagrams; costs a connection in each direction between any two hosts that talk.
 */
export class TcpTransport implements Transport {
  readonly maxMessage = MAX_MESSAGE;
  readonly maxExchange = MAX_EXCHANGE;
  readonly framing;
  readonly #options: TransportOptions & { readonly random: Random };
  readonly #endpoint: TcpEndpoint;
  readonly #links = new Map<string, TcpLink>();
  #timer: Timer | undefined;

  constructor(options: TransportOptions & { readonly random: Random }) {
    this.#options = options;
    this.#endpoint = new TcpEndpoint(options, MAX_MESSAGE);
    this.framing = { message: FRAME_HEAD, exchange: this.#endpoint.framing };
  }

  receive(handler: TransportHandler): void {
    this.#endpoint.receive(handler);
  }

  async start(): Promise<number> {
    const { listen, clock } = this.#options;
    const port = await this.#endpoint.listen(await addressToBind(listen), listen.port);
    this.#timer = clock.every(LOOK_MS, () => this.#look());
    return port;
  }

  send(to: string, bytes: Uint8Array): void {
    if (this.#timer === undefined || bytes.length > MAX_MESSAGE) return;
    this.#linkTo(to)?.send(bytes);
  }

  exchange(to: string, bytes: Uint8Array): Promise<Uint8Array> {
    return this.#endpoint.exchange(to, bytes);
  }

  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    for (const link of this.#links.values()) link.close();
    this.#links.clear();
    await this.#endpoint.stop();
  }

  #linkTo(to: string): TcpLink | undefined {
    const known = this.#links.get(to);
    if (known !== undefined) return known;
    const address = parseHostPort(to);
    if (address === undefined) return undefined;
    if (this.#links.size >= MAX_LINKS) {
      this.#options.telemetry.peerRefused('overloaded');
      return undefined;
    }
    const { clock, random, telemetry } = this.#options;
    const opening = (): Buffer => Buffer.concat([PREFACE, this.#endpoint.greeting()]);
    const link = new TcpLink(address, { clock, random, telemetry, opening });
    this.#links.set(to, link);
    return link;
  }

  #look(): void {
    const now = this.#options.clock.monotonic();
    for (const [to, link] of this.#links) {
      if (link.look(now)) continue;
      link.close();
      this.#links.delete(to);
    }
  }
}
