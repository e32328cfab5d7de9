import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fixedWindow } from '../../src/algorithms/fixed-window.ts';
import { slidingWindow } from '../../src/algorithms/sliding-window.ts';
import { tokenBucket } from '../../src/algorithms/token-bucket.ts';
import { neverRefuses } from '../../src/config/idle-rates.ts';
import type { Rate } from '../../src/core/types.ts';

const KINDS = ['fixed-window', 'sliding-window', 'token-bucket'] as const;
type Kind = (typeof KINDS)[number];

/** One counter of an algorithm; `ask` answers, `take` charges what was asked. */
function counter(kind: Kind, rate: Rate, buckets: number): { ask(now: number): boolean; take(): void } {
  const numbers = { limit: rate.count, windowMs: rate.windowMs };
  const make = <S>(decide: (state: S | undefined, now: number) => { allowed: boolean; next: S }) => {
    let state: S | undefined;
    let next: S | undefined;
    return {
      ask(now: number): boolean {
        const decision = decide(state, now);
        next = decision.next;
        return decision.allowed;
      },
      take(): void {
        state = next;
      },
    };
  };
  switch (kind) {
    case 'fixed-window':
      return make((state: Parameters<typeof fixedWindow.decide>[1], now) =>
        fixedWindow.decide({ algorithm: kind, ...numbers }, state, 1, now),
      );
    case 'sliding-window':
      return make((state: Parameters<typeof slidingWindow.decide>[1], now) =>
        slidingWindow.decide({ algorithm: kind, ...numbers, buckets }, state, 1, now),
      );
    case 'token-bucket':
      return make((state: Parameters<typeof tokenBucket.decide>[1], now) =>
        tokenBucket.decide({ algorithm: kind, ...numbers, burst: rate.count }, state, 1, now),
      );
  }
}

const rate = fc.record({ count: fc.integer({ min: 1, max: 6 }), windowMs: fc.integer({ min: 3, max: 60 }) });
/** As `strict`, but looser by a random factor, so that about half the pairs are found idle. */
const pair = fc
  .record({
    strict: rate,
    windowMs: fc.integer({ min: 3, max: 200 }),
    more: fc.double({ min: 0.3, max: 4, noNaN: true }),
    plus: fc.nat(6),
  })
  .map(({ strict, windowMs, more, plus }) => {
    const count = Math.max(1, Math.round(more * strict.count * Math.max(1, windowMs / strict.windowMs)) + plus);
    return { strict, loose: { count, windowMs } };
  });
const steps = fc.array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.constantFrom(1, 2, 5), fc.nat(80)), {
  minLength: 50,
  maxLength: 250,
});

for (const kind of KINDS) {
  test(`${kind}: a rate called idle never refuses what the stricter one admits`, () => {
    let found = 0;
    fc.assert(
      fc.property(
        pair,
        fc.integer({ min: 2, max: 5 }),
        fc.nat(500),
        steps,
        ({ strict, loose }, buckets, start, gaps) => {
          if (strict.windowMs < buckets - 1 || !neverRefuses(loose, strict, kind, buckets)) return;
          found++;
          const first = counter(kind, strict, buckets);
          const second = counter(kind, loose, buckets);
          let now = start;
          for (const gap of gaps) {
            now += gap;
            const allowed = first.ask(now);
            const idle = second.ask(now);
            if (!allowed) continue;
            assert.ok(idle, `refused at ${now}`);
            first.take();
            second.take();
          }
        },
      ),
      { numRuns: 3_000 },
    );
    assert.ok(found > 200, `only ${found} pairs were idle: the test shows little`);
  });

  test(`${kind}: rates that both matter are left alone`, () => {
    assert.equal(neverRefuses({ count: 1000, windowMs: 3_600_000 }, { count: 10, windowMs: 1_000 }, kind, 2), false);
    assert.equal(neverRefuses({ count: 10, windowMs: 1_000 }, { count: 1000, windowMs: 3_600_000 }, kind, 2), false);
    assert.equal(neverRefuses({ count: 5000, windowMs: 3_600_000 }, { count: 300, windowMs: 60_000 }, kind, 6), false);
  });
}

test('the plain case is found by every algorithm', () => {
  for (const kind of KINDS) {
    assert.equal(
      neverRefuses({ count: 100_000, windowMs: 60_000 }, { count: 10, windowMs: 1_000 }, kind, 2),
      true,
      kind,
    );
  }
});

test('exactly reaching the other rate: certain where windows are aligned, not where they slide', () => {
  const loose = { count: 600, windowMs: 60_000 };
  const strict = { count: 10, windowMs: 1_000 };
  assert.equal(neverRefuses(loose, strict, 'fixed-window', 2), true);
  assert.equal(neverRefuses({ ...loose, count: 599 }, strict, 'fixed-window', 2), false);
  assert.equal(neverRefuses(loose, strict, 'token-bucket', 2), true);
  assert.equal(neverRefuses(loose, strict, 'sliding-window', 2), false);
});
