import fc from 'fast-check';
import type { CountingMessage, CountSlot } from '../../../src/cluster/wire/counts.ts';

const whole = fc.oneof(
  fc.nat({ max: 300 }),
  fc.nat(),
  fc.maxSafeNat(),
  fc.constantFrom(0, 127, 128, 16_383, 16_384, 2 ** 28 - 1, 2 ** 28, 2 ** 31, 2 ** 32, 2 ** 49, 2 ** 53 - 1),
);
const printable = (min: number, max: number): fc.Arbitrary<string> =>
  fc.string({
    unit: fc.integer({ min: 0x21, max: 0x7e }).map((c) => String.fromCharCode(c)),
    minLength: min,
    maxLength: max,
  });
const slot: fc.Arbitrary<CountSlot> = fc.record({
  counter: fc.oneof(
    printable(1, 200),
    printable(1, 4).map((tail) => `per-client:1m:key-${tail}`),
  ),
  sliceMs: fc.oneof(fc.constantFrom(1, 1_000, 60_000), fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
  keep: fc.integer({ min: 1, max: 61 }),
  epoch: fc.oneof(fc.constantFrom(0, 1), whole),
  index: fc.oneof(fc.integer({ min: 1_700_000_000, max: 1_700_000_009 }), whole),
});
const tally = { taken: whole, returned: fc.oneof(fc.constant(0), whole), asked: whole };
const times = <T>(arbitrary: fc.Arbitrary<T>, max: number): fc.Arbitrary<T[]> =>
  fc.array(arbitrary, { maxLength: max });

/** Count messages of every shape; tallies of a record name different origins. */
export const messages: fc.Arbitrary<CountingMessage> = fc.oneof(
  fc
    .array(fc.record({ address: printable(1, 255), incarnation: whole, ageMs: whole }), { minLength: 1, maxLength: 20 })
    .chain((origins) =>
      fc.record({
        kind: fc.constant('counts' as const),
        origins: fc.constant(origins),
        records: times(
          fc
            .tuple(
              slot,
              fc.uniqueArray(fc.record({ origin: fc.nat({ max: origins.length - 1 }), ...tally }), {
                minLength: 1,
                maxLength: 20,
                selector: ({ origin }) => origin,
              }),
            )
            .map(([each, tallies]) => ({ ...each, tallies })),
          40,
        ),
      }),
    ),
  fc.record({
    kind: fc.constant('totals' as const),
    leaderSlot: whole,
    term: whole,
    ageMs: whole,
    records: times(
      fc.tuple(slot, fc.record(tally)).map(([each, sums]) => ({ ...each, ...sums })),
      80,
    ),
  }),
);
