import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import { Shares } from '../../src/limiter/failure.ts';
import { outage } from './memory-strategy.ts';
import { bench, concurrency, facts, field, limit } from './setup.ts';

const shared = limit({ sharing: 'redis', rates: [{ count: 8, windowMs: 60_000 }] });

describe('while the store cannot be reached', () => {
  it('allow lets requests pass, charges nothing and says nothing', async () => {
    const { set, redis, told, logged, fallback } = bench([{ ...shared, onFailure: 'allow' }]);
    redis.failing = outage();
    const passed = await set.decide(facts());
    assert.equal(passed.rejection, undefined);
    assert.deepEqual(passed.headers, []);
    assert.deepEqual(told, ['time redis 0', 'fallback per-client allow', 'decision per-client redis allowed']);
    assert.deepEqual(logged, []);
    assert.equal(fallback.groups.length, 0);
  });

  it('deny answers 503, to come again in a second', async () => {
    const { set, redis, told } = bench([{ ...shared, onFailure: 'deny' }]);
    redis.failing = outage();
    const refused = await set.decide(facts());
    assert.equal(refused.rejection?.status, 503);
    const body = JSON.parse(refused.rejection?.body ?? '');
    assert.equal(body.type, 'https://iana.org/assignments/http-problem-types#temporary-reduced-capacity');
    assert.deepEqual(body['violated-policies'], ['per-client']);
    assert.deepEqual(refused.headers, ['Retry-After', '1']);
    assert.deepEqual(told, ['time redis 0', 'fallback per-client deny', 'decision per-client redis denied']);
  });

  it('local enforces this instance’s share, and the store decides again as soon as it can', async () => {
    let live = 4;
    const { set, redis, fallback, told } = bench([shared], { liveInstances: () => live });
    redis.failing = outage();
    const statuses: (number | undefined)[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await set.decide(facts())).rejection?.status);
    assert.deepEqual(statuses, [undefined, undefined, 429]);
    assert.equal(told.filter((line) => line === 'fallback per-client local').length, 3);
    assert.equal(redis.total, 0);
    assert.equal(fallback.total, 2);
    // Another instance died: the share grows.
    live = 2;
    const passed = await set.decide(facts());
    assert.equal(field(passed.headers, 'RateLimit'), '"per-client";r=1;t=40');
    assert.equal(field(passed.headers, 'RateLimit-Policy'), '"per-client";q=8;w=60');
    redis.failing = undefined;
    assert.equal(field((await set.decide(facts())).headers, 'RateLimit'), '"per-client";r=7;t=40');
  });

  it('each limit goes by its own policy; one that denies is enough', async () => {
    const limits = [
      { ...shared, name: 'a', onFailure: 'allow' as const },
      { ...shared, name: 'b', onFailure: 'local' as const },
    ];
    const mixed = bench(limits);
    mixed.redis.failing = outage();
    assert.equal(field((await mixed.set.decide(facts())).headers, 'RateLimit-Policy'), '"b";q=8;w=60');
    const denying = bench([...limits, { ...shared, name: 'c', onFailure: 'deny' }]);
    denying.redis.failing = outage();
    const refused = await denying.set.decide(facts());
    assert.equal(refused.rejection?.status, 503);
    assert.deepEqual(refused.violated, ['c']);
    assert.equal(denying.fallback.total, 0);
  });

  it('gives back what other sharings charged when it refuses', async () => {
    for (const onFailure of ['deny', 'local'] as const) {
      const own = limit({ name: 'own', rates: [{ count: 9, windowMs: 60_000 }] });
      const { set, redis, local } = bench([own, { ...shared, onFailure, rates: [{ count: 1, windowMs: 60_000 }] }]);
      redis.failing = outage();
      let passed = 0;
      for (let i = 0; i < 4; i++) if ((await set.decide(facts())).rejection === undefined) passed += 1;
      assert.equal(passed, onFailure === 'deny' ? 0 : 1);
      assert.equal(local.total, passed);
    }
  });

  it('a limit in shadow mode refuses nobody even with deny', async () => {
    const { set, redis, told } = bench([{ ...shared, onFailure: 'deny', mode: 'shadow' }]);
    redis.failing = outage();
    const outcome = await set.decide(facts());
    assert.equal(outcome.rejection, undefined);
    assert.deepEqual(outcome.shadowViolated, ['per-client']);
    assert.ok(told.includes('decision per-client redis shadow_denied'));
  });

  it('concurrency is held and released in the fallback, whoever is back meanwhile', async () => {
    const { set, redis, fallback } = bench([concurrency({ sharing: 'redis' })]);
    redis.failing = outage();
    const held = await set.decide(facts());
    redis.failing = undefined;
    held.release?.();
    assert.equal(fallback.releases, 1);
    assert.equal(redis.releases, 0);
    assert.equal(fallback.holders.size, 0);
  });

  it('a strategy that throws is treated alike, and logged once a minute for each kind', async () => {
    const { set, local, logged, clock, fallback } = bench([limit()]);
    local.failing = new TypeError('a defect\nwith a second line');
    for (let i = 0; i < 3; i++) assert.equal((await set.decide(facts())).rejection, undefined);
    assert.equal(fallback.total, 3);
    assert.equal(logged.length, 1);
    assert.match(logged[0] ?? '', /a defect"/);
    clock.advance(60_001);
    await set.decide(facts());
    assert.equal(logged.length, 2);
  });

  it('requests pass when even the fallback fails', async () => {
    const { set, redis, fallback, logged } = bench([shared]);
    redis.failing = outage();
    fallback.failing = new RangeError('no memory');
    assert.equal((await set.decide(facts())).rejection, undefined);
    assert.equal(logged.length, 1);
  });
});

describe('an instance’s share of a limit', () => {
  it('is limit ÷ live instances, rounded down, at least 1', () => {
    let live = 3;
    const shares = new Shares(() => live);
    const window: Policy = { algorithm: 'fixed-window', limit: 100, windowMs: 1_000 };
    assert.deepEqual(shares.of(window), { ...window, limit: 33 });
    assert.equal(shares.of(window), shares.of(window));
    live = 1_000;
    assert.deepEqual(shares.of(window), { ...window, limit: 1 });
    live = 2;
    const bucket: Policy = { algorithm: 'token-bucket', limit: 100, windowMs: 1_000, burst: 7 };
    assert.deepEqual(shares.of(bucket), { ...bucket, limit: 50, burst: 3 });
    for (const odd of [0, -1, Number.NaN]) {
      live = odd;
      assert.equal(shares.of(window), window);
    }
  });
});
