import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import { systemClock } from '../../src/core/clock.ts';
import { StoreError } from '../../src/core/errors.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import { Demand, refillLevel, unitsToBuy } from '../../src/sharing/lease-demand.ts';
import { LeasedStrategy } from '../../src/sharing/leased.ts';
import { LocalStrategy } from '../../src/sharing/local.ts';
import type { Check, GroupVerdict } from '../../src/sharing/strategy.ts';
import { check, strategyConformance } from '../conformance/strategy.ts';

const PER_MINUTE: Policy = { algorithm: 'fixed-window', limit: 1_000, windowMs: 60_000 };
const SLIDING: Policy = { algorithm: 'sliding-window', limit: 1_000, windowMs: 60_000, buckets: 2 };

/** Counts in memory, and can be made to fail. */
class Store extends LocalStrategy {
  failing = false;
  /** Groups asked. */
  asked: (readonly Check[])[] = [];
  refunds: number[] = [];

  override check(group: readonly Check[]): GroupVerdict | Promise<GroupVerdict> {
    this.asked.push(group);
    if (this.failing) return Promise.reject(new StoreError('SLUICE_STORE_TIMEOUT', 'down'));
    return super.check(group);
  }
  override refund(group: readonly Check[], verdict: GroupVerdict): void {
    this.refunds.push(...group.map(({ cost }) => cost));
    super.refund(group, verdict);
  }
}

async function setup(options: { maxKeys?: number; live?: number } = {}) {
  const clock = new VirtualClock(1_700_000_040_000); // the start of a minute
  const store = new Store({ clock, maxKeys: 100_000, telemetry: silentTelemetry });
  const units = { bought: 0, used: 0, returned: 0, expired: 0 };
  const strategy = new LeasedStrategy({
    clock,
    inner: store,
    timeoutMs: 50,
    liveInstances: () => options.live ?? 1,
    ...(options.maxKeys === undefined ? {} : { maxKeys: options.maxKeys }),
    telemetry: {
      ...silentTelemetry,
      leased: (_limit, count) => {
        units.used += count;
      },
      leaseUnits: (_limit, result, count) => {
        units[result] += count;
      },
    },
  });
  await strategy.start();
  /** Asks `times` times; the store answers at once. */
  const ask = (c: Check, times = 1): GroupVerdict => {
    let verdict: GroupVerdict | undefined;
    for (let i = 0; i < times; i++) verdict = strategy.check([c]) as GroupVerdict;
    assert.ok(verdict !== undefined);
    return verdict;
  };
  const left = async (c: Check): Promise<number> => (await store.peek(c)).remaining;
  return { clock, store, strategy, units, ask, left };
}

const hot = (policy: Policy, extra: Partial<Check> = {}): Check => check(policy, { lease: true, ...extra });

strategyConformance('leased around local', async () => {
  const inner = new LocalStrategy({ clock: systemClock, maxKeys: 10_000, telemetry: silentTelemetry });
  const leased = new LeasedStrategy({
    clock: systemClock,
    inner,
    telemetry: silentTelemetry,
    timeoutMs: 50,
    liveInstances: () => 1,
  });
  return { strategy: alwaysLeasing(leased) };
});

/** The suite's checks, asking for leases. */
function alwaysLeasing(leased: LeasedStrategy): LeasedStrategy {
  const ask = leased.check.bind(leased);
  leased.check = (group) => ask(group.map((c) => ({ ...c, lease: true })));
  return leased;
}

