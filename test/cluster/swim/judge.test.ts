/** What is believed does not depend on the order in which it is heard. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import type { Claim } from '../../../src/cluster/swim/claim.ts';
import { outranks, SAYINGS } from '../../../src/cluster/swim/claim.ts';
import { Judge } from '../../../src/cluster/swim/judge.ts';
import { MemberList } from '../../../src/cluster/swim/member-list.ts';
import { seededRandom } from '../../../src/core/random.ts';
import { VirtualClock } from '../../../src/core/virtual-clock.ts';

const ADDRESS = '10.0.0.1:7946';
const claim: fc.Arbitrary<Claim> = fc.record({
  address: fc.constant(ADDRESS),
  incarnation: fc.integer({ min: 1, max: 3 }),
  refutation: fc.nat(3),
  says: fc.constantFrom(...SAYINGS),
  ageMs: fc.constant(0),
});

function observer() {
  const clock = new VirtualClock();
  let tick = 0;
  const random = seededRandom(1);
  const list = new MemberList({ clock, random, forgetAfterMs: 1e9, changed: () => {} });
  const judge = new Judge({ list, clock, ticks: () => tick, ticksPerPeriod: 5, tell: () => {} });
  const wait = (ticks: number): void => {
    for (let i = 0; i < ticks; i++) {
      tick++;
      clock.advance(200);
      judge.expire();
    }
  };
  return { list, judge, wait, state: () => list.get(ADDRESS)?.state };
}

it('claims have a total order', () => {
  fc.assert(
    fc.property(claim, claim, claim, (a, b, c) => {
      const same = !outranks(a, b) && !outranks(b, a);
      assert.ok(!(outranks(a, b) && outranks(b, a)));
      if (same) {
        assert.deepEqual([a.incarnation, a.refutation, a.says], [b.incarnation, b.refutation, b.says]);
      }
      if (outranks(a, b) && outranks(b, c)) assert.ok(outranks(a, c));
    }),
    { numRuns: 2_000 },
  );
});

it('in whatever order and however often claims arrive, in the end all believe the same', () => {
  const inOrders = fc
    .array(claim, { minLength: 1, maxLength: 8 })
    .chain((claims) =>
      fc.tuple(fc.constant(claims), fc.shuffledSubarray([...claims, ...claims], { minLength: 2 * claims.length })),
    );
  const final = (claims: readonly Claim[]): string | undefined => {
    const { judge, wait, state } = observer();
    // It was there once, so that everybody has something to hold claims against.
    judge.heard({ address: ADDRESS, incarnation: 1 });
    wait(10);
    for (const each of claims) judge.learn(each);
    wait(200);
    return state();
  };
  fc.assert(
    fc.property(inOrders, ([claims, shuffled]) => {
      assert.equal(final(claims), final(shuffled));
    }),
    { numRuns: 2_000 },
  );
});

it('whoever is seen alive is not dead on the word of another, but has time to refute it', () => {
  const { judge, wait, state } = observer();
  judge.heard({ address: ADDRESS, incarnation: 1 });
  wait(10);
  const dead: Claim = { address: ADDRESS, incarnation: 1, refutation: 0, says: 'dead', ageMs: 60_000 };
  assert.ok(judge.learn(dead));
  assert.equal(state(), 'suspect');
  assert.ok(!judge.learn(dead));
  wait(20);
  assert.equal(state(), 'suspect');
  assert.ok(judge.learn({ ...dead, says: 'alive', refutation: 1 }));
  assert.equal(state(), 'alive');
  wait(100);
  assert.equal(state(), 'alive');
  assert.ok(judge.learn({ ...dead, refutation: 1 }));
  wait(24);
  assert.equal(state(), 'suspect');
  wait(1);
  assert.equal(state(), 'dead');
});

it('a message of its own goes before what others say, until we miss it ourselves', () => {
  const { list, judge, wait, state } = observer();
  const peer = { address: ADDRESS, incarnation: 4 };
  assert.equal(judge.heard(peer), 'new');
  judge.learn({ ...peer, refutation: 0, says: 'suspect', ageMs: 0 });
  wait(3);
  assert.equal(judge.heard(peer), 'revived');
  assert.equal(judge.heard(peer), 'known');
  judge.learn({ ...peer, refutation: 0, says: 'suspect', ageMs: 0 });
  assert.equal(state(), 'alive');
  const record = list.get(ADDRESS);
  assert.ok(record !== undefined);
  judge.accuse(record);
  assert.equal(state(), 'suspect');
  wait(25);
  assert.equal(state(), 'dead');
  assert.equal(judge.heard({ ...peer, incarnation: 3 }), 'known');
  assert.equal(state(), 'dead');
  assert.equal(judge.heard(peer), 'revived');
});

it('a host that was just heard of is not gone on the word of another', () => {
  const { judge, wait, state } = observer();
  const peer = { address: ADDRESS, incarnation: 4 };
  judge.heard(peer);
  judge.learn({ ...peer, refutation: 0, says: 'gone', ageMs: 0 });
  assert.equal(state(), 'suspect');
  wait(25);
  assert.equal(state(), 'gone');
});

it('an old death is no news, and neither is the end of somebody who was never known', () => {
  const { judge, state } = observer();
  const ended: Claim = { address: ADDRESS, incarnation: 1, refutation: 0, says: 'dead', ageMs: 1e9 };
  assert.ok(!judge.learn(ended));
  assert.ok(!judge.learn({ ...ended, says: 'gone', ageMs: 0 }));
  assert.ok(!judge.learn({ ...ended, says: 'left', ageMs: 0 }));
  assert.equal(state(), undefined);
  assert.ok(judge.learn({ ...ended, ageMs: 1e9 - 1 }));
  assert.equal(state(), 'dead');
});

it('nobody is taken in beyond the bound', () => {
  const { list, judge } = observer();
  for (let i = 0; i < 17_000; i++) {
    judge.learn({ address: `h${i}:1`, incarnation: 1, refutation: 0, says: 'alive', ageMs: 0 });
  }
  assert.equal(list.size, 16_384);
  assert.equal(judge.heard({ address: 'late:1', incarnation: 1 }), 'known');
  assert.equal(list.peers.length, 16_384);
});
