import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { outage } from './memory-strategy.ts';
import { API_KEY, bench, concurrency, facts, IP, limit, OVERRIDE } from './setup.ts';

const keyed = limit({
  key: [[API_KEY, IP]],
  sharing: 'redis',
  rates: [
    { count: 3, windowMs: 1_000 },
    { count: 100, windowMs: 60_000 },
  ],
  overrides: [
    { ...OVERRIDE, key: 'partner-*', rates: [{ count: 5_000, windowMs: 60_000 }] },
    { ...OVERRIDE, key: 'ip=10.*', unlimited: true },
  ],
});

describe('explain', () => {
  it('shows what each limit would look at, and counts nothing', () => {
    const { set, redis } = bench([keyed]);
    assert.deepEqual(set.explain(facts({ ip: '192.0.2.1' })), [
      {
        limit: 'per-client',
        applies: true,
        why: undefined,
        key: 'ip=192.0.2.1',
        cost: 1,
        override: undefined,
        policies: ['3/1s sliding-window, 2 buckets', '100/1m sliding-window, 2 buckets'],
        sharing: 'redis',
        mode: 'enforce',
        onFailure: 'local',
        counters: ['per-client:s2.1s:ip=192.0.2.1', 'per-client:s2.1m:ip=192.0.2.1'],
      },
    ]);
    assert.equal(redis.groups.length, 0);
  });

  it('shows the override in force', () => {
    const { set } = bench([keyed]);
    const [partner] = set.explain(facts({ headers: { 'x-api-key': 'partner-7' } }));
    assert.equal(partner?.override, 'partner-*');
    assert.deepEqual(partner?.policies, ['5000/1m sliding-window, 2 buckets']);
    const [inside] = set.explain(facts({ ip: '10.1.2.3' }));
    assert.deepEqual([inside?.applies, inside?.why], [false, 'an override makes this key unlimited']);
  });

  it('lets no header value take the override of an address', () => {
    const { set } = bench([keyed]);
    for (const posed of ['10.1.2.3', 'ip=10.1.2.3']) {
      assert.equal(set.explain(facts({ headers: { 'x-api-key': posed } }))[0]?.applies, true, posed);
    }
  });

  it('says why a limit leaves a request alone, or refuses it', () => {
    const why = (extra: Parameters<typeof limit>[0], headers = {}): string | undefined =>
      bench([limit({ key: [[API_KEY]], ...extra })]).set.explain(facts({ headers }))[0]?.why;
    assert.equal(why({}), 'the request has no header x-api-key');
    assert.equal(why({ whenMissing: 'deny' }), 'the request has no header x-api-key: refused (whenMissing: deny)');
    assert.equal(
      why({ cost: { header: 'x-cost' } }, { 'x-api-key': 'a', 'x-cost': 'b' }),
      'the header x-cost does not hold a cost: refused',
    );
  });

  it('puts every algorithm into words', () => {
    const words = (extra: Parameters<typeof limit>[0]): readonly string[] | undefined =>
      bench([limit(extra)]).set.explain(facts())[0]?.policies;
    assert.deepEqual(words({ algorithm: 'fixed-window' }), ['3/1m fixed-window']);
    assert.deepEqual(words({ algorithm: 'token-bucket', burst: 7 }), ['3/1m token-bucket, burst 7']);
    assert.deepEqual(words({ algorithm: 'token-bucket' }), ['3/1m token-bucket, burst 3']);
    assert.deepEqual(bench([concurrency()]).set.explain(facts())[0]?.policies, ['2 at once, lease 30s']);
  });
});

describe('an operator', () => {
  it('looks at a key by the text that explain shows', async () => {
    const { set, compiled } = bench([keyed]);
    const request = facts({ headers: { 'x-api-key': 'a b' } });
    await set.decide(request);
    const key = set.explain(request)[0]?.key ?? '';
    assert.equal(key, 'a%20b');
    const expected = [
      { remaining: 2, resetMs: 40_000, present: true, policy: '3/1s sliding-window, 2 buckets', limit: 3 },
      { remaining: 99, resetMs: 40_000, present: true, policy: '100/1m sliding-window, 2 buckets', limit: 100 },
    ];
    assert.deepEqual(await compiled.keys.peek('per-client', key), expected);
    assert.deepEqual(await compiled.keys.peek('per-client', 'a b'), expected);
  });

  it('looks at a key through its override, long ones too', async () => {
    const { set, compiled } = bench([keyed]);
    const long = `partner-${'x'.repeat(200)}`;
    await set.decide(facts({ headers: { 'x-api-key': long } }));
    assert.equal((await compiled.keys.peek('per-client', long))?.[0]?.remaining, 4_999);
    assert.deepEqual(await compiled.keys.peek('per-client', 'ip=10.0.0.1'), []);
  });

  it('resets a key, its share in the fallback too', async () => {
    const { set, compiled, redis, fallback } = bench([keyed]);
    const request = facts({ headers: { 'x-api-key': 'k' } });
    await set.decide(request);
    redis.failing = outage();
    await set.decide(request);
    redis.failing = undefined;
    assert.equal(await compiled.keys.reset('per-client', 'other'), false);
    assert.equal(await compiled.keys.reset('per-client', 'k'), true);
    assert.equal(redis.total + fallback.total, 0);
    assert.equal(await compiled.keys.reset('per-client', 'k'), false);
    fallback.used.set('per-client:s2.1s:k', 1);
    assert.equal(await compiled.keys.reset('per-client', 'k'), true);
  });

  it('hears of a limit that is not there, and of a store that does not answer', async () => {
    const { compiled, redis } = bench([keyed]);
    assert.equal(await compiled.keys.peek('other', 'k'), undefined);
    assert.equal(await compiled.keys.reset('other', 'k'), undefined);
    redis.failing = outage();
    await assert.rejects(compiled.keys.peek('per-client', 'k'), /did not answer/);
    await assert.rejects(compiled.keys.reset('per-client', 'k'), /did not answer/);
  });
});