describe('a lease', () => {
  it('is bought for a hot key only', async () => {
    const { ask, units } = await setup();
    for (let i = 0; i < 100; i++) ask(hot(PER_MINUTE));
    assert.equal(units.bought, 0);
    const c = hot(PER_MINUTE);
    ask(c, 3);
    assert.equal(units.bought, 0);
    ask(c, 2);
    assert.deepEqual(units, { bought: 4, used: 1, returned: 0, expired: 0 });
  });

  it('is not bought for checks that do not ask for it, nor for policies without sub-windows', async () => {
    const { ask, units } = await setup();
    ask(check(PER_MINUTE), 50);
    ask(hot({ algorithm: 'token-bucket', limit: 1_000, windowMs: 60_000, burst: 1_000 }), 50);
    ask(hot({ algorithm: 'concurrency', limit: 1_000, leaseMs: 60_000 }), 50);
    assert.equal(units.bought, 0);
  });

  it('grows with demand, so that the store is asked ever more rarely', async () => {
    const { ask, store, clock } = await setup();
    const c = hot({ ...PER_MINUTE, limit: 1_000_000 });
    const askedIn = (ms: number): number => {
      const before = store.asked.length;
      for (let i = 0; i < ms; i++) {
        ask(c);
        clock.advance(1);
      }
      return store.asked.length - before;
    };
    askedIn(300);
    const steady = askedIn(1_000);
    assert.ok(steady <= 14, `${steady} calls for 1,000 requests in a second`);
  });

  it('lets the limit be used up to the last unit, and says how many are left on the way', async () => {
    const { ask, units } = await setup();
    const c = hot(PER_MINUTE);
    let last = 1_000;
    for (let i = 0; i < 1_000; i++) {
      const verdict = ask(c);
      assert.equal(verdict.allowed, true);
      const remaining = verdict.verdicts[0]?.remaining ?? -1;
      assert.equal(remaining, last - 1);
      last = remaining;
    }
    assert.equal(ask(c).allowed, false);
    assert.ok(units.used > 900, `${units.used} from leases`);
    assert.equal(units.bought, units.used);
  });

  it('ends with its sub-window: a fixed window forgets what is unspent', async () => {
    const { ask, clock, units, left } = await setup();
    const c = hot(PER_MINUTE);
    clock.advance(59_900);
    ask(c, 100);
    const held = units.bought - units.used;
    assert.ok(held > 0);
    clock.advance(99);
    const used = units.used;
    ask(c);
    assert.equal(units.used, used, 'two milliseconds before the end is too late');
    clock.advance(60);
    assert.equal(units.expired, held);
    assert.equal(await left(c), 1_000);
  });

  it('ends with its sub-window: a sliding window gets back what is unspent', async () => {
    const { ask, clock, units, store, left } = await setup();
    const c = hot(SLIDING);
    clock.advance(59_900);
    ask(c, 100);
    const held = units.bought - units.used;
    clock.advance(200);
    assert.deepEqual(store.refunds, [held]);
    // The 100 requests weigh as they would have without leases, the unspent units nothing.
    assert.equal(await left(c), 1_000 - Math.ceil((100 * 59_900) / 60_000));
  });

  it('goes back when demand ends', async () => {
    const { ask, clock, units, left } = await setup();
    const c = hot(PER_MINUTE);
    ask(c, 100);
    assert.ok((await left(c)) < 900);
    clock.advance(600);
    assert.equal(units.bought, units.used + units.returned);
    assert.equal(await left(c), 900);
  });

  it('goes back when the strategy closes', async () => {
    const { ask, strategy, left } = await setup();
    const c = hot(PER_MINUTE);
    ask(c, 100);
    await strategy.close();
    assert.equal(await left(c), 900);
  });

  it('ends when the machine was suspended, which stops the monotonic clock', async () => {
    const { ask, clock, units } = await setup();
    const c = hot(PER_MINUTE);
    ask(c, 100);
    const held = units.bought - units.used;
    clock.stepWall(60_000);
    ask(c);
    assert.equal(units.returned, held);
  });

  it('pays while the store is down, until it ends', async () => {
    const { ask, clock, store, strategy, units } = await setup();
    const c = hot(PER_MINUTE);
    ask(c, 100);
    const held = units.bought - units.used;
    store.failing = true;
    ask(c, held);
    await assert.rejects(async () => strategy.check([c]), { code: 'SLUICE_STORE_TIMEOUT' });
    clock.advance(100);
    store.failing = false;
    assert.equal(ask(c).allowed, true);
  });

  it('is not bought again for a second after a purchase failed: those units may be charged and lost', async () => {
    const { ask, clock, store, units } = await setup();
    const c = hot(PER_MINUTE);
    ask(c, 100);
    store.failing = true;
    ask(c, units.bought - units.used);
    await Promise.resolve();
    store.failing = false;
    const { bought } = units;
    clock.advance(900);
    ask(c, 20);
    assert.equal(units.bought, bought);
    clock.advance(200);
    ask(c, 20);
    assert.ok(units.bought > bought);
  });

  it('is worth nothing after a reset, and nothing of it goes back', async () => {
    const { ask, clock, strategy, store, units, left } = await setup();
    const c = hot(PER_MINUTE);
    ask(c, 50);
    const undone = ask(c);
    assert.equal(await strategy.reset(c), true);
    strategy.refund([c], undone);
    ask(c);
    clock.advance(1_000);
    assert.deepEqual(store.refunds, []);
    assert.equal(await left(c), 999);
    ask(c, 50);
    const held = units.bought;
    strategy.forgetAll();
    clock.advance(1_000);
    assert.deepEqual(store.refunds, []);
    assert.equal(units.bought, held);
  });

  it('serves costs above 1, and leaves what is too little for one', async () => {
    const { ask, clock, left } = await setup();
    const c = hot(PER_MINUTE, { cost: 7 });
    for (let i = 0; i < 142; i++) assert.equal(ask(c).allowed, true);
    assert.equal(ask(c).allowed, false);
    clock.advance(1_000);
    assert.equal(await left(c), 1_000 - 142 * 7);
  });

  it('takes back what another limit refused, or hands it on when it has ended', async () => {
    const { ask, clock, strategy, left } = await setup();
    const c = hot(PER_MINUTE);
    ask(c, 50);
    const first = ask(c);
    const second = ask(c);
    strategy.refund([c], first);
    clock.advance(700);
    assert.equal(await left(c), 1_000 - 51);
    strategy.refund([c], second);
    assert.equal(await left(c), 1_000 - 50);
  });

  it('never grows by refunds beyond what it was bought for', async () => {
    const { strategy, ask, store } = await setup();
    const c = hot(PER_MINUTE);
    ask(c, 30);
    const verdicts = Array.from({ length: 40 }, () => ask(c));
    store.refunds = [];
    for (const verdict of verdicts) strategy.refund([c], verdict);
    assert.ok(store.refunds.length > 0, 'some went straight to the store');
  });

  it('is one for each counter of a group: all decide in memory, or the store decides all', async () => {
    const { strategy, store, left, clock } = await setup();
    const wide = hot({ ...PER_MINUTE, limit: 100_000 });
    const narrow = hot(SLIDING);
    let allowed = 0;
    for (let i = 0; i < 1_200; i++) if ((strategy.check([wide, narrow]) as GroupVerdict).allowed) allowed += 1;
    assert.equal(allowed, 1_000);
    assert.ok(store.asked.length < 700, `${store.asked.length} calls`);
    // With a check beside them that leases nothing the store is asked for all three.
    const before = store.asked.length;
    await strategy.check([wide, check(PER_MINUTE)]);
    assert.equal(store.asked[before]?.length, 2);
    clock.advance(1_000);
    assert.equal(await left(wide), 100_000 - 1_001);
    assert.equal(await left(narrow), 0);
  });

  it('observes a bounded number of keys', async () => {
    const { ask, units } = await setup({ maxKeys: 10 });
    const keys = Array.from({ length: 100 }, () => hot(PER_MINUTE));
    for (const c of keys) ask(c, 20);
    assert.ok(units.bought - units.used - units.returned - units.expired <= 5 * 250, 'held by five keys at most');
    assert.equal(ask(hot(PER_MINUTE)).allowed, true);
  });
});

