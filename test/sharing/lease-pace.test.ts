/** A leased key at its limit: refused from memory until a part is worth a trip, and requests that join a purchase. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { StoreError } from '../../src/core/errors.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import type { LeasablePolicy } from '../../src/sharing/lease.ts';
import { rhythmOf } from '../../src/sharing/lease-pace.ts';
import { LeasedStrategy } from '../../src/sharing/leased.ts';
import { LocalStrategy } from '../../src/sharing/local.ts';
import type { Check, GroupVerdict } from '../../src/sharing/strategy.ts';
import { check } from '../conformance/strategy.ts';

const TIMEOUT_MS = 50;
const START = 1_700_000_040_000; // the start of a minute
/** One unit a millisecond. */
const SLIDING: LeasablePolicy = { algorithm: 'sliding-window', limit: 60_000, windowMs: 60_000, buckets: 2 };

const hot = (policy: LeasablePolicy, extra: Partial<Check> = {}): Check => check(policy, { lease: true, ...extra });

/** Counts in memory; answers at once, or after `delayMs`, or fails. */
class Store extends LocalStrategy {
  delayMs = 0;
  failing = false;
  asked: (readonly Check[])[] = [];
  readonly #clock: VirtualClock;
  constructor(clock: VirtualClock) {
    super({ clock, maxKeys: 1_000, telemetry: silentTelemetry });
    this.#clock = clock;
  }
  override check(group: readonly Check[]): GroupVerdict | Promise<GroupVerdict> {
    this.asked.push(group);
    if (this.delayMs === 0 && !this.failing) return super.check(group);
    return new Promise((resolve, reject) => {
      this.#clock.after(this.delayMs, () => {
        if (this.failing) reject(new StoreError('SLUICE_STORE_TIMEOUT', 'down'));
        else resolve(super.check(group) as GroupVerdict);
      });
    });
  }
}

