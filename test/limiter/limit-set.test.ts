import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Outcome } from '../../src/limiter/outcome.ts';
import { UNLIMITED } from '../../src/limiter/outcome.ts';
import { API_KEY, bench, concurrency, facts, field, limit, OVERRIDE } from './setup.ts';

function sync(outcome: Outcome | Promise<Outcome>): Outcome {
  assert.ok(!(outcome instanceof Promise), 'answered synchronously');
  return outcome;
}

function problemOf(outcome: Outcome): Record<string, unknown> {
  return JSON.parse(outcome.rejection?.body ?? 'null');
}

describe('a request under one limit', () => {
  it('passes until the limit is reached, then is refused with the documented answer', () => {
    const { set, local } = bench([limit()]);
    for (const remaining of [2, 1, 0]) {
      const passed = sync(set.decide(facts()));
      assert.deepEqual(passed, {
        rejection: undefined,
        headers: ['RateLimit-Policy', '"per-client";q=3;w=60', 'RateLimit', `"per-client";r=${remaining};t=40`],
        violated: [],
        shadowViolated: [],
        release: undefined,
      });
    }
    const refused = sync(set.decide(facts()));
    assert.equal(refused.rejection?.status, 429);
    assert.deepEqual(problemOf(refused), {
      type: 'https://iana.org/assignments/http-problem-types#quota-exceeded',
      title: 'Request cannot be satisfied as assigned quota has been exceeded',
      status: 429,
      detail: 'Too many requests. Come again after the seconds given in Retry-After.',
      'violated-policies': ['per-client'],
    });
    assert.deepEqual(refused.headers, [
      'RateLimit-Policy',
      '"per-client";q=3;w=60',
      'RateLimit',
      '"per-client";r=0;t=13',
      'Retry-After',
      '13',
    ]);
    assert.deepEqual(refused.violated, ['per-client']);
    assert.equal(local.total, 3);
  });

  it('says to come again after at least one second', () => {
    const { set, local } = bench([limit({ rates: [{ count: 1, windowMs: 1_000 }] })]);
    local.retryAfterMs = 0;
    sync(set.decide(facts()));
    assert.equal(field(sync(set.decide(facts())).headers, 'Retry-After'), '1');
  });

  it('counts each key apart', () => {
    const { set } = bench([limit({ rates: [{ count: 1, windowMs: 60_000 }] })]);
    assert.equal(sync(set.decide(facts({ ip: '192.0.2.1' }))).rejection, undefined);
    assert.equal(sync(set.decide(facts({ ip: '192.0.2.2' }))).rejection, undefined);
    assert.equal(sync(set.decide(facts({ ip: '192.0.2.1' }))).rejection?.status, 429);
  });

  it('reports each decision and the time it took', () => {
    const { set, told, clock, local } = bench([limit({ rates: [{ count: 1, windowMs: 60_000 }] })]);
    const check = local.check.bind(local);
    local.check = (group) => {
      clock.advance(2);
      return check(group);
    };
    sync(set.decide(facts()));
    sync(set.decide(facts()));
    assert.deepEqual(told, [
      'time local 0.002',
      'decision per-client local allowed',
      'time local 0.002',
      'decision per-client local denied',
    ]);
  });

  it('is refused where any of several rates is used up, and told which', () => {
    const rates = [
      { count: 2, windowMs: 1_000 },
      { count: 100, windowMs: 60_000 },
    ];
    const { set, local } = bench([limit({ rates })]);
    const [first] = [sync(set.decide(facts())), sync(set.decide(facts()))];
    assert.equal(field(first.headers, 'RateLimit-Policy'), '"per-client/1s";q=2;w=1, "per-client/1m";q=100;w=60');
    assert.equal(field(first.headers, 'RateLimit'), '"per-client/1s";r=1;t=40, "per-client/1m";r=99;t=40');
    const refused = sync(set.decide(facts()));
    assert.deepEqual(problemOf(refused)['violated-policies'], ['per-client/1s']);
    assert.deepEqual(refused.violated, ['per-client']);
    // Nothing was taken from the minute either, and the field says so.
    assert.equal(field(refused.headers, 'RateLimit'), '"per-client/1s";r=0;t=13, "per-client/1m";r=98;t=40');
    assert.equal(local.total, 4);
  });

  it('that is in no limit passes untouched', () => {
    const { set, local } = bench([limit({ key: [[API_KEY]] })]);
    assert.equal(set.decide(facts()), UNLIMITED);
    assert.equal(bench([]).set.decide(facts()), UNLIMITED);
    assert.equal(local.groups.length, 0);
  });

  it('without its key is refused where the limit says so, and told what it lacks', () => {
    const { set, told } = bench([limit({ key: [[API_KEY]], whenMissing: 'deny' })]);
    const refused = sync(set.decide(facts()));
    assert.equal(refused.rejection?.status, 429);
    assert.deepEqual(refused.headers, ['Retry-After', '60']);
    assert.equal(
      problemOf(refused)['detail'],
      'This request must carry: header x-api-key. Without it there is no quota.',
    );
    assert.deepEqual(refused.violated, ['per-client']);
    assert.deepEqual(told, ['decision per-client local denied']);
  });

  it('takes its override', () => {
    const { set } = bench([
      limit({
        key: [[API_KEY]],
        overrides: [
          { ...OVERRIDE, key: 'partner-*', rates: [{ count: 5_000, windowMs: 60_000 }] },
          { ...OVERRIDE, key: 'internal', unlimited: true },
        ],
      }),
    ]);
    const policy = (key: string): string | undefined =>
      field(sync(set.decide(facts({ headers: { 'x-api-key': key } }))).headers, 'RateLimit-Policy');
    assert.equal(policy('partner-1'), '"per-client";q=5000;w=60');
    assert.equal(policy('other'), '"per-client";q=3;w=60');
    assert.equal(policy('internal'), undefined);
  });
});

