import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../../src/core/random.ts';
import { estimate, studentT95 } from '../../../src/lab/report/statistics.ts';

/** P(−t < T < t) by Simpson's rule over the density, whose constant is found by the same rule over (almost) everything. */
function insideOf(t: number, freedom: number): number {
  const density = (x: number): number => (1 + (x * x) / freedom) ** (-(freedom + 1) / 2);
  // By x = tan(u) the whole line is a bounded span.
  const integral = (to: number): number => {
    const steps = 20_000;
    const width = Math.atan(to) / steps;
    let sum = 0;
    for (let i = 0; i <= steps; i++) {
      const u = Math.min(i * width, Math.PI / 2 - 1e-12);
      const weight = i === 0 || i === steps ? 1 : i % 2 === 1 ? 4 : 2;
      sum += (weight * density(Math.tan(u))) / Math.cos(u) ** 2;
    }
    return (sum * width) / 3;
  };
  return integral(t) / integral(Number.POSITIVE_INFINITY);
}

describe("Student's t", () => {
  it('leaves 5 % outside, whatever the degrees of freedom', () => {
    for (const freedom of [1, 2, 3, 5, 9, 10, 11, 12, 20, 50, 200]) {
      const inside = insideOf(studentT95(freedom), freedom);
      assert.ok(Math.abs(inside - 0.95) < 2e-5, `${freedom} degrees of freedom: ${inside}`);
    }
  });

  it('falls with them, towards the normal quantile', () => {
    for (let freedom = 2; freedom < 500; freedom++) assert.ok(studentT95(freedom) < studentT95(freedom - 1));
    assert.ok(Math.abs(studentT95(1e6) - 1.95996) < 1e-4);
  });
});

describe('an estimate', () => {
  it('is the mean, and of one value nothing more', () => {
    assert.deepEqual(estimate([3]), { mean: 3, interval: undefined });
    assert.deepEqual(estimate([2, 2, 2]), { mean: 2, interval: { low: 2, high: 2 } });
    const { mean, interval } = estimate([1, 2, 3]);
    assert.equal(mean, 2);
    // 4.30265 / √3
    assert.ok(Math.abs((interval?.high ?? 0) - 4.48414) < 1e-4);
    assert.equal(interval?.low, 0, 'cut at 0');
  });

  it('holds the true mean 95 times of 100', () => {
    const random = seededRandom(7);
    const normal = (): number => Math.sqrt(-2 * Math.log(1 - random.next())) * Math.cos(2 * Math.PI * random.next());
    for (const runs of [3, 5, 20]) {
      let held = 0;
      for (let i = 0; i < 4_000; i++) {
        const { interval } = estimate(Array.from({ length: runs }, () => 100 + 5 * normal()));
        if (interval !== undefined && interval.low <= 100 && interval.high >= 100) held += 1;
      }
      // Three standard deviations of 4,000 draws are 1 %.
      assert.ok(Math.abs(held / 4_000 - 0.95) < 0.012, `${runs} runs: ${held / 4_000}`);
    }
  });
});
