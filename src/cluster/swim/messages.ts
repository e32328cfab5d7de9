import { WireError } from '../../core/errors.ts';
import type { Peer } from '../peer.ts';
import { Reader } from '../wire/reader.ts';
import { Writer } from '../wire/writer.ts';
import type { Claim } from './claim.ts';
import { SAYINGS } from './claim.ts';

/**
 * What membership says. Numbers and texts as in wire/writer.ts; a claim is
 *
 *     saying | length, address | incarnation | refutation | seconds since (`dead` only)
 *
 * and claims fill the rest of whatever carries them.
 */
export type Message =
  /** Are you there? */
  | { readonly kind: 'ping'; readonly ticket: number; readonly claims: readonly Claim[] }
  /** I am. */
  | { readonly kind: 'ack'; readonly ticket: number; readonly claims: readonly Claim[] }
  /** Ask `target` for me. */
  | { readonly kind: 'ask'; readonly ticket: number; readonly target: string; readonly claims: readonly Claim[] }
  /** It answered, in its life `incarnation`. */
  | {
      readonly kind: 'relayed';
      readonly ticket: number;
      readonly incarnation: number;
      readonly claims: readonly Claim[];
    }
  /** Only claims. */
  | { readonly kind: 'news'; readonly claims: readonly Claim[] };

/** `who`: only who is there. `all`: everything known, from both. */
export interface Question {
  readonly kind: 'who' | 'all';
  readonly claims: readonly Claim[];
}

export interface Answer {
  /** Who answered, whatever name was asked for. */
  readonly self: Peer;
  readonly claims: readonly Claim[];
}

/** The head of a message, without its claims. */
export type MessageHead =
  | { readonly kind: 'ping' | 'ack'; readonly ticket: number }
  | { readonly kind: 'ask'; readonly ticket: number; readonly target: string }
  | { readonly kind: 'relayed'; readonly ticket: number; readonly incarnation: number }
  | { readonly kind: 'news' };

const KINDS = ['ping', 'ack', 'ask', 'relayed', 'news'] as const;
const QUESTIONS = ['who', 'all'] as const;

/** How hosts spell their names is for them to say. */
const HOST_PORT = /^\S+:\d{1,5}$/;
/** A host refutes when it is doubted: at most some times a second. */
const MAX_REFUTATION = 2 ** 32;

/** A message that waits for its claims. */
export function startMessage(head: MessageHead, maxBytes: number): Writer {
  const writer = new Writer(maxBytes);
  writer.byte(KINDS.indexOf(head.kind));
  if (head.kind !== 'news') writer.number(head.ticket);
  if (head.kind === 'ask') writer.shortText(head.target);
  if (head.kind === 'relayed') writer.number(head.incarnation);
  return writer;
}

export function startQuestion(kind: Question['kind'], maxBytes: number): Writer {
  const writer = new Writer(maxBytes);
  writer.byte(QUESTIONS.indexOf(kind));
  return writer;
}

export function startAnswer(self: Peer, maxBytes: number): Writer {
  const writer = new Writer(maxBytes);
  writer.shortText(self.address);
  writer.number(self.incarnation);
  return writer;
}

/** Whether it fitted; if not, nothing has been written. */
export function writeClaim(writer: Writer, claim: Claim): boolean {
  const before = writer.length;
  writer.byte(SAYINGS.indexOf(claim.says));
  writer.shortText(claim.address);
  writer.number(claim.incarnation);
  writer.number(claim.refutation);
  if (claim.says === 'dead') writer.number(Math.round(claim.ageMs / 1_000));
  if (writer.overflowed) writer.backTo(before);
  return writer.length > before;
}

/** @throws WireError */
export function readMessage(payload: Uint8Array): Message {
  const reader = new Reader(payload);
  const kind = KINDS[reader.byte()];
  if (kind === undefined) throw new WireError('is of no known kind');
  if (kind === 'news') return { kind, claims: readClaims(reader) };
  const ticket = reader.number();
  if (kind === 'ask') return { kind, ticket, target: readAddress(reader), claims: readClaims(reader) };
  if (kind === 'relayed') return { kind, ticket, incarnation: reader.number(), claims: readClaims(reader) };
  return { kind, ticket, claims: readClaims(reader) };
}

/** @throws WireError */
export function readQuestion(payload: Uint8Array): Question {
  const reader = new Reader(payload);
  const kind = QUESTIONS[reader.byte()];
  if (kind === undefined) throw new WireError('is no known question');
  return { kind, claims: readClaims(reader) };
}

/** @throws WireError */
export function readAnswer(payload: Uint8Array): Answer {
  const reader = new Reader(payload);
  const self = { address: readAddress(reader), incarnation: reader.number() };
  return { self, claims: readClaims(reader) };
}

function readClaims(reader: Reader): Claim[] {
  const claims: Claim[] = [];
  while (reader.left > 0) {
    const says = SAYINGS[reader.byte()];
    if (says === undefined) throw new WireError('says what nobody says of a host');
    const address = readAddress(reader);
    const incarnation = reader.number();
    const refutation = reader.number();
    if (refutation > MAX_REFUTATION) throw new WireError('has more refutations than there can be');
    const ageMs = says === 'dead' ? Math.min(reader.number() * 1_000, Number.MAX_SAFE_INTEGER) : 0;
    claims.push({ address, incarnation, refutation, says, ageMs });
  }
  return claims;
}

function readAddress(reader: Reader): string {
  const address = reader.shortText();
  if (!HOST_PORT.test(address)) throw new WireError('has an address that is not host:port');
  return address;
}
