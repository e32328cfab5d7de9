import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { ReplayWindow } from '../../../src/cluster/wire/replay-window.ts';

it('takes each number once, in any order, within the window: as a set that remembers everything would', () => {
  const step = fc.oneof(fc.nat({ max: 40 }), fc.nat({ max: 400 }), fc.integer({ min: -200, max: 0 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const window = new ReplayWindow(128);
      const seen = new Set<number>();
      let highest = 0;
      let at = 1;
      for (const by of steps) {
        at = Math.max(0, at + by);
        const expected = at >= 1 && at > highest - 128 && !seen.has(at);
        assert.equal(window.take(at), expected, `${at} after ${highest}`);
        if (!expected) continue;
        seen.add(at);
        highest = Math.max(highest, at);
      }
    }),
    { numRuns: 2_000 },
  );
});

it('goes over the largest numbers', () => {
  const window = new ReplayWindow(64);
  assert.equal(window.take(2 ** 53 - 1), true);
  assert.equal(window.take(2 ** 53 - 1), false);
  assert.equal(window.take(2 ** 53 - 64), true);
  assert.equal(window.take(2 ** 53 - 65), false);
});
