import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { showBytes, showCount, showHosts, showPart, showSeconds, showWhole } from '../../../src/lab/report/numbers.ts';

const SCALES: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  m: 1e-3,
  µ: 1e-6,
  n: 1e-9,
};

describe('numbers for people', () => {
  it('say three digits and a unit', () => {
    assert.deepEqual([0, 0.25, 12.34, 999.4, 999.6, 1_234, 1e6, 3.456e9].map(showCount), [
      '0',
      '0.25',
      '12.3',
      '999',
      '1k',
      '1.23k',
      '1M',
      '3.46G',
    ]);
    assert.deepEqual([0, 0.00012, 0.045, 1.2, 999].map(showPart), ['0 %', '0.012 %', '4.5 %', '120 %', '99.9k %']);
    assert.deepEqual([0, 4.5e-7, 1.23e-5, 0.0045, 0.9996, 1.2, 150].map(showSeconds), [
      '0',
      '450 ns',
      '12.3 µs',
      '4.5 ms',
      '1 s',
      '1.2 s',
      '150 s',
    ]);
    assert.deepEqual([0, 512, 1_234, 3.45e6].map(showBytes), ['0 B', '512 B', '1.23 kB', '3.45 MB']);
    assert.deepEqual([2, 1_024, 10_000].map(showHosts), ['2', '1024', '10k']);
    assert.deepEqual([0, 999, 1_000, 1_234_567].map(showWhole), ['0', '999', '1,000', '1,234,567']);
  });

  it('are within half of their last digit, and short', () => {
    const isNear = (text: string, value: number): void => {
      const [, digits = '', scale = ''] = /^([\d.]+) ?([kMGTPmµn]?)/.exec(text) ?? [];
      const read = Number(digits) * (SCALES[scale] ?? 1);
      assert.ok(Math.abs(read - value) <= value * 0.0051, `${value} as ${text}`);
      assert.ok(text.length <= 8, text);
    };
    fc.assert(
      fc.property(fc.double({ min: 1e-2, max: 9e16, noNaN: true }), (value) => isNear(showCount(value), value)),
    );
    fc.assert(
      fc.property(fc.double({ min: 1e-8, max: 1e5, noNaN: true }), (value) => isNear(showSeconds(value), value)),
    );
  });
});
