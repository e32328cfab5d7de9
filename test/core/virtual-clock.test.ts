import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Timer } from '../../src/core/clock.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';

describe('the virtual clock', () => {
  it('runs callbacks by time, ties in order of registration, whatever was taken back', () => {
    const action = fc.record({ ms: fc.integer({ min: -2, max: 20 }), cancels: fc.option(fc.nat(40)) });
    fc.assert(
      fc.property(fc.array(action, { maxLength: 60 }), (actions) => {
        const clock = new VirtualClock(0);
        const ran: number[] = [];
        const timers: Timer[] = [];
        const expected = new Map<number, number>();
        actions.forEach(({ ms, cancels }, i) => {
          timers.push(clock.after(ms, () => ran.push(i)));
          expected.set(i, Math.max(0, ms));
          if (cancels === null) return;
          timers[cancels]?.cancel();
          if (cancels < timers.length) expected.delete(cancels);
        });
        assert.equal(clock.waiting, expected.size);
        clock.advance(30);
        const order = [...expected].sort((a, b) => a[1] - b[1] || a[0] - b[0]).map(([i]) => i);
        assert.deepEqual(ran, order);
        assert.equal(clock.waiting, 0);
      }),
    );
  });

  it('keeps order while many are taken back', () => {
    const clock = new VirtualClock(0);
    const ran: number[] = [];
    const timers = Array.from({ length: 5_000 }, (_, i) =>
      clock.after((i * 7) % 1_000, () => ran.push((i * 7) % 1_000)),
    );
    timers.forEach((timer, i) => {
      if (i % 5 !== 0) timer.cancel();
    });
    assert.equal(clock.waiting, 1_000);
    clock.advance(1_000);
    assert.equal(ran.length, 1_000);
    assert.deepEqual(
      ran,
      ran.toSorted((a, b) => a - b),
    );
  });

  it('lets a callback set and take back others, itself included', () => {
    const clock = new VirtualClock(0);
    const told: string[] = [];
    const later = clock.after(10, () => told.push('later'));
    const self: Timer = clock.after(5, () => {
      self.cancel();
      later.cancel();
      clock.endOfTurn(() => told.push(`same ${clock.monotonic()}`));
      clock.after(2.5, () => told.push(`next ${clock.monotonic()}`));
    });
    const ticks = clock.every(4, () => {
      told.push(`tick ${clock.monotonic()}`);
      if (clock.monotonic() === 8) ticks.cancel();
    });
    clock.advance(20);
    assert.deepEqual(told, ['tick 4', 'same 5', 'next 7.5', 'tick 8']);
    assert.equal(clock.waiting, 0);
  });

  it('steps one callback at a time, and stops at the time given', () => {
    const clock = new VirtualClock(1_000);
    let ran = 0;
    clock.after(1, () => ran++);
    clock.after(3, () => ran++);
    assert.deepEqual([clock.step(2), clock.monotonic(), ran], [true, 1, 1]);
    assert.deepEqual([clock.step(2), clock.monotonic(), clock.now()], [false, 2, 1_002]);
    assert.deepEqual([clock.step(3), clock.monotonic(), ran], [true, 3, 2]);
    assert.equal(clock.ran, 2);
    assert.equal(clock.step(2), false);
    assert.equal(clock.monotonic(), 3, 'it never goes back');
  });
});
