import type { Clock } from '../../core/clock.ts';
import { WireError } from '../../core/errors.ts';
import type { PeerRefusal } from '../../core/telemetry.ts';
import type { Peer } from '../peer.ts';
import { PeerKey, TAG_BYTES } from './peer-key.ts';
import { Reader } from './reader.ts';
import { MAX_CLOCK_GAP_MS, Senders } from './senders.ts';
import { Writer } from './writer.ts';

const MAGIC = 0xe0;
const VERSION = 1;
const ADDRESSED = 4;
const MAX_NUMBER_BYTES = 8;
/** Magic and version, kind, subject, the shortest address, three numbers, tag. */
const MIN_BYTES = 3 + 2 + 3 + TAG_BYTES;

/** `hello` opens a connection. */
export type Kind = 'message' | 'question' | 'answer' | 'hello';
const KINDS: readonly Kind[] = ['message', 'question', 'answer', 'hello'];

/** One message as it goes over the network. */
export interface Sealed {
  readonly bytes: Buffer;
  /** Names this message among all of its sender; an answer is bound to its question's. */
  readonly tag: string;
}

export interface Opened {
  readonly kind: Kind;
  readonly subject: number;
  readonly from: Peer;
  /** A part of the bytes that were opened, not copied. */
  readonly payload: Uint8Array;
  readonly tag: string;
}

export interface Refused {
  readonly refused: PeerRefusal;
  /** Who it was, when it could be authenticated. */
  readonly from: Peer | undefined;
}

/**
 * What is put around everything that peers send each other, version 1:
 *
 *     0xE0 + version | kind (bits 0, 1), addressed (bit 2) | subject | length, sender's address | its incarnation
 *     | sequence number | wall time, ms | payload | 16 bytes of HMAC-SHA-256 over all before and the context
 *
 * Numbers as {@link Writer.number}. The context is not sent: the receiver's address when `addressed`, the question's tag for
 * an answer, else nothing. It stands after the body, followed by its length in one byte.
 *
 * **What this keeps out, given a secret that cannot be guessed.** Who does not know the secret cannot make a message, nor
 * change one. Who can record and resend messages cannot have one taken twice by a host: sequence numbers of a sender are
 * taken once, whatever their order, and only 8,192 back; those of an earlier life of the sender are refused; and after
 * 10 s a message is refused for its time. An answer fits its question only.
 *
 * **What it does not keep out.** Everything can be read: counts, and the keys they are of, travel unencrypted. Who is on the
 * path can drop, delay (up to 10 s) and reorder; counts that only grow and are merged by maximum are made for that. A message
 * that is not addressed may be resent, once, to hosts it was not meant for, and a host that has just started may be sent those
 * of the last 10 s again, once: so it must be true for whoever gets it. Whoever knows the secret is believed in everything,
 * under any name. A host whose clock differs by more than 10 s is refused by all others, and refuses them.
 *
 * One sealed message may go to many hosts: its number is the sender's, not the receiver's.
 */
export class Envelope {
  readonly self: Peer;
  readonly #key: PeerKey;
  readonly #clock: Clock;
  readonly #senders: Senders;
  readonly #head: Writer;
  readonly #headBytes: number;
  #messages = 0;
  #sessions = 0;

  /** @throws SluiceError SLUICE_WIRE_MALFORMED for an address that is not 1 to 255 characters of printable ASCII */
  constructor(self: Peer, secret: string, clock: Clock) {
    if (!/^[\x21-\x7e]{1,255}$/.test(self.address)) throw new WireError(`"${self.address}" cannot be a host's address`);
    this.self = self;
    this.#key = new PeerKey(secret);
    this.#clock = clock;
    this.#senders = new Senders(clock);
    this.#head = new Writer(envelopeBytes(self));
    this.#head.byte(MAGIC | VERSION);
    this.#head.byte(0);
    this.#head.byte(0);
    this.#head.shortText(self.address);
    this.#head.number(self.incarnation);
    this.#headBytes = this.#head.length;
  }

