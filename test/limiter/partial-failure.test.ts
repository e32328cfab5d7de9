/** Limits whose counters live on several servers, some of which give no answer: the others' limits hold all the same. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outage } from './memory-strategy.ts';
import { bench, concurrency, facts, field, limit } from './setup.ts';

const per = (count: number): { count: number; windowMs: number }[] => [{ count, windowMs: 60_000 }];
const well = limit({ name: 'well', sharing: 'redis', rates: per(2) });
const gone = limit({ name: 'gone', sharing: 'redis', rates: per(8) });
const isGone = (counter: string): boolean => counter.startsWith('gone');

describe('while one of several servers gives no answer', () => {
  it('a limit on another one refuses what it has no room for, whatever the policy of the lost one', async () => {
    for (const onFailure of ['allow', 'local', 'deny'] as const) {
      const { set, redis, fallback } = bench([{ ...gone, onFailure }, well]);
      for (let i = 0; i < 2; i++) assert.equal((await set.decide(facts())).rejection, undefined);
      redis.lost = isGone;
      const refused = await set.decide(facts());
      assert.equal(refused.rejection?.status, 429);
      assert.deepEqual(refused.violated, ['well']);
      assert.equal(redis.total, 4);
      assert.equal(fallback.groups.length, 0);
    }
  });

  it('allow lets the lost limit pass, and the other one counts', async () => {
    const { set, redis, told } = bench([{ ...gone, onFailure: 'allow' }, well]);
    redis.lost = isGone;
    const statuses: (number | undefined)[] = [];
    for (let i = 0; i < 3; i++) statuses.push((await set.decide(facts())).rejection?.status);
    assert.deepEqual(statuses, [undefined, undefined, 429]);
    assert.equal(redis.total, 2);
    assert.deepEqual(told.slice(0, 4), [
      'time redis 0',
      'fallback gone allow',
      'decision gone redis allowed',
      'decision well redis allowed',
    ]);
  });

  it('deny refuses, and what the other one charged goes back', async () => {
    const { set, redis } = bench([{ ...gone, onFailure: 'deny' }, well]);
    redis.lost = isGone;
    const refused = await set.decide(facts());
    assert.equal(refused.rejection?.status, 503);
    assert.deepEqual(refused.violated, ['gone']);
    assert.equal(redis.refunds, 1);
    assert.equal(redis.total, 0);
  });

  it('local enforces the share of the lost limit alone, and its refusal gives back what the other one charged', async () => {
    const { set, redis, fallback } = bench([gone, { ...well, rates: per(100) }], { liveInstances: () => 4 });
    redis.lost = isGone;
    const outcomes: Awaited<ReturnType<typeof set.decide>>[] = [];
    for (let i = 0; i < 3; i++) outcomes.push(await set.decide(facts()));
    assert.deepEqual(
      outcomes.map(({ rejection }) => rejection?.status),
      [undefined, undefined, 429],
    );
    assert.equal(field(outcomes[1]?.headers ?? [], 'RateLimit'), '"gone";r=0;t=40, "well";r=98;t=40');
    assert.deepEqual(outcomes[2]?.violated, ['gone']);
    assert.equal(fallback.total, 2);
    assert.equal(redis.total, 2);
  });

  it('of several rates of one limit the lost ones are decided by policy, the others where they live', async () => {
    const rates = [...per(3), { count: 8, windowMs: 3_600_000 }];
    const { set, redis, fallback, told } = bench([{ ...gone, rates }], { liveInstances: () => 4 });
    redis.lost = (counter) => counter.includes('1h');
    const statuses: (number | undefined)[] = [];
    for (let i = 0; i < 4; i++) statuses.push((await set.decide(facts())).rejection?.status);
    assert.deepEqual(statuses, [undefined, undefined, 429, 429]);
    assert.equal(fallback.total, 2);
    assert.equal(redis.total, 2);
    assert.equal(told.filter((line) => line.startsWith('decision')).length, 4);
    redis.lost = (counter) => counter.includes('1m');
    // Alone, this instance has 3 ÷ 4 of the minute's rate, which is at least 1; Redis has not counted any of the hour's.
    const headers = (await set.decide(facts())).headers;
    assert.match(field(headers, 'RateLimit') ?? '', /r=0;t=40.*r=7;t=40/);
  });

  it('a limit in shadow mode that lacks room in one rate is charged in none', async () => {
    const rates = [{ count: 1, windowMs: 1_000 }, ...per(8)];
    const { set, redis, fallback } = bench([
      { ...gone, mode: 'shadow', rates },
      { ...well, rates: per(100) },
    ]);
    redis.lost = (counter) => isGone(counter) && counter.includes('1s');
    assert.deepEqual((await set.decide(facts())).shadowViolated, []);
    assert.deepEqual((await set.decide(facts())).shadowViolated, ['gone']);
    assert.equal(fallback.total, 1);
    assert.equal(redis.total, 3);
  });

  it('a shadow limit that would deny for lack of an answer keeps nothing and refuses nobody', async () => {
    const rates = [...per(8), { count: 8, windowMs: 1_000 }];
    const { set, redis } = bench([{ ...gone, mode: 'shadow', onFailure: 'deny', rates }, well]);
    redis.lost = (counter) => isGone(counter) && counter.includes('1s');
    const passed = await set.decide(facts());
    assert.equal(passed.rejection, undefined);
    assert.deepEqual(passed.shadowViolated, ['gone']);
    assert.equal(redis.total, 1);
  });

  it('places in flight come free where they were taken', async () => {
    const held = concurrency({ sharing: 'redis', name: 'gone' });
    const { set, redis, fallback } = bench([held, concurrency({ sharing: 'redis', name: 'well' })]);
    redis.lost = isGone;
    const passed = await set.decide(facts());
    assert.deepEqual([redis.holders.size, fallback.holders.size], [1, 1]);
    passed.release?.();
    passed.release?.();
    assert.deepEqual([redis.holders.size, fallback.holders.size], [0, 0]);
    assert.deepEqual([redis.releases, fallback.releases], [1, 1]);
  });

  it('a fallback that fails too lets the lost limit pass', async () => {
    const { set, redis, fallback, logged } = bench([gone, well]);
    redis.lost = isGone;
    fallback.failing = outage();
    assert.equal((await set.decide(facts())).rejection, undefined);
    assert.equal(redis.total, 1);
    assert.deepEqual(logged, []);
  });
});
