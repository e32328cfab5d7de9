/** A hot key that is kept at its limit: what the store is spared, and what that costs. A failing run prints its seed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Random } from '../../src/core/random.ts';
import type { LeasablePolicy } from '../../src/sharing/lease.ts';
import { subWindowOf } from '../../src/sharing/lease.ts';
import { Book, request } from './lease-traffic.ts';
import { firstBeyond, World } from './lease-world.ts';

/** Enough for 30 units in each purchase at the limit, see docs/leases.md. */
function hotPolicy(random: Random, live: number): LeasablePolicy {
  const limit = (300 + random.below(700)) * live;
  const windowMs = 300 + random.below(500);
  if (random.next() < 0.25) return { algorithm: 'fixed-window', limit, windowMs };
  return { algorithm: 'sliding-window', limit, windowMs, buckets: random.next() < 0.6 ? 2 : 3 + random.below(3) };
}

interface Run {
  readonly world: World;
  readonly book: Book;
  /** Checks that the store was asked. */
  readonly checks: number;
}

interface Pressure {
  /** In times of the limit. */
  readonly factor: number;
  readonly windows: number;
  readonly crashes: number;
  readonly lease: boolean;
  /** Part of the requests that one gateway gets, beside its even share. */
  readonly uneven: number;
}

const STEP_MS = 4;

/** Steady pressure on one key; counted from the second window on, in which the key is at its limit. */
async function press(seed: number, live: number, delayMs: number, pressure: Pressure): Promise<Run> {
  const world = new World(seed, live, { delayMs, loss: 0, timeoutMs: 50 });
  await world.start();
  const { random } = world;
  const book = new Book(hotPolicy(random, live));
  if (!pressure.lease) Object.assign(book.check, { lease: false });
  const { limit, windowMs } = book.policy;
  const perMs = (pressure.factor * limit) / windowMs;
  let gone = 0;
  let due = 0;
  let checksBefore = 0;
  const checks = (): number => world.gateways.reduce((sum, { remote }) => sum + remote.checks, gone);
  const endOfFirst = world.clock.now() + windowMs;
  for (let ms = 0; ms < pressure.windows * windowMs; ms += STEP_MS) {
    await world.pass(STEP_MS);
    if (world.clock.now() < endOfFirst) checksBefore = checks();
    if (random.next() < pressure.crashes) {
      const crashed = random.below(live);
      gone += world.gateways[crashed]?.remote.checks ?? 0;
      await world.crash(crashed);
    }
    for (due += STEP_MS * perMs; due >= 1; due--) {
      const gateway = random.next() < pressure.uneven ? 0 : random.below(live);
      request(world, gateway, [book], { cost: () => 1, undone: 0 });
    }
  }
  for (let i = 0; i < 5; i++) await world.pass(20);
  const admissions = book.admissions.filter(({ at }) => at >= endOfFirst);
  book.admissions.splice(0, book.admissions.length, ...admissions);
  return { world, book, checks: checks() - checksBefore };
}

/** The most units admitted in one window, wherever it begins: as many sub-windows in a row as one is long. */
function mostInAWindow({ admissions, policy }: Book): number {
  const subWindow = subWindowOf(policy);
  const row = policy.algorithm === 'fixed-window' ? 1 : policy.buckets - 1;
  const units = new Map<number, number>();
  for (const { at, cost } of admissions) {
    const index = Math.floor(at / subWindow);
    units.set(index, (units.get(index) ?? 0) + cost);
  }
  let most = 0;
  for (const index of units.keys()) {
    let sum = 0;
    for (let i = 0; i < row; i++) sum += units.get(index + i) ?? 0;
    most = Math.max(most, sum);
  }
  return most;
}

describe('a leased key kept at its limit, over random runs', () => {
  it('costs the store less than one check for 20 admitted, and is never above the limit in any window', async () => {
    const sums = new Map<string, { asked: number; admitted: number }>();
    let runs = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const live = 1 + (Math.abs(seed) % 3);
        const delayMs = [0, 1, 5][Math.abs(seed >> 8) % 3] ?? 0;
        const crashes = seed % 3 === 0 ? 0.01 : 0;
        const pressure = {
          factor: 1.2 + (Math.abs(seed >> 4) % 8) / 10,
          windows: 2,
          crashes,
          lease: true,
          uneven: 0,
        };
        const { world, book, checks } = await press(seed, live, delayMs, pressure);
        assert.equal(world.ledger.firstUnpaid(book.check, book.admissions), undefined, JSON.stringify(book.policy));
        const { limit } = book.policy;
        const most = mostInAWindow(book);
        assert.ok(most <= limit, `${most} of ${limit}`);
        if (runs % 20 === 0) assert.equal(firstBeyond(book.policy, book.admissions), undefined);
        runs += 1;
        if (crashes > 0) return;
        const { algorithm } = book.policy;
        const { asked, admitted } = sums.get(algorithm) ?? { asked: 0, admitted: 0 };
        sums.set(algorithm, { asked: asked + checks, admitted: admitted + book.units });
      }),
      { numRuns: 1_000 },
    );

    for (const [algorithm, { asked, admitted }] of sums) {
      assert.ok(asked * 20 <= admitted, `${algorithm}: ${asked} checks for ${admitted} admitted`);
    }
  });

  it('admits at least 95 % of what single checks admit, also when one gateway gets most of the requests', async () => {
    let [with_, without] = [0, 0];
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const live = 1 + (Math.abs(seed) % 3);
        const uneven = [0, 0.5, 1][Math.abs(seed >> 8) % 3] ?? 0;
        const pressure = { factor: 2, windows: 4, crashes: 0, uneven };
        const leased = await press(seed, live, 1, { ...pressure, lease: true });
        const single = await press(seed, live, 1, { ...pressure, lease: false });
        with_ += leased.book.units / single.book.units;
        without += 1;
        assert.ok(
          leased.book.units >= 0.87 * single.book.units,
          `${leased.book.units} of ${single.book.units} ${JSON.stringify(leased.book.policy)} ${live} ${uneven}`,
        );
      }),
      { numRuns: 30 },
    );
    assert.ok(with_ >= 0.95 * without, `${with_ / without}`);
  });
});
