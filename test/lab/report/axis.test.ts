/** Axes: every value has a place, in order; ticks are round, few and apart. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Axis } from '../../../src/lab/report/axis.ts';
import { linearAxis, logAxis, valuesAxis } from '../../../src/lab/report/axis.ts';

const positive = fc.double({ min: 1e-9, max: 1e12, noNaN: true });
const values = fc.array(fc.oneof(positive, fc.constant(0)), { maxLength: 30 });
const most = fc.integer({ min: 2, max: 9 });

function holds(axis: Axis, shown: readonly number[], ticks: number): void {
  const sorted = [...shown].sort((a, b) => a - b);
  const places = sorted.map((value) => axis.at(value));
  assert.ok(places.every((at) => at >= 0 && at <= 1));
  assert.ok(
    places.every((at, i) => i === 0 || at >= (places[i - 1] ?? 0) - 1e-12),
    'in order',
  );
  assert.ok(axis.ticks.length <= ticks + 1, `${axis.ticks.length} ticks, asked for ${ticks}`);
  for (const [i, tick] of axis.ticks.entries()) {
    assert.ok(Math.abs(axis.at(tick.value) - tick.at) < 1e-9);
    assert.ok(i === 0 || tick.at > (axis.ticks[i - 1]?.at ?? 0), 'ticks ascend');
  }
}

function isRound(value: number): boolean {
  if (value === 0) return true;
  return [1, 2, 3, 5].includes(Number((value / 10 ** Math.floor(Math.log10(value) + 1e-9)).toPrecision(6)));
}

describe('a linear axis', () => {
  it('starts at 0, ends at or above the largest value, and its ticks are even', () => {
    fc.assert(
      fc.property(values, most, (shown, ticks) => {
        const axis = linearAxis(shown, ticks);
        holds(axis, shown, ticks);
        assert.equal(axis.ticks[0]?.value, 0);
        const last = axis.ticks.at(-1)?.value ?? 0;
        assert.ok(last >= Math.max(0, ...shown) * (1 - 1e-9));
        const steps = axis.ticks.slice(1).map(({ value }, i) => value - (axis.ticks[i]?.value ?? 0));
        assert.ok(steps.every((step) => Math.abs(step - (steps[0] ?? 0)) < last * 1e-9));
        assert.ok(isRound(steps[0] ?? 0), `a step of ${steps[0]}`);
      }),
    );
  });
});

describe('a logarithmic axis', () => {
  it('has a place for 0 when there is one, apart from all others', () => {
    fc.assert(
      fc.property(values, most, (shown, ticks) => {
        const axis = logAxis(shown, ticks);
        holds(axis, shown, ticks);
        assert.equal(axis.zeroUntil !== undefined, shown.includes(0));
        const zeroUntil = axis.zeroUntil ?? -1;
        assert.ok(shown.every((value) => (value > 0 ? axis.at(value) > zeroUntil : axis.at(value) < zeroUntil)));
        assert.ok(axis.ticks.every(({ value }) => isRound(value)));
      }),
    );
  });

  it('has equal ratios equally far apart', () => {
    fc.assert(
      fc.property(fc.integer({ min: -6, max: 6 }), fc.integer({ min: 1, max: 6 }), (power, decades) => {
        const shown = Array.from({ length: decades + 1 }, (_, i) => Number(`1e${power + i}`));
        const axis = logAxis(shown, 9);
        shown.forEach((value, i) => {
          assert.ok(Math.abs(axis.at(value) - i / decades) < 1e-9, `${value} at ${axis.at(value)}`);
        });
      }),
    );
  });

  it('has no other tick where there is nothing but 0', () => {
    assert.deepEqual(
      logAxis([0, 0], 5).ticks.map(({ value }) => value),
      [0],
    );
    assert.deepEqual(logAxis([], 5).ticks, []);
  });

  it('labels 2 and 5 where a decade or two are shown, and whole decades where it is many', () => {
    const ticks = (shown: readonly number[]) => logAxis(shown, 6).ticks.map(({ value }) => value);
    assert.deepEqual(ticks([1, 50]), [1, 2, 5, 10, 20, 50]);
    assert.deepEqual(ticks([1, 900]), [1, 10, 100, 1_000]);
    assert.deepEqual(ticks([1, 200]), [1, 3, 10, 30, 100]);
    assert.deepEqual(ticks([0, 1e-3, 1e7]), [0, 1e-2, 1, 100, 1e4, 1e6]);
  });
});

describe('an axis of values', () => {
  it('has a tick at each, unless they are many or close', () => {
    const ticks = (shown: readonly number[]) => valuesAxis(shown, 6, 0.09).ticks.map(({ value }) => value);
    assert.deepEqual(ticks([100, 2, 10, 10, 1_024]), [2, 10, 100, 1_024]);
    assert.deepEqual(ticks([100, 101, 1_000]), [100, 200, 500, 1_000]);
    assert.deepEqual(ticks([7]), [7]);
  });

  it('keeps its values in order and off its ends', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: 10_000 }), { minLength: 1, maxLength: 5 }), (shown) => {
        const axis = valuesAxis(shown, 6, 0.05);
        holds(axis, shown, 6);
        const sorted = [...shown].sort((a, b) => a - b);
        if (axis.ticks.some(({ value }, i) => value !== sorted[i])) return;
        assert.ok(shown.every((value) => axis.at(value) > 0 && axis.at(value) < 1));
      }),
    );
  });
});
