import type { Clock } from '../core/clock.ts';
import { PeerError, reasonOf, WireError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { PeerTraffic, Telemetry } from '../core/telemetry.ts';
import type { Channel, Receiver } from './channel.ts';
import type { Peer } from './peer.ts';
import type { Transport } from './transport/transport.ts';
import type { Opened, Refused } from './wire/envelope.ts';
import { Envelope, envelopeBytes } from './wire/envelope.ts';

interface Subject {
  readonly traffic: PeerTraffic;
  /** Its messages are true for one host only, and so must not open anywhere else; others are sealed once for all hosts. */
  readonly isAddressed: boolean;
}

/** By their byte on the wire; never reordered. */
const SUBJECTS: readonly (Subject | undefined)[] = [
  undefined,
  { traffic: 'membership', isAddressed: false },
  { traffic: 'mesh', isAddressed: false },
  { traffic: 'gossip', isAddressed: false },
  { traffic: 'leader', isAddressed: true },
  { traffic: 'random-leaders', isAddressed: true },
  { traffic: 'top', isAddressed: true },
];

/** A sealed message says when it was sealed; it is not sent on much later than that. */
const SEAL_MS = 1_000;
const WARN_EVERY_MS = 60_000;

export interface MessengerOptions {
  readonly self: Peer;
  /** Known to all hosts of the deployment and nobody else. */
  readonly secret: string;
  /** May be started before or after; nothing is let in until it is handed over here. */
  readonly transport: Transport;
  readonly clock: Clock;
  readonly telemetry: Pick<Telemetry, 'peerMessage' | 'peerRefused'>;
  readonly logger: Logger;
}

/**
 * Carries the messages of all subjects over one transport: seals and opens them, hands each to its subject's receiver, and
 * counts them. Bytes are those of messages, questions and answers with envelope and framing; greetings of connections are not counted.
 */
export class Messenger {
  readonly #options: MessengerOptions;
  readonly #envelope: Envelope;
  readonly #receivers = new Map<number, Receiver>();
  #heard: (from: Peer) => void = () => {};
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(options: MessengerOptions) {
    this.#options = options;
    this.#envelope = new Envelope(options.self, options.secret, options.clock);
    options.transport.receive({
      hello: () => this.#envelope.seal('hello', 0, new Uint8Array()).bytes,
      admit: (bytes) => this.#accepted(this.#envelope.open(bytes), 'hello') !== undefined,
      message: (bytes) => this.#message(bytes),
      question: (bytes) => this.#question(bytes),
    });
  }

  /** `listener` is called for everything that another host has sent, before it is handed on: it lives. One listener. */
  onHeard(listener: (from: Peer) => void): void {
    this.#heard = listener;
  }

  /** The way of one subject; ask once for each. */
  channel(traffic: PeerTraffic): Channel {
    const number = SUBJECTS.findIndex((subject) => subject?.traffic === traffic);
    const isAddressed = SUBJECTS[number]?.isAddressed === true;
    const { self, transport } = this.#options;
    const maxPayload = transport.maxMessage - envelopeBytes(self);
    const sealed = new SealOnce();
    return {
      maxPayload,
      maxExchange: transport.maxExchange - envelopeBytes(self),
      send: (to, payload) => {
        if (payload.length > maxPayload) throw new RangeError(`a message of ${payload.length} bytes is too large`);
        const seal = (): Buffer => this.#envelope.seal('message', number, payload, isAddressed ? to : undefined).bytes;
        const bytes = isAddressed ? seal() : sealed.for(to, payload, this.#options.clock.monotonic(), seal);
        this.#count(traffic, 'sent', bytes.length + transport.framing.message);
        transport.send(to, bytes);
      },
      exchange: (to, payload) => this.#ask(to, number, traffic, payload),
      receive: (receiver) => this.#receivers.set(number, receiver),
    };
  }

  async #ask(to: string, number: number, traffic: PeerTraffic, payload: Uint8Array): Promise<Uint8Array> {
    const { transport } = this.#options;
    const question = this.#envelope.seal('question', number, payload);
    this.#count(traffic, 'sent', question.bytes.length + transport.framing.exchange);
    const bytes = await transport.exchange(to, question.bytes);
    const answer = this.#accepted(this.#envelope.openAnswer(bytes, question), 'answer');
    if (answer === undefined) throw new PeerError(`${to} cannot be asked: its answer is not to be believed`, false);
    this.#count(traffic, 'received', bytes.length + transport.framing.exchange);
    return answer.payload;
  }

  #message(bytes: Uint8Array): void {
    const opened = this.#accepted(this.#envelope.open(bytes), 'message');
    if (opened === undefined) return;
    const receiver = this.#receiverOf(opened, bytes.length + this.#options.transport.framing.message);
    if (receiver !== undefined) this.#guarded(opened, () => receiver.message(opened.from, opened.payload));
  }

  #question(bytes: Uint8Array): Uint8Array | undefined {
    const { framing } = this.#options.transport;
    const opened = this.#accepted(this.#envelope.open(bytes), 'question');
    if (opened === undefined) return undefined;
    const receiver = this.#receiverOf(opened, bytes.length + framing.exchange);
    if (receiver === undefined) return undefined;
    const payload = this.#guarded(opened, () => receiver.question(opened.from, opened.payload));
    if (payload === undefined) return undefined;
    const answer = this.#envelope.sealAnswer(opened, payload).bytes;
    const traffic = SUBJECTS[opened.subject]?.traffic;
    if (traffic !== undefined) this.#count(traffic, 'sent', answer.length + framing.exchange);
    return answer;
  }

  /** What was opened, if it is what belongs here; all else is counted. */
  #accepted(result: Opened | Refused, kind: Opened['kind']): Opened | undefined {
    if ('refused' in result) {
      this.#options.telemetry.peerRefused(result.refused);
      this.#warn(result);
      return undefined;
    }
    if (result.kind !== kind) {
      this.#options.telemetry.peerRefused('malformed');
      return undefined;
    }
    if (result.from.address !== this.#options.self.address) this.#heard(result.from);
    return result;
  }

  #receiverOf({ subject }: Opened, bytes: number): Receiver | undefined {
    const traffic = SUBJECTS[subject]?.traffic;
    const receiver = this.#receivers.get(subject);
    if (traffic === undefined || receiver === undefined) {
      // A host of another version or with other limits; it will learn of this one's when they are deployed.
      this.#options.telemetry.peerRefused('version');
      return undefined;
    }
    this.#count(traffic, 'received', bytes);
    return receiver;
  }

  /** No message ends a gateway, not even by a fault in what reads it. */
  #guarded<T>({ from, subject }: Opened, read: () => T): T | undefined {
    try {
      return read();
    } catch (error) {
      this.#options.telemetry.peerRefused('malformed');
      if (!(error instanceof WireError)) {
        const fields = { peer: from.address, subject: SUBJECTS[subject]?.traffic, reason: reasonOf(error) };
        this.#options.logger.error(fields, 'a message of a peer could not be handled');
      }
      return undefined;
    }
  }

  #count(traffic: PeerTraffic, direction: 'sent' | 'received', bytes: number): void {
    this.#options.telemetry.peerMessage(traffic, direction, bytes);
  }

  /** Once a minute at most, of what an operator must mend: everything else that is refused is only counted. */
  #warn({ refused, from }: Refused): void {
    const { self, clock, logger } = this.#options;
    if (from === undefined || clock.monotonic() - this.#warnedAt < WARN_EVERY_MS) return;
    const isTwin = from.address === self.address && from.incarnation > self.incarnation;
    if (refused !== 'clock' && !isTwin) return;
    this.#warnedAt = clock.monotonic();
    const what = isTwin
      ? 'another host calls itself by the address of this one: peers.advertise must differ'
      : 'the clock of a peer and that of this host differ by more than 10 s: its messages are refused';
    logger.warn({ peer: from.address }, what);
  }
}

/** Remembers what a payload became when it was sealed, for as long as the payload is in use, so that all hosts get the same bytes. */
class SealOnce {
  readonly #sealed = new WeakMap<Uint8Array, { bytes: Buffer; at: number; sentTo: Set<string> }>();

  /** A host gets the same sealed bytes once only: it would take a second time for a replay. */
  for(to: string, payload: Uint8Array, now: number, seal: () => Buffer): Buffer {
    const known = this.#sealed.get(payload);
    if (known !== undefined && now - known.at < SEAL_MS && !known.sentTo.has(to)) {
      known.sentTo.add(to);
      return known.bytes;
    }
    const bytes = seal();
    this.#sealed.set(payload, { bytes, at: now, sentTo: new Set([to]) });
    return bytes;
  }
}
