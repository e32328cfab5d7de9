/** What leases promise, over random runs: several gateways, delays, lost messages, crashes. A failing run prints its seed. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Random } from '../../src/core/random.ts';
import type { LeasablePolicy } from '../../src/sharing/lease.ts';
import type { Manner } from './lease-traffic.ts';
import { Book, request } from './lease-traffic.ts';
import { firstBeyond, World } from './lease-world.ts';

const AGE = 10_000 * 86_400_000;

function anyPolicy(random: Random): LeasablePolicy {
  const limit = random.next() < 0.3 ? 1 + random.below(60) : 200 + random.below(3_000);
  const windowMs = 20 + random.below(random.next() < 0.3 ? 300 : 2_000);
  return random.next() < 0.4
    ? { algorithm: 'fixed-window', limit, windowMs }
    : { algorithm: 'sliding-window', limit, windowMs, buckets: random.next() < 0.5 ? 2 : 3 + random.below(6) };
}

/** Requests come in bursts to all gateways, with pauses in between. */
async function traffic(world: World, books: readonly Book[], steps: number, crashes: number): Promise<void> {
  const { random } = world;
  const dear = random.next() < 0.3 ? 1 + random.below(5) : 1;
  const manner: Manner = { cost: () => 1 + random.below(dear), undone: random.next() < 0.3 ? 0.1 : 0 };
  const rush = 2 + random.below(14);
  // In some runs as much as keeps the key at its limit.
  const [only] = books;
  const kept = only !== undefined && random.next() < 0.3;
  const perMs = kept ? Math.min(8, ((1 + 2 * random.next()) * only.policy.limit) / only.policy.windowMs) : 0;
  for (let step = 0; step < steps; step++) {
    const passed = random.next() * (random.next() < 0.05 ? 600 : 8);
    await world.pass(passed);
    const gateway = random.below(world.live);
    if (random.next() < crashes) await world.crash(gateway);
    const count = random.below(rush) + Math.floor(perMs * Math.min(passed, 8));
    for (let i = 0; i < count; i++) request(world, gateway, books, manner);
    if (only === undefined || books.length > 1) continue;
    const bound = Math.floor(only.policy.limit / (4 * world.live));
    for (const { held } of world.gateways) assert.ok(held <= bound, `a gateway holds ${held} units of ${bound}`);
  }
}

let leased = 0;
let asked = 0;

describe('leases, over random interleavings', () => {
  it('never admit what the plain algorithm would have refused: delays, lost messages and crashes included', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const live = 1 + (Math.abs(seed) % 4);
        const bad = seed % 3 === 0;
        const delayMs = [0, 1, 5, 40][Math.abs(seed >> 8) % 4] ?? 0;
        const weather = { delayMs, loss: bad ? 0.1 : 0, timeoutMs: 50 };
        const world = new World(seed, live, weather);
        await world.start();
        const book = new Book(anyPolicy(world.random));
        await traffic(world, [book], 80, bad ? 0.03 : 0);
        assert.equal(world.ledger.firstUnpaid(book.check, book.admissions), undefined, JSON.stringify(book.policy));
        assert.deepEqual(firstBeyond(book.policy, book.admissions), undefined, JSON.stringify(book.policy));
        leased += book.admissions.filter((admission) => admission.leased).length;
        asked += book.admissions.length;
      }),
      { numRuns: 1_000 },
    );
    // The runs say something about leases: a good part of what was admitted came from them.
    assert.ok(leased > asked / 4, `${leased} of ${asked} from leases`);
  });

  it('charge all counters of a request or none, and leave the books balanced', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const world = new World(seed, 1 + (Math.abs(seed) % 3), { delayMs: 10, loss: 0, timeoutMs: 500 });
        await world.start();
        const wide = new Book({ algorithm: 'fixed-window', limit: 100_000, windowMs: AGE });
        const narrow = new Book({
          algorithm: 'sliding-window',
          limit: 200 + world.random.below(2_000),
          windowMs: AGE,
          buckets: 2,
        });
        await traffic(world, [wide, narrow], 60, 0);
        // Everybody answers, every lease ends, everything is given back.
        for (let i = 0; i < 40; i++) await world.pass(25);
        for (const book of [wide, narrow]) {
          const { remaining } = await world.store.peek(book.check);
          assert.equal(remaining, book.policy.limit - book.units, book.policy.algorithm);
        }
        for (const { held } of world.gateways) assert.ok(held <= 0, `${held} units are still held`);
      }),
      { numRuns: 200 },
    );
  });

  it('let steady demand use up the limit but for what the others may hold', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const live = 1 + (Math.abs(seed) % 4);
        const world = new World(seed, live, { delayMs: 3, loss: 0, timeoutMs: 50 });
        await world.start();
        const limit = 50 + world.random.below(500);
        const windowMs = 600;
        const book = new Book({ algorithm: 'fixed-window', limit, windowMs });
        const start = world.clock.now();
        // Three times the limit, and one gateway gets most of it.
        const perMs = (3 * limit) / windowMs;
        let due = 0;
        for (let ms = 0; ms < 4 * windowMs; ms += 2) {
          await world.pass(2);
          for (due += 2 * perMs; due >= 1; due--) {
            const gateway = world.random.next() < 0.6 ? 0 : world.random.below(live);
            request(world, gateway, [book], { cost: () => 1, undone: 0 });
          }
        }
        const first = Math.floor(start / windowMs) + 1;
        for (const window of [first, first + 1]) {
          const inIt = book.admissions.filter(({ at }) => Math.floor(at / windowMs) === window);
          const units = inIt.reduce((sum, { cost }) => sum + cost, 0);
          assert.ok(units <= limit, `${units} of ${limit}`);
          const unused = limit - units;
          assert.ok(unused <= live * Math.floor(limit / (4 * live)), `${unused} of ${limit} left, ${live} gateways`);
        }
      }),
      { numRuns: 100 },
    );
  });
});
