import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { seededRandom } from '../../src/core/random.ts';
import type { Summary } from '../../src/core/space-saving.ts';
import { mergeSummaries, SpaceSaving } from '../../src/core/space-saving.ts';

const CAPACITY = 5;
/** Few keys often, many rarely: what a small summary has to live with. */
const stream = fc.array(fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 40 })), { maxLength: 300 });

function summaryOf(keys: readonly (number | string)[], capacity = CAPACITY): Summary {
  const counter = new SpaceSaving(capacity);
  for (const key of keys) counter.add(String(key));
  return counter.summary();
}

function countsOf(keys: readonly number[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const key of keys) counts.set(String(key), (counts.get(String(key)) ?? 0) + 1);
  return counts;
}

/** Every promise of a summary against the true counts. */
function assertBounds({ keys, floor }: Summary, counts: ReadonlyMap<string, number>): void {
  for (const { key, count, error } of keys) {
    const truth = counts.get(key) ?? 0;
    assert.ok(count >= truth && count - error <= truth, `${key}: ${count - error} <= ${truth} <= ${count}`);
  }
  const held = new Set(keys.map(({ key }) => key));
  for (const [key, truth] of counts) if (!held.has(key)) assert.ok(truth <= floor, `${key}: ${truth} <= ${floor}`);
  assert.deepEqual(
    keys.map(({ count }) => count),
    keys.map(({ count }) => count).sort((a, b) => b - a),
  );
}

describe('a summary of the keys counted most', () => {
  it('is exact while there are no more keys than it holds', () => {
    assert.deepEqual(summaryOf(['a', 'b', 'a']), {
      keys: [
        { key: 'a', count: 2, error: 0 },
        { key: 'b', count: 1, error: 0 },
      ],
      floor: 0,
    });
  });

  it('keeps its bounds whatever comes, and is at most n / capacity off', () => {
    fc.assert(
      fc.property(stream, (keys) => {
        const summary = summaryOf(keys);
        assertBounds(summary, countsOf(keys));
        for (const { error } of summary.keys) assert.ok(error <= keys.length / CAPACITY);
        assert.ok(summary.floor <= keys.length / CAPACITY);
        assert.ok(summary.keys.length <= CAPACITY);
      }),
    );
  });

  it('keeps its bounds when several are merged', () => {
    fc.assert(
      fc.property(fc.array(stream, { maxLength: 4 }), (streams) => {
        assertBounds(mergeSummaries(streams.map((keys) => summaryOf(keys))), countsOf(streams.flat()));
      }),
    );
  });

  it('finds the heaviest of a hundred thousand keys', () => {
    const random = seededRandom(7);
    const counter = new SpaceSaving(256);
    for (let i = 0; i < 200_000; i++) {
      counter.add(random.next() < 0.02 ? 'heavy' : `key-${random.below(100_000)}`);
    }
    const { keys } = counter.summary();
    assert.equal(keys[0]?.key, 'heavy');
    assert.equal(keys.length, 256);
  });
});
