import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { CountingMessage, CountsMessage, TotalsMessage } from '../../../src/cluster/wire/counts.ts';
import { decodeCounts, encodeCounts } from '../../../src/cluster/wire/counts-codec.ts';
import { Reader } from '../../../src/cluster/wire/reader.ts';
import { Writer } from '../../../src/cluster/wire/writer.ts';
import { WireError } from '../../../src/core/errors.ts';
import { messages } from './arbitraries.ts';

// Written out from the layout, not by the encoder. Old hosts read what new ones write, so these bytes never change: a new
// layout is a new version.
const hexOf = (text: string): string => Buffer.from(text).toString('hex');
const GOLDEN_COUNTS = [
  ...['01', '01', '02'],
  ...['0d', hexOf('10.0.0.1:7946'), '80d095ffbc31', '00'],
  ...['0e', hexOf('[fd00::2]:7946'), 'e7d795ffbc31', 'fa01'],
  // Same epoch; name, slice, keep, index; two tallies.
  ...['04', '00', '10', hexOf('per-client:alice'), 'e0d403', '02', '95aac10d', '00', '07', '0f', 'ac02', '02', 'f403'],
  // Same counter, shape and epoch; one slot earlier.
  ...['07', '01', '0e', '01', '09'],
  // 11 characters shared; all else told.
  ...['00', '0b', '03', hexOf('bob'), 'e807', '01', '03', '80e2cfaa06', '05', 'ffffffffffffff0f', '01'],
].join('');
const GOLDEN_TOTALS = [
  ...['01', '02', '02', 'e724', 'b401'],
  ...['04', '00', '01', hexOf('a'), 'e807', '3d', '80e2cfaa06', '05'],
  ...['1e', '01', '01', hexOf('b'), '04', '05', '01', '08'],
].join('');

const MAX = 1_330;

/** One line for each thing told, in order, whatever payload and origin number it came under. */
function told(message: CountingMessage): string[] {
  if (message.kind === 'totals') {
    const { leaderSlot, term, ageMs } = message;
    return message.records.map((record) => JSON.stringify([leaderSlot, term, ageMs, Object.entries(record).sort()]));
  }
  return message.records.flatMap(({ tallies, ...slot }) =>
    tallies.map(({ origin, ...tally }) =>
      JSON.stringify([Object.entries(slot).sort(), Object.entries(tally).sort(), message.origins[origin]]),
    ),
  );
}

const COUNTS: CountsMessage = {
  kind: 'counts',
  origins: [
    { address: '10.0.0.1:7946', incarnation: 1_700_000_000_000, ageMs: 0 },
    { address: '[fd00::2]:7946', incarnation: 1_700_000_000_999, ageMs: 250 },
  ],
  records: [
    {
      counter: 'per-client:alice',
      sliceMs: 60_000,
      keep: 2,
      epoch: 0,
      index: 28_333_333,
      tallies: [
        { origin: 0, taken: 7, returned: 0, asked: 7 },
        { origin: 1, taken: 300, returned: 2, asked: 500 },
      ],
    },
    {
      counter: 'per-client:alice',
      sliceMs: 60_000,
      keep: 2,
      epoch: 0,
      index: 28_333_332,
      tallies: [{ origin: 1, taken: 1, returned: 0, asked: 9 }],
    },
    {
      counter: 'per-client:bob',
      sliceMs: 1_000,
      keep: 1,
      epoch: 3,
      index: 1_700_000_000,
      tallies: [{ origin: 0, taken: 2 ** 53 - 1, returned: 1, asked: 2 ** 53 - 1 }],
    },
  ],
};

const TOTALS: TotalsMessage = {
  kind: 'totals',
  leaderSlot: 2,
  term: 4_711,
  ageMs: 180,
  records: [
    { counter: 'a', sliceMs: 1_000, keep: 61, epoch: 0, index: 1_700_000_000, taken: 5, returned: 0, asked: 5 },
    { counter: 'ab', sliceMs: 1_000, keep: 61, epoch: 0, index: 1_700_000_002, taken: 5, returned: 1, asked: 8 },
  ],
};