describe('the cost of a request', () => {
  const costly = limit({ cost: { header: 'x-cost' }, rates: [{ count: 10, windowMs: 60_000 }] });

  it('comes from its header, and is 1 without', () => {
    const { set, local } = bench([costly]);
    sync(set.decide(facts({ headers: { 'x-cost': '4' } })));
    sync(set.decide(facts()));
    assert.equal(local.total, 5);
  });

  it('is refused with 400 when it is none, and counted nowhere', () => {
    const other = limit({ name: 'other' });
    const { set, local, told } = bench([other, costly]);
    for (const text of ['', '0', '-1', '1.5', '1e3', 'many', '2147483649', '1, 2', '99999999999999999999']) {
      const refused = sync(set.decide(facts({ headers: { 'x-cost': text } })));
      assert.equal(refused.rejection?.status, 400, text);
      assert.match(String(problemOf(refused)['detail']), /x-cost/);
      assert.deepEqual(refused.violated, []);
    }
    assert.equal(local.total, 0);
    assert.deepEqual(told, []);
    assert.equal(sync(set.decide(facts({ headers: { 'x-cost': '2147483648' } }))).rejection?.status, 429);
  });
});

describe('a request under several limits', () => {
  it('is charged on all or on none, over sharings too', async () => {
    const { set, local, redis } = bench([
      limit({ name: 'shared', sharing: 'redis', rates: [{ count: 2, windowMs: 60_000 }] }),
      limit({ name: 'own', sharing: 'local', rates: [{ count: 5, windowMs: 60_000 }] }),
    ]);
    for (let i = 0; i < 2; i++) assert.equal((await set.decide(facts())).rejection, undefined);
    const refused = await set.decide(facts());
    assert.deepEqual(refused.violated, ['shared']);
    assert.equal(local.total, 2);
    assert.equal(redis.total, 2);
    assert.equal(local.refunds, 1);
    // In the order of the route, and with what is left after giving back.
    assert.equal(field(refused.headers, 'RateLimit'), '"shared";r=0;t=13, "own";r=3;t=40');
  });

  it('asks memory first, so that a refusal there saves the trip', async () => {
    const { set, redis } = bench([
      limit({ name: 'shared', sharing: 'redis' }),
      limit({ name: 'own', sharing: 'local', rates: [{ count: 1, windowMs: 60_000 }] }),
    ]);
    await set.decide(facts());
    const trips = redis.groups.length;
    const refused = sync(set.decide(facts()));
    assert.deepEqual(refused.violated, ['own']);
    assert.equal(redis.groups.length, trips);
    assert.equal(field(refused.headers, 'RateLimit-Policy'), '"shared";q=3;w=60, "own";q=1;w=60');
    assert.equal(field(refused.headers, 'RateLimit'), '"own";r=0;t=13');
  });

  it('waits for the one that refuses longest', () => {
    const { set, local } = bench([
      limit({ name: 'a', rates: [{ count: 1, windowMs: 60_000 }] }),
      limit({ name: 'b', rates: [{ count: 1, windowMs: 60_000 }] }),
    ]);
    sync(set.decide(facts()));
    const check = local.check.bind(local);
    local.check = (group) => {
      const answer = check(group);
      assert.ok(!(answer instanceof Promise));
      return {
        ...answer,
        verdicts: answer.verdicts.map((v, i) => v && { ...v, retryAfterMs: i === 0 ? 59_001 : 100 }),
      };
    };
    const refused = sync(set.decide(facts()));
    assert.deepEqual(problemOf(refused)['violated-policies'], ['a', 'b']);
    assert.equal(field(refused.headers, 'Retry-After'), '60');
  });

  it('counts a limit once that a route names twice', () => {
    const { compiled, local } = bench([limit()]);
    const set = compiled.set(['per-client', 'per-client']);
    sync(set.decide(facts()));
    assert.deepEqual(set.names, ['per-client']);
    assert.equal(local.total, 1);
  });

  it('refuses to be built from a limit or a sharing that is not there', () => {
    const { compiled } = bench([limit()]);
    assert.throws(() => compiled.set(['per-cleint']), /no limit is called per-cleint/);
    assert.throws(
      () => bench([limit({ sharing: 'redis' })], { strategies: new Map() }),
      /sharing redis is not running/,
    );
  });
});

