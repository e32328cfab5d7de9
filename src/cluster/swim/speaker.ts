import type { Channel } from '../channel.ts';
import type { Peer } from '../peer.ts';
import type { Writer } from '../wire/writer.ts';
import type { Claim } from './claim.ts';
import type { MemberList } from './member-list.ts';
import { accusationOf, claimOf } from './member-record.ts';
import type { Answer, MessageHead, Question } from './messages.ts';
import { readAnswer, startAnswer, startMessage, startQuestion, writeClaim } from './messages.ts';
import { News } from './news.ts';

/** Most hosts that {@link Speaker.sayGoodbye} writes to; they pass it on. */
const GOODBYES = 32;

export interface SpeakerOptions {
  readonly self: Peer;
  readonly channel: Channel;
  readonly list: MemberList;
  /** So that no clock of others has to be believed, deaths are told with their age. Monotonic milliseconds. */
  readonly now: () => number;
}

/** What this host says: each message with what is said of its receiver, so that it can refute that, and as much news as fits. */
export class Speaker {
  readonly #options: SpeakerOptions;
  readonly #news = new News();
  #refutation = 0;
  #left = false;
  /** Where a state that does not fit into one answer went on. */
  #offset = 0;

  constructor(options: SpeakerOptions) {
    this.#options = options;
  }

  get refutation(): number {
    return this.#refutation;
  }
  get hasNews(): boolean {
    return this.#news.size > 0;
  }

  /** Others should know of this host, or of this one itself. */
  tell(address: string): void {
    this.#news.add(address);
  }

  /** Says that this host lives, and that who says otherwise under `refutation` or a lower one is wrong. */
  refute(refutation: number): void {
    this.#refutation = Math.max(this.#refutation, refutation) + 1;
    this.#news.add(this.#options.self.address);
  }

  /** Of another life of this host, the number may be known to others already. */
  catchUp(refutation: number): void {
    this.#refutation = Math.max(this.#refutation, refutation);
  }

  send(to: string, head: MessageHead): void {
    const { channel, list } = this.#options;
    const writer = startMessage(head, channel.maxPayload);
    this.#accuse(writer, to);
    this.#news.fill(writer, list.present.size + 1, this.#describe);
    // The writer ends here, so what it wrote into is the message's own.
    channel.send(to, writer.view());
  }

  /**
   * Asks, and hears who answered.
   * @throws PeerError
   * @throws WireError when the answer is none
   */
  async ask(to: string, kind: Question['kind']): Promise<Answer> {
    const { channel } = this.#options;
    const writer = startQuestion(kind, channel.maxExchange);
    this.#accuse(writer, to);
    if (kind === 'all') this.#writeAll(writer);
    return readAnswer(await channel.exchange(to, writer.view()));
  }

  answer(kind: Question['kind'], from: string): Uint8Array {
    const { self, channel } = this.#options;
    const writer = startAnswer(self, channel.maxExchange);
    this.#accuse(writer, from);
    if (kind === 'all') this.#writeAll(writer);
    else writeClaim(writer, this.#ownClaim());
    return writer.view();
  }

  /** Nobody needs to wonder where this host has gone. Sent twice, for one packet may be lost. */
  sayGoodbye(): void {
    const { channel, list } = this.#options;
    this.#left = true;
    const writer = startMessage({ kind: 'news' }, channel.maxPayload);
    writeClaim(writer, this.#ownClaim());
    const receivers = list.present.some(GOODBYES);
    for (let i = 0; i < 2; i++) for (const { address } of receivers) channel.send(address, writer.view());
  }

  /** All that is known, this host first; of more than fits, another part each time. */
  #writeAll(writer: Writer): void {
    const { list, now } = this.#options;
    writeClaim(writer, this.#ownClaim());
    const records = [...list.records()];
    for (let i = 0; i < records.length; i++) {
      const record = records[(this.#offset + i) % records.length];
      if (record === undefined || record.incarnation === 0 || record.forgotten) continue;
      if (writeClaim(writer, claimOf(record, now()))) continue;
      this.#offset = (this.#offset + i) % records.length;
      return;
    }
  }

  #accuse(writer: Writer, to: string): void {
    const record = this.#options.list.get(to);
    const accusation = record === undefined ? undefined : accusationOf(record);
    if (accusation !== undefined) writeClaim(writer, accusation);
  }

  readonly #describe = (address: string): Claim | undefined => {
    const { self, list, now } = this.#options;
    if (address === self.address) return this.#ownClaim();
    const record = list.get(address);
    return record === undefined || record.forgotten ? undefined : claimOf(record, now());
  };

  #ownClaim(): Claim {
    const { address, incarnation } = this.#options.self;
    return { address, incarnation, refutation: this.#refutation, says: this.#left ? 'left' : 'alive', ageMs: 0 };
  }
}