  /**
   * @param to when given, only the host of this address (as it calls itself) can open it
   */
  seal(kind: 'message' | 'question' | 'hello', subject: number, payload: Uint8Array, to?: string): Sealed {
    const sequence = kind === 'message' ? ++this.#messages : ++this.#sessions;
    return this.#seal(kind, subject, payload, sequence, to !== undefined, to ?? '');
  }

  /** The answer to a question that was opened; only who asked can open it. */
  sealAnswer(question: Opened, payload: Uint8Array): Sealed {
    return this.#seal('answer', question.subject, payload, 0, false, question.tag);
  }

  /** Opens anything but an answer. Takes each message once; costs an HMAC whatever the bytes are, and throws for none. */
  open(bytes: Uint8Array): Opened | Refused {
    return this.#open(bytes, undefined);
  }

  /** Opens the answer to `question`. */
  openAnswer(bytes: Uint8Array, question: Sealed): Opened | Refused {
    return this.#open(bytes, question.tag);
  }

  #seal(kind: Kind, subject: number, payload: Uint8Array, sequence: number, isAddressed: boolean, context: string) {
    const head = this.#head;
    head.backTo(this.#headBytes);
    head.number(sequence);
    head.number(this.#clock.now());
    const bytes = Buffer.allocUnsafe(head.length + payload.length + TAG_BYTES);
    bytes.set(head.view());
    bytes[1] = KINDS.indexOf(kind) | (isAddressed ? ADDRESSED : 0);
    bytes[2] = subject;
    bytes.set(payload, head.length);
    this.#key.sign(bytes, context);
    return { bytes, tag: tagOf(bytes) };
  }

  #open(data: Uint8Array, questionTag: string | undefined): Opened | Refused {
    if (data.length < MIN_BYTES) return refused('malformed');
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const first = bytes[0] ?? 0;
    const flags = bytes[1] ?? 0;
    if ((first & 0xf0) !== MAGIC) return refused('malformed');
    if (first !== (MAGIC | VERSION)) return refused('version');
    const kind = KINDS[flags & 3];
    const isAddressed = (flags & ADDRESSED) !== 0;
    if (kind === undefined || flags > 7 || (kind === 'answer') !== (questionTag !== undefined)) {
      return refused('malformed');
    }
    // Nothing else is looked at before this.
    if (!this.#key.verify(bytes, questionTag ?? (isAddressed ? this.self.address : ''))) {
      return refused('unauthenticated');
    }
    try {
      const reader = new Reader(bytes.subarray(3, bytes.length - TAG_BYTES));
      const [address, incarnation, sequence, time] = [
        reader.shortText(),
        reader.number(),
        reader.number(),
        reader.number(),
      ];
      const from = this.#take({ address, incarnation }, sequence, time, kind);
      if ('refused' in from) return from;
      return { kind, subject: bytes[2] ?? 0, from, payload: reader.rest(), tag: tagOf(bytes) };
    } catch (error) {
      if (error instanceof WireError) return refused('malformed');
      throw error;
    }
  }

  #take(from: Peer, sequence: number, time: number, kind: Kind): Peer | Refused {
    // An answer is as fresh as its question, which is our own.
    if (kind === 'answer') return from;
    if (Math.abs(this.#clock.now() - time) > MAX_CLOCK_GAP_MS) return refused('clock', from);
    // Our own messages can only come back to us by somebody's hand; questions to ourselves by another of our names.
    if (kind === 'message' && from.address === this.self.address) return refused('replayed', from);
    const taken = this.#senders.take(from.address, from.incarnation, sequence, kind !== 'message');
    return typeof taken === 'string' ? refused(taken, from) : taken;
  }
}

/** Most bytes that the envelope adds to a payload of this sender. */
export function envelopeBytes(self: Peer): number {
  return 4 + self.address.length + 3 * MAX_NUMBER_BYTES + TAG_BYTES;
}

function tagOf(bytes: Buffer): string {
  return bytes.toString('latin1', bytes.length - TAG_BYTES);
}

function refused(reason: PeerRefusal, from?: Peer): Refused {
  return { refused: reason, from };
}