describe('a limit in shadow mode', () => {
  const shadow = limit({ name: 'trial', mode: 'shadow', rates: [{ count: 1, windowMs: 60_000 }] });

  it('refuses nobody, is reported, and stays out of the fields', () => {
    const { set, told, local } = bench([shadow, limit()]);
    assert.deepEqual(sync(set.decide(facts())).shadowViolated, []);
    const second = sync(set.decide(facts()));
    assert.equal(second.rejection, undefined);
    assert.deepEqual(second.shadowViolated, ['trial']);
    assert.deepEqual(second.violated, []);
    assert.equal(field(second.headers, 'RateLimit-Policy'), '"per-client";q=3;w=60');
    assert.ok(told.includes('decision trial local shadow_denied'));
    assert.equal(local.total, 3);
  });

  it('is charged only when the request passes', () => {
    const { set, local } = bench([
      limit({ rates: [{ count: 1, windowMs: 60_000 }] }),
      { ...shadow, rates: [{ count: 9, windowMs: 60_000 }] },
    ]);
    for (let i = 0; i < 3; i++) sync(set.decide(facts()));
    assert.equal(local.total, 2);
  });

  it('with several rates is charged on all or on none, as when enforced', () => {
    const rates = [
      { count: 1, windowMs: 1_000 },
      { count: 9, windowMs: 60_000 },
    ];
    const { set, local } = bench([{ ...shadow, rates }]);
    for (let i = 0; i < 3; i++) assert.equal(sync(set.decide(facts())).rejection, undefined);
    assert.deepEqual([...local.used.values()], [1, 1]);
  });

  it('refuses neither for a missing key nor for a malformed cost', () => {
    const missing = bench([{ ...shadow, key: [[API_KEY]], whenMissing: 'deny' }]);
    assert.deepEqual(sync(missing.set.decide(facts())).shadowViolated, ['trial']);
    assert.deepEqual(missing.told, ['decision trial local shadow_denied']);
    const cost = bench([{ ...shadow, cost: { header: 'x-cost' } }]);
    assert.equal(cost.set.decide(facts({ headers: { 'x-cost': 'x' } })), UNLIMITED);
  });
});