describe('the size of a lease', () => {
  const calm = {
    demand: { units: 100, ms: 200 },
    shortage: 0,
    remaining: 10_000,
    timeLeft: 60_000,
    liveInstances: 1,
    unspent: 0,
    cost: 1,
    part: 0,
    fades: false,
  };

  it('is what was admitted lately, less what is there', () => {
    assert.equal(unitsToBuy(calm), 100);
    assert.equal(unitsToBuy({ ...calm, unspent: 20 }), 80);
    assert.equal(unitsToBuy({ ...calm, demand: { units: 0, ms: 200 } }), 0);
  });

  it('is at most a quarter of what is left, over all instances', () => {
    assert.equal(unitsToBuy({ ...calm, remaining: 200 }), 50);
    assert.equal(unitsToBuy({ ...calm, remaining: 200, liveInstances: 10 }), 5);
    assert.equal(unitsToBuy({ ...calm, remaining: 200, liveInstances: 0 }), 50);
    assert.equal(unitsToBuy({ ...calm, remaining: 1e9, demand: { units: 1e9, ms: 200 } }), 10_000);
  });

  it('is nothing where it would not cover two requests', () => {
    assert.equal(unitsToBuy({ ...calm, remaining: 7 }), 0);
    assert.equal(unitsToBuy({ ...calm, remaining: 8 }), 2);
    assert.equal(unitsToBuy({ ...calm, remaining: 40, cost: 6 }), 0);
  });

  it('is what can be used before the sub-window ends, and no less than what is waited for', () => {
    assert.equal(unitsToBuy({ ...calm, timeLeft: 20 }), 10);
    assert.equal(unitsToBuy({ ...calm, timeLeft: 20, demand: { units: 100, ms: 500 } }), 4);
    assert.equal(unitsToBuy({ ...calm, timeLeft: -1 }), 0);
    assert.equal(unitsToBuy({ ...calm, timeLeft: 20, shortage: 30 }), 30);
    assert.equal(unitsToBuy({ ...calm, remaining: 80, shortage: 30 }), 20);
  });

  it('is at least a part: of what is left where that is all, whatever is left where units come free', () => {
    const near = { ...calm, part: 12, liveInstances: 4 };
    assert.equal(unitsToBuy({ ...near, remaining: 100 }), 12);
    assert.equal(unitsToBuy({ ...near, remaining: 20 }), 5);
    assert.equal(unitsToBuy({ ...near, remaining: 7 }), 0);
    assert.equal(unitsToBuy({ ...near, remaining: 7, fades: true }), 12);
    assert.equal(unitsToBuy({ ...near, remaining: 7, fades: true, demand: { units: 5, ms: 200 } }), 5);
  });
});

