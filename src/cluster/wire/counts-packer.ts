import type { CountingMessage, CountRecord, CountSlot, HostTally, OriginNews, Tally, TotalRecord } from './counts.ts';
import {
  ASKED_TOLD,
  COUNTS,
  LAST_TALLY,
  MAX_RECORDS,
  MAX_TALLIES,
  RETURNED_TOLD,
  TALLY_FLAGS,
  TOTALS,
  VERSION,
} from './counts-layout.ts';
import { FIRST_FREE_FLAG, MAX_SLOT_BYTES, NO_SLOT, writeSlot } from './slot-codec.ts';
import { sizeOfNumber, Writer } from './writer.ts';

const MAX_NUMBER = sizeOfNumber(Number.MAX_SAFE_INTEGER);
/** What one tally may need, all told: heads, slot, origin, tally. */
const MIN_PAYLOAD = 2 + 3 * MAX_NUMBER + MAX_SLOT_BYTES + (256 + 2 * MAX_NUMBER) + 4 * MAX_NUMBER;

/** Fills payload after payload with the records of one message, each with the origins that its own tallies name. */
export class CountsPacker {
  readonly #message: CountingMessage;
  readonly #max: number;
  readonly #done: Uint8Array[] = [];
  readonly #head: Writer;
  /** Bytes of the head, without the number of origins. */
  readonly #headBytes: number;
  readonly #origins: Writer;
  readonly #records: Writer;
  /** Of this payload: indices into the message's origins, in order; and of each its place there and one, or 0. */
  readonly #named: number[] = [];
  readonly #places: Uint32Array;
  #before: CountSlot = NO_SLOT;
  #recordCount = 0;
  #tallyCount = 0;

  constructor(message: CountingMessage, maxPayload: number) {
    if (maxPayload < MIN_PAYLOAD) throw new RangeError(`${maxPayload} bytes may not hold one record`);
    this.#message = message;
    this.#max = maxPayload;
    this.#head = new Writer(2 + 3 * MAX_NUMBER);
    this.#headBytes = message.kind === 'counts' ? 2 : this.#writeHead();
    this.#places = new Uint32Array(message.kind === 'counts' ? message.origins.length : 0);
    this.#origins = new Writer(maxPayload);
    this.#records = new Writer(maxPayload);
  }

  addTotals(record: TotalRecord): void {
    for (;;) {
      const { length } = this.#records;
      writeSlot(this.#records, record, this.#before, flagsOf(record) * FIRST_FREE_FLAG);
      this.#writeTally(record);
      if (this.#fits()) break;
      this.#records.backTo(length);
      this.#nextPayload(record);
    }
    this.#commit(record);
  }

  addCounts(record: CountRecord): void {
    const { tallies } = record;
    for (let next = 0; next < tallies.length; ) {
      const { length } = this.#records;
      writeSlot(this.#records, record, this.#before, 0);
      const count = this.#addTallies(tallies, next);
      if (count === 0) {
        this.#records.backTo(length);
        this.#nextPayload(record);
        continue;
      }
      next += count;
      this.#commit(record);
      if (next < tallies.length) this.#flush();
    }
  }

  finish(): Uint8Array[] {
    if (this.#recordCount > 0 || this.#done.length === 0) this.#flush();
    return this.#done;
  }

  /** How many fitted. */
  #addTallies(tallies: readonly HostTally[], first: number): number {
    let last = -1;
    let next = first;
    for (; next < tallies.length && this.#tallyCount < MAX_TALLIES; next++) {
      const tally = tallies[next];
      if (tally === undefined) break;
      const { length } = this.#records;
      const originsLength = this.#origins.length;
      const named = this.#named.length;
      this.#records.number(this.#originNumber(tally.origin) * TALLY_FLAGS + flagsOf(tally));
      this.#writeTally(tally);
      if (!this.#fits()) {
        this.#records.backTo(length);
        this.#origins.backTo(originsLength);
        this.#unname(named);
        break;
      }
      last = length;
      this.#tallyCount++;
    }
    // The flags are the lowest bits, so they lie in the first byte of the number.
    if (last >= 0) this.#records.setBits(last, LAST_TALLY);
    return next - first;
  }

  #writeTally({ taken, returned, asked }: Tally): void {
    this.#records.number(taken);
    if (returned !== 0) this.#records.number(returned);
    if (asked !== taken) this.#records.number(asked);
  }

  /** The number of an origin in this payload, which tells of it from now on. */
  #originNumber(index: number): number {
    const known = this.#places[index] ?? 0;
    if (known > 0) return known - 1;
    const origin = this.#originOf(index);
    const number = this.#named.push(index) - 1;
    this.#places[index] = number + 1;
    this.#origins.shortText(origin.address);
    this.#origins.number(origin.incarnation);
    this.#origins.number(wholeMs(origin.ageMs));
    return number;
  }

  #originOf(index: number): OriginNews {
    const origin = this.#message.kind === 'counts' ? this.#message.origins[index] : undefined;
    if (origin === undefined) throw new RangeError(`there is no origin ${index}`);
    return origin;
  }

  #commit(slot: CountSlot): void {
    this.#before = slot;
    this.#recordCount++;
    if (this.#recordCount >= MAX_RECORDS || this.#tallyCount >= MAX_TALLIES) this.#flush();
  }

  /** After `record` did not fit. */
  #nextPayload({ counter }: CountSlot): void {
    if (this.#recordCount === 0) throw new RangeError(`the record of ${counter.slice(0, 300)} is too large`);
    this.#flush();
  }

  /** Forgets all origins but the first `kept`. */
  #unname(kept: number): void {
    for (let i = kept; i < this.#named.length; i++) this.#places[this.#named[i] ?? 0] = 0;
    this.#named.length = kept;
  }

  #fits(): boolean {
    if (this.#records.overflowed || this.#origins.overflowed) return false;
    const head = this.#headBytes + (this.#message.kind === 'counts' ? sizeOfNumber(this.#named.length) : 0);
    return head + this.#origins.length + this.#records.length <= this.#max;
  }

  #writeHead(): number {
    const [head, message] = [this.#head, this.#message];
    head.backTo(0);
    head.byte(VERSION);
    if (message.kind === 'counts') {
      head.byte(COUNTS);
      head.number(this.#named.length);
    } else {
      head.byte(TOTALS);
      head.number(message.leaderSlot);
      head.number(message.term);
      head.number(wholeMs(message.ageMs));
    }
    return head.length;
  }

  #flush(): void {
    this.#writeHead();
    const parts = [this.#head.view(), this.#origins.view(), this.#records.view()];
    // From a pool: an array of its own costs more than to fill it.
    const payload = Buffer.allocUnsafe(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      payload.set(part, at);
      at += part.length;
    }
    this.#done.push(payload);
    this.#records.backTo(0);
    this.#origins.backTo(0);
    this.#unname(0);
    this.#before = NO_SLOT;
    this.#recordCount = 0;
    this.#tallyCount = 0;
  }
}

function flagsOf({ taken, returned, asked }: Tally): number {
  return (returned === 0 ? 0 : RETURNED_TOLD) | (asked === taken ? 0 : ASKED_TOLD);
}

function wholeMs(ms: number): number {
  return Math.max(0, Math.round(ms));
}
