import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualClock } from '../../../src/core/virtual-clock.ts';
import { HostClock } from '../../../src/lab/sim/host-clock.ts';

describe("a host's clock", () => {
  it('is ahead by its skew and gains by its drift, timers included', () => {
    const base = new VirtualClock(1_000_000);
    const clock = new HostClock({ base, skewMs: 250, driftPpm: 1_000 });
    assert.equal(clock.now(), 1_000_250);
    let rang = 0;
    clock.after(10_010, () => {
      rang = base.monotonic();
    });
    base.advance(20_000);
    assert.equal(clock.now(), 1_020_270);
    assert.ok(Math.abs(clock.monotonic() - 20_020) < 1e-6);
    assert.ok(Math.abs(rang - 10_000) < 0.01, `${rang}`);
    clock.stepWall(-5_000);
    assert.equal(clock.now(), 1_015_270);
    assert.ok(clock.monotonic() > 20_000);
  });

  it('holds timers in a pause and runs them in order at its end, missed ticks once', () => {
    const base = new VirtualClock();
    const clock = new HostClock({ base, skewMs: 0, driftPpm: 0 });
    const told: string[] = [];
    const tell = (what: string) => () => told.push(`${what} ${base.monotonic()}`);
    clock.after(50, tell('late'));
    clock.after(20, tell('early'));
    const taken = clock.after(30, tell('taken back'));
    const ticks = clock.every(10, tell('tick'));
    base.advance(15);
    clock.pause();
    base.advance(85);
    taken.cancel();
    assert.deepEqual(told, ['tick 10']);
    clock.resume();
    assert.deepEqual(told, ['tick 10', 'early 100', 'tick 100', 'late 100']);
    base.advance(10);
    assert.equal(told.at(-1), 'tick 110');
    ticks.cancel();
    base.advance(100);
    assert.equal(told.at(-1), 'tick 110');
  });

  it('runs nothing any more once it is dead, paused or not', () => {
    const base = new VirtualClock();
    const clock = new HostClock({ base, skewMs: 0, driftPpm: 0 });
    let ran = 0;
    clock.every(10, () => ran++);
    clock.after(15, () => ran++);
    base.advance(10);
    clock.pause();
    base.advance(10);
    clock.kill();
    clock.resume();
    base.advance(100);
    clock.run(() => ran++);
    assert.equal(ran, 1);
  });
});