describe('the demand for a key', () => {
  it('forgets after one to two tenths of a second, where that is enough for a purchase', () => {
    const demand = new Demand();
    for (let i = 0; i < 20; i++) demand.add(1_000, 2);
    assert.deepEqual(demand.lately(1_000), { units: 40, ms: 200 });
    assert.deepEqual(demand.lately(1_150), { units: 40, ms: 200 });
    assert.deepEqual(demand.lately(1_250), { units: 0, ms: 200 });
  });

  it('looks back for up to half a second for what is worth a purchase', () => {
    const demand = new Demand();
    for (let ms = 0; ms < 2_000; ms += 20) demand.add(10_000 + ms, 1);
    assert.deepEqual(demand.lately(12_000), { units: 20, ms: 500 });
    for (let ms = 0; ms < 200; ms += 10) demand.add(12_000 + ms, 1);
    assert.deepEqual(demand.lately(12_199), { units: 30, ms: 400 });
    for (let ms = 0; ms < 400; ms += 1) demand.add(12_200 + ms, 1);
    assert.deepEqual(demand.lately(12_599), { units: 200, ms: 200 });
  });

  it('is forgotten after a pause', () => {
    for (const pause of [500, 550, 10_000]) {
      const demand = new Demand();
      for (let i = 0; i < 20; i++) demand.add(1_000, 1);
      for (let i = 0; i < 4; i++) demand.add(1_000 + pause, 1);
      assert.deepEqual(demand.lately(1_000 + pause), { units: 4, ms: 500 }, `${pause}`);
    }
  });

  it('needs four requests, however dear they are', () => {
    const demand = new Demand();
    for (let i = 0; i < 3; i++) demand.add(1_000, 50);
    assert.equal(demand.lately(1_000).units, 0);
    demand.add(1_001, 50);
    assert.equal(demand.lately(1_001).units, 200);
  });
});

describe('the next purchase', () => {
  it('is due at a quarter, or when what is left lasts for no longer than 60 ms or three answers', () => {
    const demand = { units: 100, ms: 200 };
    assert.equal(refillLevel(100, demand, 1), 25);
    assert.equal(refillLevel(400, demand, 1), 30);
    assert.equal(refillLevel(400, demand, 40), 60);
    assert.equal(refillLevel(22, { units: 22, ms: 500 }, 1), 2);
    assert.equal(refillLevel(0, demand, 1), 0);
  });
});