describe('concurrency', () => {
  it('is held until the exchange has ended, and released once', () => {
    const { set, local } = bench([concurrency({ max: 1 })]);
    const first = sync(set.decide(facts()));
    assert.equal(first.rejection, undefined);
    assert.equal(field(first.headers, 'RateLimit-Policy'), '"in-flight";q=1;qu="concurrent-requests"');
    assert.equal(field(first.headers, 'RateLimit'), '"in-flight";r=0');
    const refused = sync(set.decide(facts()));
    assert.equal(refused.rejection?.status, 429);
    assert.equal(field(refused.headers, 'RateLimit'), '"in-flight";r=0;t=1');
    assert.equal(field(refused.headers, 'Retry-After'), '1');
    assert.equal(refused.release, undefined);
    first.release?.();
    first.release?.();
    assert.equal(local.releases, 1);
    assert.equal(sync(set.decide(facts())).rejection, undefined);
  });

  it('is not held by a request that another limit refuses', async () => {
    const { set, local } = bench([
      concurrency({ max: 1 }),
      limit({ sharing: 'redis', rates: [{ count: 1, windowMs: 60_000 }] }),
    ]);
    (await set.decide(facts())).release?.();
    const refused = await set.decide(facts());
    assert.deepEqual(refused.violated, ['per-client']);
    assert.equal(refused.release, undefined);
    assert.equal(local.holders.size, 0);
  });

  it('has a holder of its own for each limit, unique over instances', () => {
    const holders = new Set<string | undefined>();
    for (const instance of ['gw-1', 'gw 2']) {
      const { set, local } = bench([concurrency({ max: 9 }), concurrency({ name: 'other', max: 9 })], { instance });
      for (let i = 0; i < 3; i++) sync(set.decide(facts()));
      for (const check of local.groups.flat()) holders.add(check.holder);
    }
    assert.equal(holders.size, 12);
    for (const holder of holders) assert.match(holder ?? '', /^[!-~]{1,80}$/);
  });

  it('takes one place for each request, whatever else it costs', () => {
    const { set, local } = bench([concurrency({ max: 2, cost: { header: 'x-cost' } })]);
    for (const cost of ['7', 'none of our business']) {
      assert.equal(sync(set.decide(facts({ headers: { 'x-cost': cost } }))).rejection, undefined);
    }
    assert.equal(local.total, 2);
  });

  it('in shadow mode releases only what it holds', () => {
    const { set, local } = bench([concurrency({ max: 1, mode: 'shadow' })]);
    const held = sync(set.decide(facts()));
    const over = sync(set.decide(facts()));
    assert.deepEqual(over.shadowViolated, ['in-flight']);
    assert.equal(over.release, undefined);
    held.release?.();
    assert.equal(local.holders.size, 0);
  });
});

describe('a reload', () => {
  it('keeps the counters of a limit whose numbers change, and starts afresh where its window or algorithm does', () => {
    const base = limit({ rates: [{ count: 3, windowMs: 60_000 }] });
    const { limiter, local } = bench([base]);
    const used = (changed: Partial<typeof base>): number => {
      local.used.clear();
      const before = limiter.compile([base]).set(['per-client']);
      sync(before.decide(facts()));
      sync(
        limiter
          .compile([{ ...base, ...changed }])
          .set(['per-client'])
          .decide(facts()),
      );
      return Math.max(...local.used.values());
    };
    assert.equal(used({}), 2);
    assert.equal(used({ rates: [{ count: 50, windowMs: 60_000 }] }), 2);
    assert.equal(used({ rates: [{ count: 3, windowMs: 61_000 }] }), 1);
    assert.equal(used({ algorithm: 'fixed-window' }), 1);
    assert.equal(used({ buckets: 10 }), 1);
  });

  it('can change the header style', () => {
    const { limiter } = bench([]);
    const set = limiter.compile([limit()], 'legacy').set(['per-client']);
    assert.equal(field(sync(set.decide(facts())).headers, 'X-RateLimit-Limit'), '3');
  });
});

describe('a counter', () => {
  it('is printable ASCII without spaces, at most 200 characters, and unlike any other', () => {
    const counters = new Set<string>();
    for (const name of ['a', 'a:b', `${'n'.repeat(300)}1`, `${'n'.repeat(300)}2`]) {
      for (const key of ['k', 'k:k', ' é ', 'x'.repeat(5_000), `${'x'.repeat(5_000)}y`]) {
        const rates = [
          { count: 3, windowMs: 1_000 },
          { count: 3, windowMs: 60_000 },
        ];
        const { set, local } = bench([limit({ name, key: [[API_KEY]], rates })]);
        sync(set.decide(facts({ headers: { 'x-api-key': key } })));
        for (const check of local.groups.flat()) counters.add(check.counter);
      }
    }
    assert.equal(counters.size, 4 * 5 * 2);
    for (const counter of counters) assert.match(counter, /^[!-~]{1,200}$/);
  });
});

describe('a defect of ours', () => {
  const broken = { ...facts(), header: () => assert.fail('broken facts') };

  it('lets the request pass, and is logged', () => {
    const { set, logged } = bench([limit({ key: [[API_KEY]] })]);
    assert.equal(set.decide(broken), UNLIMITED);
    assert.equal(logged.length, 1);
    assert.match(logged[0] ?? '', /broken facts/);
  });

  it('refuses where the operator wants it so', () => {
    const { set } = bench([limit({ key: [[API_KEY]], onFailure: 'deny' })]);
    assert.equal(sync(set.decide(broken)).rejection?.status, 503);
  });
});
