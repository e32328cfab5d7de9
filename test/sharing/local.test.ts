import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import { LocalStrategy } from '../../src/sharing/local.ts';
import type { Check, GroupVerdict } from '../../src/sharing/strategy.ts';
import { check, strategyConformance } from '../conformance/strategy.ts';

const PER_MINUTE: Policy = { algorithm: 'fixed-window', limit: 3, windowMs: 60_000 };

function setup(maxKeys: number): { clock: VirtualClock; strategy: LocalStrategy; evicted: () => number } {
  const clock = new VirtualClock(1_700_000_040_000); // the start of a minute
  let evicted = 0;
  const telemetry = { ...silentTelemetry, evicted: () => void evicted++ };
  const strategy = new LocalStrategy({ clock, maxKeys, telemetry });
  return { clock, strategy, evicted: () => evicted };
}

/** `local` answers at once. */
function ask(strategy: LocalStrategy, c: Check): GroupVerdict {
  return strategy.check([c]) as GroupVerdict;
}

strategyConformance('local', async () => ({
  strategy: new LocalStrategy({ clock: systemClock, maxKeys: 10_000, telemetry: silentTelemetry }),
}));

describe('the local strategy', () => {
  it('answers without a promise', () => {
    const { strategy } = setup(10);
    assert.equal(ask(strategy, check(PER_MINUTE)).allowed, true);
  });

  it('starts a new window when the old one has ended', () => {
    const { clock, strategy } = setup(10);
    const c = check(PER_MINUTE);
    const allowed = (): boolean => ask(strategy, c).allowed;
    assert.deepEqual([allowed(), allowed(), allowed(), allowed()], [true, true, true, false]);
    clock.advance(59_999);
    assert.equal(allowed(), false);
    clock.advance(1);
    assert.equal(allowed(), true);
  });

  it('drops expired counters by itself', async () => {
    const { clock, strategy } = setup(100_000);
    await strategy.start();
    for (let i = 0; i < 20_000; i++) ask(strategy, check(PER_MINUTE));
    assert.equal(strategy.size, 20_000);
    clock.advance(70_000);
    assert.equal(strategy.size, 0);
    await strategy.close();
  });

  it('never keeps more counters than its cap and says what it had to drop', () => {
    const { strategy, evicted } = setup(1_000);
    for (let i = 0; i < 5_000; i++) ask(strategy, check(PER_MINUTE));
    assert.equal(strategy.size, 1_000);
    assert.equal(evicted(), 4_000);
  });

  it('keeps the counters in use when strangers flood in', () => {
    const { strategy } = setup(1_000);
    const busy = Array.from({ length: 100 }, () => check({ ...PER_MINUTE, limit: 1_000_000 }));
    let remaining = 0;
    for (let round = 0; round < 50; round++) {
      for (const c of busy) remaining = ask(strategy, c).verdicts[0]?.remaining ?? -1;
      for (let i = 0; i < 200; i++) ask(strategy, check(PER_MINUTE));
    }
    assert.equal(remaining, 1_000_000 - 50);
  });

  it('never evicts a counter that holds requests in flight', () => {
    const { strategy } = setup(10);
    const held = check({ algorithm: 'concurrency', limit: 1, leaseMs: 30_000 });
    ask(strategy, held);
    for (let i = 0; i < 1_000; i++) ask(strategy, check(PER_MINUTE));
    assert.equal(ask(strategy, { ...held, holder: 'other' }).allowed, false);
    strategy.release(held);
    assert.equal(ask(strategy, { ...held, holder: 'other' }).allowed, true);
  });

  it('bounds its memory also when everything held is pinned', () => {
    const { strategy } = setup(10);
    for (let i = 0; i < 50; i++) ask(strategy, check({ algorithm: 'concurrency', limit: 1, leaseMs: 1_000 }));
    assert.equal(strategy.size, 50); // as many as requests are in flight, which the server bounds
  });

  it('rejects after it was closed', async () => {
    const { strategy } = setup(10);
    await strategy.close();
    await assert.rejects(async () => strategy.check([check(PER_MINUTE)]), { code: 'SLUICE_STORE_CONNECTION' });
  });
});