describe('the codec of counts', () => {
  it('brings back every message, in payloads of the size asked for', () => {
    fc.assert(
      fc.property(messages, fc.integer({ min: 700, max: 5_000 }), (message, max) => {
        const payloads = encodeCounts(message, max);
        for (const payload of payloads) assert.ok(payload.length <= max, `${payload.length} bytes, not ${max}`);
        const back = payloads.map(decodeCounts);
        for (const each of back) assert.equal(each.kind, message.kind);
        assert.deepEqual(back.flatMap(told), told(message));
      }),
      { numRuns: 1_000 },
    );
  });

  it('brings back a message that fits one payload as it was', () => {
    for (const message of [COUNTS, TOTALS]) {
      const payloads = encodeCounts(message, MAX);
      assert.equal(payloads.length, 1);
      assert.deepEqual(payloads.map(decodeCounts), [message]);
    }
  });

  it('writes version 1 byte for byte as ever', () => {
    const hex = (message: CountingMessage): string[] =>
      encodeCounts(message, MAX).map((bytes) => Buffer.from(bytes).toString('hex'));
    assert.deepEqual(hex(COUNTS), [GOLDEN_COUNTS]);
    assert.deepEqual(hex(TOTALS), [GOLDEN_TOTALS]);
  });

  it('says who leads even when there is nothing else to say', () => {
    const empty: CountingMessage = { kind: 'totals', leaderSlot: 0, term: 9, ageMs: 0, records: [] };
    assert.deepEqual(encodeCounts(empty, MAX).map(decodeCounts), [empty]);
    const silent: CountingMessage = { kind: 'counts', origins: [], records: [] };
    assert.deepEqual(encodeCounts(silent, MAX).map(decodeCounts), [silent]);
  });

  it('is compact: 60 counters of one limit and host fit a packet', () => {
    const records = Array.from({ length: 60 }, (_, i) => ({
      counter: `per-client:60000:198.51.100.${i}`,
      sliceMs: 60_000,
      keep: 2,
      epoch: 0,
      index: 28_333_333,
      tallies: [{ origin: 0, taken: 1_000 + i, returned: 0, asked: 2_000 + i }],
    }));
    const origins = [{ address: '10.0.0.1:7946', incarnation: 1_700_000_000_000, ageMs: 0 }];
    assert.equal(encodeCounts({ kind: 'counts', origins, records }, MAX).length, 1);
  });

  it('rounds ages, which come from a clock with fractions', () => {
    const [payload] = encodeCounts({ ...TOTALS, ageMs: 12.6 }, MAX);
    assert.ok(payload);
    assert.deepEqual(decodeCounts(payload), { ...TOTALS, ageMs: 13 });
  });

  it('refuses a bound that might not hold a record, and a counter that is no counter', () => {
    assert.throws(() => encodeCounts(COUNTS, 100), RangeError);
    const [record] = TOTALS.records;
    assert.ok(record);
    const records = [{ ...record, counter: 'x'.repeat(5_000) }];
    assert.throws(() => encodeCounts({ ...TOTALS, records }, MAX), RangeError);
  });

  it('reads at most so many records, and never writes more into one payload', () => {
    const [record] = TOTALS.records;
    assert.ok(record);
    const records = Array.from({ length: 150_000 }, () => record);
    const payloads = encodeCounts({ ...TOTALS, records }, 4 << 20);
    assert.deepEqual(
      payloads.map((payload) => decodeCounts(payload).records.length),
      [100_000, 50_000],
    );
    const tooMany = new Writer(4 << 20);
    tooMany.raw(payloads[0] ?? new Uint8Array());
    for (let i = 0; i < 10; i++) tooMany.raw(Uint8Array.of(7, 0, 5));
    assert.throws(() => decodeCounts(tooMany.view()), /more records than are read at once/);
  });
});