async function setup(live = 1) {
  const clock = new VirtualClock(START);
  const store = new Store(clock);
  const strategy = new LeasedStrategy({
    clock,
    inner: store,
    telemetry: silentTelemetry,
    timeoutMs: TIMEOUT_MS,
    liveInstances: () => live,
  });
  await strategy.start();
  const ask = (...group: readonly Check[]): GroupVerdict => strategy.check(group) as GroupVerdict;
  const settle = async (ms: number): Promise<void> => {
    for (let i = 0; i < ms; i++) {
      clock.advance(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { clock, store, strategy, ask, settle };
}

/** Uses up the previous window, so that units come free evenly, and asks in this one until refused. */
async function atLimit(world: Awaited<ReturnType<typeof setup>>, c: Check): Promise<GroupVerdict> {
  await world.store.check([{ ...c, cost: c.policy.limit }]);
  world.clock.advance(60_000);
  for (let i = 0; i < 20; i++) {
    world.clock.advance(1);
    while (world.ask(c).allowed);
  }
  world.store.asked = [];
  return world.ask(c);
}

describe('the rhythm at the limit', () => {
  it('waits for 30 units of each instance, at most a tenth of the window and a second', () => {
    const policy = (limit: number, windowMs: number): LeasablePolicy => ({
      algorithm: 'sliding-window',
      limit,
      windowMs,
      buckets: 2,
    });
    assert.deepEqual(rhythmOf(policy(60_000, 60_000), 1), { waitMs: 30, units: 30 });
    assert.deepEqual(rhythmOf(policy(60_000, 60_000), 4), { waitMs: 120, units: 30 });
    assert.deepEqual(rhythmOf(policy(6_000, 60_000), 4), { waitMs: 1_000, units: 25 });
    assert.deepEqual(rhythmOf(policy(1_000, 1_000), 4), { waitMs: 100, units: 25 });
    assert.deepEqual(rhythmOf(policy(100_000, 1_000), 1), { waitMs: 20, units: 2_000 });
    assert.deepEqual(rhythmOf(policy(60, 60_000), 1), { waitMs: 1_000, units: 1 });
    assert.deepEqual(rhythmOf(policy(1_000, 1_000), 0), rhythmOf(policy(1_000, 1_000), 1));
  });
});

describe('a leased key at its limit', () => {
  it('is refused from memory for the wait, told when to come again, and then bought for in one check', async () => {
    const world = await setup();
    const c = hot(SLIDING);
    const first = await atLimit(world, c);
    const { waitMs } = rhythmOf(SLIDING, 1);
    assert.equal(first.allowed, false);
    const wait = first.verdicts[0]?.retryAfterMs ?? 0;
    assert.ok(wait >= 1 && wait <= waitMs, `${wait}`);
    for (let i = 0; i < 100; i++) assert.equal(world.ask(c).allowed, false);
    assert.equal(world.store.asked.length, 0);
    world.clock.advance(wait);
    assert.equal(world.ask(c).allowed, true, 'it was told the truth');
    assert.equal(world.store.asked.length, 1);
    let admitted = 0;
    for (let ms = 0; ms < 1_000; ms++) {
      world.clock.advance(1);
      for (let i = 0; i < 3; i++) if (world.ask(c).allowed) admitted += 1;
    }
    // One unit comes free each millisecond.
    assert.ok(admitted >= 950 && admitted <= 1_050, `${admitted}`);
    assert.ok(world.store.asked.length <= 1_000 / 20, `${world.store.asked.length}`);
  });

  it('is checked one by one where too little comes free', async () => {
    const world = await setup();
    const c = hot({ ...SLIDING, limit: 60 });
    await atLimit(world, c);
    world.store.asked = [];
    for (let i = 0; i < 1_000; i++) {
      world.clock.advance(1);
      world.ask(c);
    }
    assert.ok(world.store.asked.every(([asked]) => asked?.cost === 1));
    assert.equal(world.store.asked.length, 1_000);
  });

  for (const policy of [
    { algorithm: 'fixed-window', limit: 10_000, windowMs: 60_000 },
    // Nothing was used before this window, so nothing comes free in it.
    { algorithm: 'sliding-window', limit: 10_000, windowMs: 60_000, buckets: 2 },
  ] as const) {
    it(`leaves the last units to whoever asks for no more: ${policy.algorithm}`, async () => {
      const world = await setup();
      const c = hot(policy);
      for (let i = 0; i < 50; i++) world.ask(c);
      await world.store.check([{ ...c, cost: (await world.store.peek(c)).remaining - 5 }]);
      while (world.ask({ ...c, cost: 10 }).allowed);
      // Longer than any wait for what comes free evenly.
      world.clock.advance(1_000);
      world.store.asked = [];
      let admitted = 0;
      for (let i = 0; i < 20; i++) if (world.ask(c).allowed) admitted += 1;
      assert.ok(admitted >= 5, `${admitted}`);
      assert.equal((await world.store.peek(c)).remaining, 0);
      for (let i = 0; i < 20; i++) assert.equal(world.ask(c).allowed, false);
      assert.ok(world.store.asked.length <= 8, `${world.store.asked.length}`);
    });
  }

  it('lets the store decide requests that are dear against the part', async () => {
    const world = await setup();
    const c = hot(SLIDING);
    await atLimit(world, c);
    world.ask({ ...c, cost: 16 });
    assert.equal(world.store.asked.length, 1);
    world.ask({ ...c, cost: 15 });
    assert.equal(world.store.asked.length, 1);
  });

  it('is asked for again after a reset, here or elsewhere, and when its limit has changed', async () => {
    for (const forget of ['reset', 'forgetAll', 'policy'] as const) {
      const world = await setup();
      const c = hot(SLIDING);
      await atLimit(world, c);
      if (forget === 'reset') await world.strategy.reset(c);
      if (forget === 'forgetAll') {
        world.strategy.forgetAll();
        await world.store.reset(c);
      }
      const policy: LeasablePolicy = forget === 'policy' ? { ...SLIDING, limit: 120_000 } : SLIDING;
      assert.equal(world.ask({ ...c, policy }).allowed, true, forget);
    }
  });

  it('in shadow mode does not stop the others, which are charged', async () => {
    const world = await setup();
    const c = hot(SLIDING, { shadow: true });
    await atLimit(world, { ...c, shadow: false });
    const other = hot({ algorithm: 'fixed-window', limit: 100, windowMs: 60_000 });
    const verdict = world.ask(other, c);
    assert.equal(verdict.allowed, true);
    assert.deepEqual(
      verdict.verdicts.map((each) => each?.allowed),
      [true, false],
    );
    assert.equal((await world.store.peek(other)).remaining, 99);
    world.strategy.refund([other, c], verdict);
    assert.equal((await world.store.peek(other)).remaining, 100);
    assert.equal(world.ask(c).allowed, true, 'alone, it lets everything pass');
  });

  it('refuses a group with another limit, which is charged nothing', async () => {
    const world = await setup();
    const c = hot(SLIDING);
    await atLimit(world, c);
    const other = hot({ algorithm: 'fixed-window', limit: 100, windowMs: 60_000 });
    const verdict = world.ask(other, c);
    assert.equal(verdict.allowed, false);
    assert.deepEqual(
      verdict.verdicts.map((each) => each?.allowed),
      [true, false],
    );
    assert.equal((await world.store.peek(other)).remaining, 100);
  });
});

describe('a request that finds its lease empty', () => {
  /** Hot, with a little left, and a store that takes its time. */
  async function hungry(delayMs: number) {
    const world = await setup();
    const c = hot({ algorithm: 'fixed-window', limit: 100_000, windowMs: 60_000 });
    for (let i = 0; i < 100; i++) world.ask(c);
    world.store.delayMs = delayMs;
    world.store.asked = [];
    const waiting: Promise<GroupVerdict>[] = [];
    while (waiting.length === 0) {
      const answer = world.strategy.check([c]);
      if (answer instanceof Promise) waiting.push(answer);
    }
    return { ...world, c, waiting };
  }

  it('waits for the purchase under way instead of asking beside it', async () => {
    const { strategy, store, settle, c, waiting } = await hungry(10);
    for (let i = 0; i < 19; i++) waiting.push(strategy.check([c]) as Promise<GroupVerdict>);
    assert.equal(store.asked.length, 1);
    await settle(15);
    const verdicts = await Promise.all(waiting);
    assert.ok(verdicts.every(({ allowed }) => allowed));
    assert.equal(store.asked.length, 1);
  });

  it('fails with the purchase, in time', async () => {
    const { store, clock, settle, waiting } = await hungry(10);
    store.failing = true;
    const [first] = waiting;
    assert.ok(first);
    const failed = assert.rejects(first, { code: 'SLUICE_STORE_TIMEOUT' });
    const asked = clock.monotonic();
    await settle(12);
    await failed;
    assert.ok(clock.monotonic() - asked <= TIMEOUT_MS);
  });

  it('is told of the end of a fixed window by the purchase that found it used up', async () => {
    const { store, settle, c, waiting, strategy } = await hungry(10);
    for (let i = 0; i < 19; i++) waiting.push(strategy.check([c]) as Promise<GroupVerdict>);
    store.delayMs = 0;
    await store.check([{ ...c, cost: (await store.peek(c)).remaining }]);
    store.delayMs = 10;
    store.asked = [];
    await settle(15);
    const verdicts = await Promise.all(waiting);
    assert.ok(verdicts.every(({ allowed }) => !allowed));
    assert.ok(verdicts.every((verdict) => (verdict.verdicts[0]?.retryAfterMs ?? 0) > 50_000));
    assert.equal(store.asked.length, 0);
  });

  it('shares the last units of a fixed window with whoever waits, in one more purchase', async () => {
    const { store, settle, c, waiting, strategy } = await hungry(10);
    for (let i = 0; i < 19; i++) waiting.push(strategy.check([c]) as Promise<GroupVerdict>);
    store.delayMs = 0;
    await store.check([{ ...c, cost: (await store.peek(c)).remaining - 7 }]);
    store.delayMs = 10;
    store.asked = [];
    await settle(40);
    const verdicts = await Promise.all(waiting);
    assert.equal(verdicts.filter(({ allowed }) => allowed).length, 7);
    assert.equal(store.asked[0]?.[0]?.cost, 7);
    assert.ok(store.asked.length <= 2, `${store.asked.length}`);
  });

  it('never waits longer than the timeout, also when it has to ask after waiting', async () => {
    const { strategy, store, clock, settle, c, waiting } = await hungry(40);
    const since = clock.monotonic();
    let answeredAfter = 0;
    const [first] = waiting;
    void first?.then(
      () => {},
      () => {
        answeredAfter = clock.monotonic() - since;
      },
    );
    // The purchase brings nothing: meanwhile the counter was used up but for a few, which are asked for then.
    await settle(30);
    store.delayMs = 0;
    await store.check([{ ...c, cost: (await store.peek(c)).remaining - 3 }]);
    store.delayMs = 40;
    await settle(60);
    assert.ok(answeredAfter > 0 && answeredAfter <= TIMEOUT_MS + 1, `${answeredAfter}`);
    await strategy.close();
  });
});
