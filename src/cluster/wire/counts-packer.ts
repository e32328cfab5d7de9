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

interface Mark {
  readonly records: number;
  readonly origins: number;
  readonly originsNamed: number;
}

/** Fills payload after payload with the records of one message, each with the origins that its own tallies name. */
export class CountsPacker {
  readonly #message: CountingMessage;
  readonly #max: number;
  readonly #done: Uint8Array[] = [];
  readonly #head: Writer;
  readonly #origins: Writer;
  readonly #records: Writer;
  /** Of this payload: indices into the message's origins, in order, and back. */
  #named: number[] = [];
  readonly #numbers = new Map<number, number>();
  #before: CountSlot = NO_SLOT;
  #recordCount = 0;
  #tallyCount = 0;

  constructor(message: CountingMessage, maxPayload: number) {
    if (maxPayload < MIN_PAYLOAD) throw new RangeError(`${maxPayload} bytes may not hold one record`);
    this.#message = message;
    this.#max = maxPayload;
    this.#head = new Writer(2 + 3 * MAX_NUMBER);
    this.#origins = new Writer(maxPayload);
    this.#records = new Writer(maxPayload);
  }

  addTotals(record: TotalRecord): void {
    for (;;) {
      const mark = this.#mark();
      writeSlot(this.#records, record, this.#before, flagsOf(record) * FIRST_FREE_FLAG);
      this.#writeTally(record);
      if (this.#fits()) break;
      this.#backTo(mark);
      this.#nextPayload(record);
    }
    this.#commit(record);
  }

  addCounts(record: CountRecord): void {
    const { tallies } = record;
    for (let next = 0; next < tallies.length; ) {
      const mark = this.#mark();
      writeSlot(this.#records, record, this.#before, 0);
      const count = this.#addTallies(tallies, next);
      if (count === 0) {
        this.#backTo(mark);
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
      const mark = this.#mark();
      this.#records.number(this.#originNumber(tally.origin) * TALLY_FLAGS + flagsOf(tally));
      this.#writeTally(tally);
      if (!this.#fits()) {
        this.#backTo(mark);
        break;
      }
      last = mark.records;
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
    const known = this.#numbers.get(index);
    if (known !== undefined) return known;
    const origin = this.#originOf(index);
    const number = this.#named.push(index) - 1;
    this.#numbers.set(index, number);
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

  #mark(): Mark {
    return {
      records: this.#records.length,
      origins: this.#origins.length,
      originsNamed: this.#named.length,
    };
  }

  #backTo(mark: Mark): void {
    this.#records.backTo(mark.records);
    this.#origins.backTo(mark.origins);
    for (const index of this.#named.splice(mark.originsNamed)) this.#numbers.delete(index);
  }

  #fits(): boolean {
    if (this.#records.overflowed || this.#origins.overflowed) return false;
    return this.#writeHead() + this.#origins.length + this.#records.length <= this.#max;
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
    const payload = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let at = 0;
    for (const part of parts) {
      payload.set(part, at);
      at += part.length;
    }
    this.#done.push(payload);
    this.#backTo({ records: 0, origins: 0, originsNamed: 0 });
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
