import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { seededRandom } from '../../../src/core/random.ts';
import type { Arrival, Workload } from '../../../src/lab/sim/workload.ts';
import { arrivalsOf } from '../../../src/lab/sim/workload.ts';

const steady: Workload = {
  arrivals: { kind: 'poisson', steps: [{ atMs: 0, perSecond: 1_000 }] },
  hosts: { kind: 'even' },
  keys: { kind: 'one' },
  cost: 1,
};

function arrivals(changes: Partial<Workload>, seed = 1): Arrival[] {
  const scene = { random: seededRandom(seed), hosts: 10, fromMs: 500, untilMs: 20_500, epochMs: 1_700_000_000_250 };
  return [...arrivalsOf({ ...steady, ...changes }, scene)];
}

function parts<T>(all: readonly Arrival[], of: (arrival: Arrival) => T): Map<T, number> {
  const counts = new Map<T, number>();
  for (const arrival of all) counts.set(of(arrival), (counts.get(of(arrival)) ?? 0) + 1);
  return counts;
}

describe('workloads', () => {
  it('Poisson arrivals: as many as they should be, as uneven as they should be, each seed its own', () => {
    const all = arrivals({});
    assert.ok(Math.abs(all.length - 20_000) < 600, `${all.length}`);
    const gaps = all.slice(1).map(({ at }, i) => at - (all[i]?.at ?? 0));
    const mean = gaps.reduce((a, b) => a + b, 0) / gaps.length;
    const variance = gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length;
    assert.ok(Math.abs(Math.sqrt(variance) / mean - 1) < 0.05, 'as varied as their mean');
    assert.ok(all.every(({ at }) => at >= 500 && at < 20_500));
    assert.deepEqual(arrivals({}), all);
    assert.notDeepEqual(arrivals({}, 2), all);
  });

  it('regular arrivals and steps', () => {
    const steps = [
      { atMs: 0, perSecond: 100 },
      { atMs: 10_500, perSecond: 1_000 },
    ];
    const all = arrivals({ arrivals: { kind: 'regular', steps } });
    const before = all.filter(({ at }) => at < 10_500).length;
    assert.deepEqual([before, all.length - before], [1_000, 10_000]);
  });

  it('skewed 7:3, all on one host, and a client that moves on every 100 ms', () => {
    const skewed = arrivals({ hosts: { kind: 'skewed', traffic: 0.7, hosts: 0.3 } });
    const hot = skewed.filter(({ host }) => host < 3).length / skewed.length;
    assert.ok(Math.abs(hot - 0.7) < 0.02, `${hot}`);
    assert.deepEqual([...parts(arrivals({ hosts: { kind: 'one', host: 4 } }), ({ host }) => host).keys()], [4]);
    const roaming = arrivals({ hosts: { kind: 'roaming', everyMs: 100 } });
    const stays = parts(roaming, ({ at, host }) => `${Math.floor(at / 100)} ${host}`);
    assert.equal(stays.size, 200, 'one host each 100 ms');
    assert.equal(parts(roaming, ({ host }) => host).size, 10);
    roaming.forEach(({ at, host }, i) => {
      const before = roaming[i - 1];
      if (before !== undefined && Math.floor(before.at / 100) !== Math.floor(at / 100))
        assert.notEqual(before.host, host);
    });
  });

  it("keys after Zipf's law", () => {
    const counts = parts(arrivals({ keys: { kind: 'zipf', keys: 100, exponent: 1 } }), ({ key }) => key);
    const ratio = (counts.get(0) ?? 0) / (counts.get(9) ?? 1);
    assert.ok(Math.abs(ratio - 10) < 2, `${ratio}`);
    assert.ok([...counts.keys()].every((key) => key >= 0 && key < 100));
    const even = parts(arrivals({ keys: { kind: 'even', keys: 4 } }), ({ key }) => key);
    for (const count of even.values()) assert.ok(Math.abs(count - 5_000) < 300);
  });

  it('an attacker at the edges of windows', () => {
    const all = arrivals({ arrivals: { kind: 'bursts', windowMs: 1_000, count: 50, spreadMs: 20 } });
    const times = all.map(({ at }) => (1_700_000_000_250 + at) % 1_000);
    assert.ok(times.every((time) => time >= 980 || time <= 20));
    const edges = parts(all, ({ at }) => Math.round((1_700_000_000_250 + at) / 1_000));
    assert.equal(edges.size, 20);
    for (const count of edges.values()) assert.equal(count, 100);
    assert.deepEqual(times.slice(0, 100).filter((time) => time > 500).length, 50);
    assert.deepEqual(
      all.map(({ at }) => at),
      all.map(({ at }) => at).toSorted((a, b) => a - b),
    );
  });
});
