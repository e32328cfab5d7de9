import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { LimitConfig } from '../../src/config/types.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import type { SharingName } from '../../src/core/types.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import type { LimitSet } from '../../src/limiter/limiter.ts';
import { LocalStrategy } from '../../src/sharing/local.ts';
import type { Strategy } from '../../src/sharing/strategy.ts';
import { outage } from './memory-strategy.ts';
import { bench, concurrency, facts, field, limit } from './setup.ts';

/** A limiter over the strategy that gateways run, local and fallback alike. */
function real(limits: readonly LimitConfig[]): { set: LimitSet; clock: VirtualClock; breakRedis: () => void } {
  // On a whole minute, so that windows start now.
  const clock = new VirtualClock(1_700_000_040_000);
  const make = (): LocalStrategy => new LocalStrategy({ clock, maxKeys: 1_000, telemetry: silentTelemetry });
  const { redis } = bench([]);
  const { set } = bench(limits, {
    clock,
    strategies: new Map<SharingName, Strategy>([
      ['local', make()],
      ['redis', redis],
    ]),
    fallback: make(),
    liveInstances: () => 2,
  });
  const breakRedis = (): void => {
    redis.failing = outage();
  };
  return { set, clock, breakRedis };
}

describe('over the local strategy', () => {
  it('a client that waits as long as it is told is let in, and one second earlier is not', async () => {
    for (const algorithm of ['sliding-window', 'fixed-window', 'token-bucket'] as const) {
      const { set, clock } = real([limit({ algorithm, rates: [{ count: 3, windowMs: 10_000 }] })]);
      for (let i = 0; i < 3; i++) assert.equal((await set.decide(facts())).rejection, undefined);
      clock.advance(1);
      const refused = await set.decide(facts());
      assert.equal(refused.rejection?.status, 429);
      const seconds = Number(field(refused.headers, 'Retry-After'));
      clock.advance((seconds - 1) * 1_000);
      assert.equal((await set.decide(facts())).rejection?.status, 429, algorithm);
      clock.advance(1_000);
      assert.equal((await set.decide(facts())).rejection, undefined, algorithm);
    }
  });

  it('a request that one limit refuses leaves no trace on the others', async () => {
    const { set } = real([
      limit({ name: 'wide', rates: [{ count: 100, windowMs: 60_000 }] }),
      limit({ name: 'narrow', rates: [{ count: 2, windowMs: 60_000 }] }),
    ]);
    for (let i = 0; i < 10; i++) await set.decide(facts());
    assert.match(field((await set.decide(facts())).headers, 'RateLimit') ?? '', /^"wide";r=98;/);
  });

  it('requests in flight take places and give them back', async () => {
    const { set } = real([concurrency({ max: 2 })]);
    const held = [await set.decide(facts()), await set.decide(facts())];
    assert.equal((await set.decide(facts())).rejection?.status, 429);
    for (const outcome of held) outcome.release?.();
    assert.equal((await set.decide(facts())).rejection, undefined);
  });

  it('in an outage each instance admits its share', async () => {
    const { set, breakRedis } = real([limit({ sharing: 'redis', rates: [{ count: 10, windowMs: 60_000 }] })]);
    breakRedis();
    let passed = 0;
    for (let i = 0; i < 20; i++) if ((await set.decide(facts())).rejection === undefined) passed += 1;
    assert.equal(passed, 5);
  });
});