describe('what is no message of counts', () => {
  const refused: readonly (readonly [string, readonly number[], RegExp])[] = [
    ['nothing', [], /ends too early/],
    ['another version', [2, 1, 0], /version/],
    ['another kind', [1, 3], /neither/],
    ['a number that does not end', [1, 1, ...Array(9).fill(0xff)], /2\^53/],
    ['a number of 2^53', [1, 1, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10], /2\^53/],
    ['a number with leading zeros', [1, 1, 0x80, 0], /leading zeros/],
    ['more origins than bytes', [1, 1, 0xff, 0xff, 0x03, 1, 65, 0, 0], /too early/],
    ['a text longer than the rest', [1, 1, 1, 200, 65, 66], /too early/],
    ['an origin without an address', [1, 1, 1, 0, 0, 0], /without an address/],
    ['a space in a name', [1, 1, 0, 0, 0, 1, 32, 1, 1, 0], /printable/],
    ['a name that shares what is not there', [1, 1, 0, 0, 5, 1, 65], /shares more/],
    ['a counter without a name', [1, 1, 0, 0, 0, 0], /no fitting length/],
    ['a slot of no length', [1, 1, 0, 0, 0, 1, 65, 0, 1, 0, 0], /no length/],
    ['a slot kept for too long', [1, 1, 0, 0, 0, 1, 65, 1, 62, 0, 0], /no length/],
    ['a tally of nobody', [1, 1, 0, 4, 0, 1, 65, 1, 1, 1, 4, 1], /no origin/],
    ['flags to come', [1, 1, 0, 12, 0, 1, 65, 1, 1, 1], /flags/],
    ['flags to come in totals', [1, 2, 0, 0, 0, 36, 0, 1, 65, 1, 1, 1, 1], /flags/],
  ];
  for (const [what, bytes, reason] of refused) {
    it(`${what} is refused in words`, () => {
      assert.throws(
        () => decodeCounts(Uint8Array.from(bytes)),
        (error) => error instanceof WireError && reason.test(error.message),
      );
    });
  }

  it('a message cut short is refused, or read up to the end of a record', () => {
    for (const message of [COUNTS, TOTALS]) {
      const [payload] = encodeCounts(message, MAX);
      assert.ok(payload);
      for (let length = 0; length < payload.length; length++) {
        const back = decodedOrRefused(payload.subarray(0, length));
        if (back !== undefined) assert.ok(back.records.length < message.records.length);
      }
    }
  });

  it('100,000 random and mutated payloads are refused by a WireError or read, and take no more memory than their bytes allow', () => {
    const seed = Number(process.env['FUZZ_SEED'] ?? 1);
    const next = numbers(seed);
    const samples = fc.sample(messages, { numRuns: 300, seed }).flatMap((message) => encodeCounts(message, MAX));
    let read = 0;
    for (let i = 0; i < 100_000; i++) {
      const bytes = i % 4 === 0 ? randomBytes(next) : mutated(samples[i % samples.length] ?? new Uint8Array(), next);
      try {
        const back = decodedOrRefused(bytes);
        if (back === undefined) continue;
        read++;
        // A record is 4 bytes or more, a tally 2, an origin 4.
        assert.ok(back.records.length * 4 <= bytes.length);
        if (back.kind === 'counts') {
          assert.ok(back.origins.length * 4 <= bytes.length);
          assert.ok(back.records.reduce((sum, { tallies }) => sum + tallies.length, 0) * 2 <= bytes.length);
        }
        for (const { counter, keep, index } of back.records) {
          assert.match(counter, /^[\x21-\x7e]{1,200}$/);
          assert.ok(keep >= 1 && keep <= 61 && Number.isSafeInteger(index) && index >= 0);
        }
      } catch (error) {
        assert.fail(`seed ${seed}, input ${i}: ${String(error)}\n${Buffer.from(bytes).toString('hex')}`);
      }
    }
    assert.ok(read > 100, `only ${read} inputs could be read: the mutations reach nothing`);
  });
});

describe('numbers on the wire', () => {
  it('come back, each in the fewest bytes', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        const writer = new Writer(8);
        writer.number(value);
        assert.equal(writer.length, Math.max(1, Math.ceil(value.toString(2).length / 7)));
        const reader = new Reader(writer.view());
        assert.equal(reader.number(), value);
        assert.equal(reader.left, 0);
      }),
    );
  });
  it('are not written beyond the bound, and what was there stays', () => {
    const writer = new Writer(3);
    writer.number(300);
    writer.number(300);
    assert.equal(writer.overflowed, true);
    writer.byte(1);
    assert.equal(writer.length, 2);
    writer.backTo(2);
    writer.byte(1);
    assert.deepEqual([...writer.view()], [0xac, 2, 1]);
  });
});

function decodedOrRefused(bytes: Uint8Array): CountingMessage | undefined {
  try {
    return decodeCounts(bytes);
  } catch (error) {
    assert.ok(error instanceof WireError, `threw ${String(error)}`);
    return undefined;
  }
}

/** Whole numbers below a bound, the same for the same seed. */
function numbers(seed: number): (bound: number) => number {
  let state = seed | 0;
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return Math.floor(((state >>> 8) / 16_777_216) * bound);
  };
}

function randomBytes(next: (bound: number) => number): Uint8Array {
  const bytes = Uint8Array.from({ length: next(200) }, () => next(256));
  if (bytes.length > 1 && next(3) > 0) bytes.set([1, 1 + next(2)]);
  return bytes;
}

/** One to four of: a bit flipped, a byte set to an extreme, bytes cut out, doubled, or added at the end. */
function mutated(sample: Uint8Array, next: (bound: number) => number): Uint8Array {
  let bytes = [...sample];
  for (let left = 1 + next(4); left > 0; left--) {
    const at = next(bytes.length);
    const length = next(8);
    const how = next(5);
    if (how === 0) bytes[at] = (bytes[at] ?? 0) ^ (1 << next(8));
    else if (how === 1) bytes[at] = [0, 1, 0x7f, 0x80, 0xff][next(5)] ?? 0;
    else if (how === 2) bytes.splice(at, length);
    else if (how === 3) bytes.splice(at, 0, ...bytes.slice(at, at + length));
    else bytes = [...bytes, ...Array.from({ length }, () => next(256))];
  }
  return Uint8Array.from(bytes);
}
