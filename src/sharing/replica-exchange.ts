/** Whole states, page by page, as questions and answers. */
import type { Channel } from '../cluster/channel.ts';
import type { CountingMessage, CountsMessage } from '../cluster/wire/counts.ts';
import { WireError } from '../core/errors.ts';
import type { Replica } from './replica.ts';
import type { ReplicaSlot } from './replica-counter.ts';
import { ReplicaNews } from './replica-news.ts';

/** Messages to bytes and back: `encodeCounts` and `decodeCounts` of cluster/wire, or what a simulation puts around them. */
export interface CountsCodec {
  /** @returns payloads of at most `maxPayload` bytes that can each be read alone */
  encode(message: CountingMessage, maxPayload: number): Uint8Array[];
  /** @throws WireError */
  decode(payload: Uint8Array): CountingMessage;
}

/** What a page begins with, and the number of the page after it. */
export interface Page {
  readonly payload: Uint8Array;
  readonly next: number;
}

export const END = 0xffff_ffff;
/** What an exchange may answer with that a way of sharing defines for itself, from here to 255. */
export const FIRST_FREE = 2;
export const EMPTY: Page = { payload: new Uint8Array(0), next: END };

/** A page is about so large: a millisecond or two of work at each end. */
const PAGE_BYTES = 65_536;
/** What comes before the payload: what is asked for (questions only), and a page number. */
const QUESTION_HEAD = 5;
const ANSWER_HEAD = 4;
/** No exchange goes on for longer; a larger state is told by the next ones in part. */
const MAX_PAGES = 2_000;

/** Everything of a replica that `add` takes, from counter number `from` on, as one page. */
export function pageOf(
  replica: Replica,
  from: number,
  at: { readonly now: number; readonly monotonic: number },
  add: (news: ReplicaNews, slot: ReplicaSlot) => void,
): { readonly message: CountsMessage; readonly next: number } {
  const news = new ReplicaNews(replica, at.now, at.monotonic);
  let number = 0;
  for (const counter of replica.counters()) {
    if (number++ < from || counter.expiresAt <= at.now) continue;
    for (const slot of counter.slots) if ((slot.index + slot.keep) * slot.sliceMs > at.now) add(news, slot);
    if (news.bytes >= PAGE_BYTES) return { message: news.message(), next: number };
  }
  return { message: news.message(), next: END };
}

/** A message as a page. Of one that is larger than any exchange only the first part. */
export function pageFor(message: CountingMessage, next: number, codec: CountsCodec, channel: Channel): Page {
  if (message.records.length === 0) return { payload: EMPTY.payload, next };
  const [payload = EMPTY.payload] = codec.encode(message, channel.maxExchange - QUESTION_HEAD);
  return { payload, next };
}

export interface Exchange {
  readonly channel: Channel;
  readonly to: string;
  /** What to answer with: known to both ends, below 256. */
  readonly what: number;
  /** This host's pages. */
  push(from: number): Page;
  take(payload: Uint8Array): void;
  /** Whether to go on with the next page. */
  wanted(): boolean;
}

/**
 * Tells one host this one's pages and takes in its own, a pair a time.
 * @throws PeerError when it does not answer; WireError when the answer cannot be read
 */
export async function exchangePages({ channel, to, what, push, take, wanted }: Exchange): Promise<void> {
  let [mine, theirs] = [0, 0];
  for (let i = 0; i < MAX_PAGES && (mine !== END || theirs !== END) && wanted(); i++) {
    const page = mine === END ? EMPTY : push(mine);
    const answer = await channel.exchange(to, framed(QUESTION_HEAD, theirs, page.payload, what));
    const { number, payload } = unframed(answer, ANSWER_HEAD);
    if (payload.length > 0) take(payload);
    mine = page.next;
    theirs = number;
  }
}

/** The question that {@link exchangePages} asks. @throws WireError */
export function readQuestion(question: Uint8Array): {
  readonly what: number;
  readonly from: number;
  readonly payload: Uint8Array;
} {
  const { number, payload } = unframed(question, QUESTION_HEAD);
  return { what: question[ANSWER_HEAD] ?? 0, from: number, payload };
}

export function answerWith({ payload, next }: Page): Uint8Array {
  return framed(ANSWER_HEAD, next, payload);
}

function framed(head: number, number: number, payload: Uint8Array, what = 0): Uint8Array {
  const bytes = new Uint8Array(head + payload.length);
  new DataView(bytes.buffer).setUint32(0, number);
  if (head > ANSWER_HEAD) bytes[ANSWER_HEAD] = what;
  bytes.set(payload, head);
  return bytes;
}

function unframed(bytes: Uint8Array, head: number): { readonly number: number; readonly payload: Uint8Array } {
  if (bytes.length < head) throw new WireError('is too short for a page of counts');
  const number = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(0);
  return { number, payload: bytes.subarray(head) };
}
