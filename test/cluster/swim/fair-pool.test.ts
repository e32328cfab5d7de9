import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { FairPool } from '../../../src/cluster/swim/fair-pool.ts';
import { seededRandom } from '../../../src/core/random.ts';

it('gives everybody one turn a round, in another order each round', () => {
  const pool = new FairPool<number>(seededRandom(1));
  for (let i = 0; i < 50; i++) pool.add(i);
  const rounds = Array.from({ length: 4 }, () => Array.from({ length: 50 }, () => pool.next()));
  for (const round of rounds) assert.equal(new Set(round).size, 50);
  assert.notDeepEqual(rounds[0], rounds[1]);
});

it('leaves nobody out and asks nobody twice in a round, whoever comes and goes', () => {
  const step = fc.oneof(
    { weight: 3, arbitrary: fc.constant('next' as const) },
    fc.record({ add: fc.nat(20) }),
    fc.record({ remove: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 200 }), (seed, steps) => {
      const pool = new FairPool<number>(seededRandom(seed));
      const members = new Set<number>();
      let waiting = new Set<number>();
      for (const what of steps) {
        if (what === 'next') {
          if (waiting.size === 0) waiting = new Set(members);
          const item = pool.next();
          if (members.size === 0) assert.equal(item, undefined);
          else assert.ok(item !== undefined && waiting.delete(item), `${item}`);
        } else if ('add' in what) {
          if (!members.has(what.add)) waiting.add(what.add);
          members.add(what.add);
          pool.add(what.add);
        } else {
          members.delete(what.remove);
          waiting.delete(what.remove);
          pool.remove(what.remove);
        }
        assert.equal(pool.size, members.size);
      }
    }),
  );
});

it('draws different ones, none of them the one that is left out', () => {
  const pool = new FairPool<number>(seededRandom(2));
  for (let i = 0; i < 100; i++) {
    pool.add(i);
    for (const count of [1, 3, 200]) {
      const drawn = pool.some(count, 7);
      assert.equal(new Set(drawn).size, drawn.length);
      assert.ok(!drawn.includes(7));
      const others = pool.size - (i >= 7 ? 1 : 0);
      assert.ok(drawn.length === Math.min(count, others), `${drawn.length} of ${others}`);
    }
  }
  const often = new Map<number, number>();
  for (let i = 0; i < 10_000; i++) for (const item of pool.some(3)) often.set(item, (often.get(item) ?? 0) + 1);
  // 300 each on average; five standard deviations are 85.
  for (const times of often.values()) assert.ok(times > 215 && times < 385, `${times}`);
  assert.equal(often.size, 100);
});
