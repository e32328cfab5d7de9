import { WireError } from '../../core/errors.ts';
import type { CountingMessage, CountRecord, CountSlot, HostTally, OriginNews, TotalRecord } from './counts.ts';
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
import { CountsPacker } from './counts-packer.ts';
import { Reader } from './reader.ts';
import { FIRST_FREE_FLAG, NO_SLOT, readSlot } from './slot-codec.ts';

/**
 * Turns a message into payloads of at most `maxPayload` bytes, one at least; each can be read by itself. The tallies of a
 * record may be spread over several. Origins that no tally names are left out. Ages are rounded to whole milliseconds.
 *
 * @param maxPayload 700 or more, so that any one tally fits
 */
export function encodeCounts(message: CountingMessage, maxPayload: number): Uint8Array[] {
  const packer = new CountsPacker(message, maxPayload);
  if (message.kind === 'counts') for (const record of message.records) packer.addCounts(record);
  else for (const record of message.records) packer.addTotals(record);
  return packer.finish();
}

/**
 * Reads one payload of {@link encodeCounts}. Allocates in proportion to what is there: at most 100,000 records and 400,000
 * tallies are read.
 *
 * @throws WireError, and nothing else, for anything that is no such payload
 */
export function decodeCounts(payload: Uint8Array): CountingMessage {
  const from = new Reader(payload);
  if (from.byte() !== VERSION) throw new WireError('has counts in a version that is not known here');
  const kind = from.byte();
  if (kind === COUNTS) {
    const origins = readOrigins(from);
    return { kind: 'counts', origins, records: readCounts(from, origins.length) };
  }
  if (kind !== TOTALS) throw new WireError('has neither counts nor totals');
  const [leaderSlot, term, ageMs] = [from.number(), from.number(), from.number()];
  return { kind: 'totals', leaderSlot, term, ageMs, records: readTotals(from) };
}

function readOrigins(from: Reader): OriginNews[] {
  const origins: OriginNews[] = [];
  // The count is not believed: the bytes run out first when it is wrong.
  for (let left = from.number(); left > 0; left--) {
    const address = from.shortText();
    if (address === '') throw new WireError('has an origin without an address');
    origins.push({ address, incarnation: from.number(), ageMs: from.number() });
  }
  return origins;
}

function readCounts(from: Reader, origins: number): CountRecord[] {
  const records: CountRecord[] = [];
  let before: CountSlot = NO_SLOT;
  let talliesLeft = MAX_TALLIES;
  while (from.left > 0) {
    const { slot, flags } = readRecordSlot(from, before, records.length);
    if (flags >= FIRST_FREE_FLAG) throw new WireError('has flags that are not known here');
    const tallies = readTallies(from, origins, talliesLeft);
    talliesLeft -= tallies.length;
    records.push({ ...slot, tallies });
    before = slot;
  }
  return records;
}

function readTallies(from: Reader, origins: number, most: number): HostTally[] {
  const tallies: HostTally[] = [];
  for (;;) {
    if (tallies.length >= most) throw new WireError('has more tallies than are read at once');
    const head = from.number();
    const flags = head % TALLY_FLAGS;
    const origin = (head - flags) / TALLY_FLAGS;
    if (origin >= origins) throw new WireError('has a tally of no origin');
    const taken = from.number();
    const returned = (flags & RETURNED_TOLD) === 0 ? 0 : from.number();
    const asked = (flags & ASKED_TOLD) === 0 ? taken : from.number();
    tallies.push({ origin, taken, returned, asked });
    if ((flags & LAST_TALLY) !== 0) return tallies;
  }
}

function readTotals(from: Reader): TotalRecord[] {
  const records: TotalRecord[] = [];
  let before: CountSlot = NO_SLOT;
  while (from.left > 0) {
    const { slot, flags } = readRecordSlot(from, before, records.length);
    const told = Math.floor(flags / FIRST_FREE_FLAG);
    if (told > (RETURNED_TOLD | ASKED_TOLD)) throw new WireError('has flags that are not known here');
    const taken = from.number();
    const returned = (told & RETURNED_TOLD) === 0 ? 0 : from.number();
    const asked = (told & ASKED_TOLD) === 0 ? taken : from.number();
    records.push({ ...slot, taken, returned, asked });
    before = slot;
  }
  return records;
}

function readRecordSlot(from: Reader, before: CountSlot, recordsSoFar: number) {
  if (recordsSoFar >= MAX_RECORDS) throw new WireError('has more records than are read at once');
  return readSlot(from, before);
}
