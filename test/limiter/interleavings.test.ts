import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Scheduler } from 'fast-check';
import fc from 'fast-check';
import type { LimitConfig } from '../../src/config/types.ts';
import type { SharingName } from '../../src/core/types.ts';
import type { Outcome } from '../../src/limiter/outcome.ts';
import type { Check, GroupVerdict } from '../../src/sharing/strategy.ts';
import { MemoryStrategy, outage } from './memory-strategy.ts';
import { bench, concurrency, facts, IP, limit } from './setup.ts';

/** Decides when the scheduler says so, and answers when it says so again; sometimes not at all. */
class ScheduledStrategy extends MemoryStrategy {
  readonly #scheduler: Scheduler;
  readonly #fails: () => boolean;

  constructor(sharing: SharingName, scheduler: Scheduler, fails: () => boolean) {
    super(sharing);
    this.#scheduler = scheduler;
    this.#fails = fails;
  }

  override async check(group: readonly Check[]): Promise<GroupVerdict> {
    await this.#scheduler.schedule(Promise.resolve(), `${this.sharing} decides`);
    if (this.#fails()) throw outage();
    const verdict = this.decide(group);
    await this.#scheduler.schedule(Promise.resolve(), `${this.sharing} answers`);
    return verdict;
  }
}

interface Shape {
  readonly sharing: SharingName;
  readonly units: number;
  readonly rates: number;
  readonly mode: 'enforce' | 'shadow';
  readonly concurrency: boolean;
  readonly costly: boolean;
  readonly onFailure: 'deny' | 'local';
}

const shape: fc.Arbitrary<Shape> = fc.record({
  sharing: fc.constantFrom('local', 'redis'),
  units: fc.integer({ min: 1, max: 6 }),
  rates: fc.integer({ min: 1, max: 2 }),
  mode: fc.constantFrom('enforce', 'enforce', 'enforce', 'shadow'),
  concurrency: fc.boolean(),
  costly: fc.boolean(),
  onFailure: fc.constantFrom('deny', 'local'),
});

function configOf(s: Shape, i: number): LimitConfig {
  const base = {
    name: `limit-${i}`,
    key: [[IP]],
    sharing: s.sharing,
    mode: s.mode,
    onFailure: s.onFailure,
    cost: s.costly ? { header: 'x-cost' } : 1,
  };
  if (s.concurrency) return concurrency({ ...base, max: s.units });
  const rates = [
    { count: s.units, windowMs: 60_000 },
    { count: s.units + 1, windowMs: 3_600_000 },
  ];
  return limit({ ...base, rates: rates.slice(0, s.rates) });
}

const request = fc.record({
  ip: fc.constantFrom('192.0.2.1', '192.0.2.2'),
  cost: fc.integer({ min: 1, max: 3 }),
  limits: fc.uniqueArray(fc.integer({ min: 0, max: 3 }), { minLength: 1, maxLength: 4 }),
});

interface Running {
  readonly parts: { readonly ip: string; readonly cost: number; readonly limits: readonly number[] };
  readonly outcome: Outcome;
}

describe('in any interleaving of what the stores decide and answer', () => {
  for (const failing of [false, true]) {
    it(`no limit admits more than it allows, and refused requests end up charging nothing${failing ? ', with outages' : ''}`, async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.scheduler(),
          fc.array(shape, { minLength: 4, maxLength: 4 }),
          fc.array(request, { minLength: 1, maxLength: 12 }),
          fc.array(fc.boolean(), { minLength: 1, maxLength: 8 }),
          async (scheduler, shapes, requests, outages) => {
            let asked = 0;
            const fails = (): boolean => failing && outages[asked++ % outages.length] === true;
            const local = new ScheduledStrategy('local', scheduler, fails);
            const redis = new ScheduledStrategy('redis', scheduler, fails);
            const { compiled, fallback } = bench(shapes.map(configOf), {
              strategies: new Map([
                ['local', local],
                ['redis', redis],
              ]),
            });
            const stores = { local, redis };
            const inFlight = new Set<Running>();
            const passed: Running[] = [];

            /** Units that requests of `ip` hold under the limit, by what the limiter told about them. */
            const admitted = (running: Iterable<Running>, index: number, ip: string): number => {
              const s = shapes[index];
              let units = 0;
              for (const { parts, outcome } of running) {
                if (parts.ip !== ip || !parts.limits.includes(index)) continue;
                if (outcome.shadowViolated.includes(`limit-${index}`)) continue;
                units += s?.costly === true && !s.concurrency ? parts.cost : 1;
              }
              return units;
            };

            await scheduler.waitFor(
              Promise.all(
                requests.map(async (parts) => {
                  await scheduler.schedule(Promise.resolve(), 'arrives');
                  const set = compiled.set(parts.limits.map((index) => `limit-${index}`));
                  const outcome = await set.decide(facts({ ip: parts.ip, headers: { 'x-cost': String(parts.cost) } }));
                  if (outcome.rejection !== undefined) {
                    assert.equal(outcome.release, undefined);
                    return;
                  }
                  const running = { parts, outcome };
                  passed.push(running);
                  inFlight.add(running);
                  shapes.forEach((s, index) => {
                    // The share of the only instance is the whole limit, so an outage may double it.
                    const most = failing ? 2 * s.units : s.units;
                    const counted = s.concurrency ? inFlight : passed;
                    assert.ok(admitted(counted, index, parts.ip) <= most, `limit-${index} admitted too much`);
                  });
                  await scheduler.schedule(Promise.resolve(), 'ends');
                  inFlight.delete(running);
                  outcome.release?.();
                }),
              ),
            );

            const inBooks = new Map<string, number>();
            for (const store of [...Object.values(stores), fallback]) {
              for (const [counter, units] of store.used) inBooks.set(counter, (inBooks.get(counter) ?? 0) + units);
              assert.equal(store.holders.size, 0);
            }
            shapes.forEach((s, index) => {
              for (const ip of ['192.0.2.1', '192.0.2.2']) {
                const expected = s.concurrency ? 0 : admitted(passed, index, ip);
                const counters = [...inBooks].filter(
                  ([name]) => name.startsWith(`limit-${index}:`) && name.endsWith(`:${ip}`),
                );
                for (const [counter, units] of counters) assert.equal(units, expected, counter);
                if (expected > 0) assert.equal(counters.length, s.rates);
              }
            });
          },
        ),
        { numRuns: 400 },
      );
    });
  }
});
