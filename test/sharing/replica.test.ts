import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { CountsMessage } from '../../src/cluster/wire/counts.ts';
import type { ReplicaOptions } from '../../src/sharing/replica.ts';
import { Replica } from '../../src/sharing/replica.ts';
import { ReplicaNews } from '../../src/sharing/replica-news.ts';

const SLICE = 1_000;
const NOW = 1_700_000_000_000;
const INDEX = NOW / SLICE;
const SELF = { address: 'self:1', incarnation: 1 };

function replica(options: Partial<ReplicaOptions> = {}): Replica {
  return new Replica({
    self: SELF,
    maxCounters: 1_000,
    learns: 'and-relays',
    onEvict: () => {},
    onNews: () => {},
    ...options,
  });
}

interface Told {
  readonly host?: string;
  readonly incarnation?: number;
  readonly counter?: string;
  readonly index?: number;
  readonly epoch?: number;
  readonly taken?: number;
  readonly returned?: number;
  readonly asked?: number;
  readonly ageMs?: number;
}

function told(of: Told): CountsMessage {
  const { host = 'a:1', incarnation = 1, counter = 'c', index = INDEX, epoch = 0, taken = 0, returned = 0 } = of;
  const tally = { origin: 0, taken, returned, asked: of.asked ?? taken };
  return {
    kind: 'counts',
    origins: [{ address: host, incarnation, ageMs: of.ageMs ?? 0 }],
    records: [{ counter, sliceMs: SLICE, keep: 2, epoch, index, tallies: [tally] }],
  };
}

/** All that a replica holds, in one order. */
function stateOf(of: Replica): unknown {
  const lines: string[] = [];
  for (const { counter, slots } of of.counters()) {
    for (const slot of slots) {
      const { others } = slot;
      const hosts = (others?.hosts ?? []).map(({ address, incarnation }, i) =>
        [address, incarnation, others?.takenAt(i), others?.returnedAt(i), others?.askedAt(i)].join(' '),
      );
      const sums = [others?.taken, others?.returned, others?.asked];
      lines.push(JSON.stringify([counter, slot.index, slot.epoch, slot.taken, slot.floor, sums, hosts.sort()]));
    }
  }
  return lines.sort();
}

/** Messages as hosts send them: what they counted only grows, an epoch voids what was before it. */
const history = fc
  .array(
    fc.record({
      host: fc.constantFrom('a:1', 'b:1', 'c:1', 'd:1'),
      incarnation: fc.constantFrom(1, 2),
      counter: fc.constantFrom('x', 'y'),
      index: fc.constantFrom(INDEX, INDEX - 1, INDEX + 1),
      epoch: fc.constantFrom(0, 0, 0, 7),
      more: fc.nat(5),
      back: fc.nat(2),
    }),
    { maxLength: 60 },
  )
  .map((steps) => {
    const counted = new Map<string, { taken: number; returned: number }>();
    return steps.map(({ more, back, ...slot }) => {
      const name = JSON.stringify(slot);
      const before = counted.get(name) ?? { taken: 0, returned: 0 };
      const taken = before.taken + more;
      const returned = Math.min(taken, before.returned + back);
      counted.set(name, { taken, returned });
      return told({ ...slot, taken, returned, asked: taken + 1 });
    });
  });

describe('a replica', () => {
  it('holds the same whatever the order in which it hears, and however often', () => {
    fc.assert(
      fc.property(history, fc.infiniteStream(fc.nat()), (messages, numbers) => {
        const inOrder = replica();
        for (const message of messages) inOrder.merge(message, NOW, 0);
        const shuffled = [...messages, ...messages.filter((_, i) => i % 3 === 0)]
          .map((message) => ({ message, key: numbers.next().value ?? 0 }))
          .sort((x, y) => x.key - y.key);
        const other = replica();
        for (const { message } of shuffled) other.merge(message, NOW, 0);
        assert.deepEqual(stateOf(other), stateOf(inOrder));
      }),
    );
  });

  it('learns from another replica what it has not heard itself', () => {
    fc.assert(
      fc.property(history, history, (forOne, forOther) => {
        const both = replica();
        const [one, other] = [replica(), replica()];
        for (const message of forOne) one.merge(message, NOW, 0);
        for (const message of forOther) other.merge(message, NOW, 0);
        for (const message of [...forOne, ...forOther]) both.merge(message, NOW, 0);
        const news = new ReplicaNews(one, NOW, 0);
        for (const counter of one.counters()) for (const slot of counter.slots) news.addKnown(slot);
        other.merge(news.message(), NOW, 0);
        assert.deepEqual(stateOf(other), stateOf(both));
      }),
    );
  });

  it('makes good a lost message by a later one', () => {
    const one = replica();
    one.merge(told({ taken: 9, returned: 1, asked: 12 }), NOW, 0);
    const other = replica();
    for (const taken of [2, 5, 9])
      other.merge(told({ taken, returned: taken === 9 ? 1 : 0, asked: taken + 3 }), NOW, 0);
    assert.deepEqual(stateOf(one), stateOf(other));
  });

  it('keeps what a host counted in an earlier life, beside what it counts in this', () => {
    const r = replica();
    r.merge(told({ incarnation: 1, taken: 5 }), NOW, 0);
    r.merge(told({ incarnation: 2, taken: 3 }), NOW, 0);
    r.merge(told({ incarnation: 1, taken: 4 }), NOW, 0);
    assert.equal(r.find('c')?.slots[0]?.net, 8);
  });

  it('takes back its own counts when it had to drop them and others remember', () => {
    const r = replica();
    r.merge(told({ host: SELF.address, taken: 5 }), NOW, 0);
    assert.equal(r.find('c')?.slots[0]?.taken, 5);
    assert.equal(r.tallies, 0);
  });

  it('voids what was counted before a reset, in the slots that were open then only', () => {
    const [one, other] = [replica(), replica({ self: { address: 'a:1', incarnation: 1 } })];
    other.count(other.own('c', SLICE, 2), INDEX, 7, 7, NOW);
    one.merge(told({ taken: 7 }), NOW, 0);
    one.merge(told({ taken: 4, index: INDEX - 1 }), NOW, 0);
    one.reset(one.own('c', SLICE, 2), NOW);
    assert.deepEqual(
      one.find('c')?.slots.map((slot) => slot.net),
      [0, 0],
    );
    one.merge(told({ taken: 9 }), NOW, 0);
    assert.equal(one.find('c')?.slots[0]?.net, 0, 'told by a host that has not heard of it');
    const news = new ReplicaNews(one, NOW, 0);
    for (const slot of one.find('c')?.slots ?? []) news.addOwn(slot);
    other.merge(news.message(), NOW, 0);
    assert.equal(other.find('c')?.slots[0]?.net, 0);
    other.merge(told({ host: 'b:1', taken: 3, index: INDEX + 1 }), NOW, 0);
    assert.equal(other.find('c')?.slots[0]?.net, 3, 'a later slot is not touched by it');
  });

  it('lets the later of two resets win, also over one that it has not heard of', () => {
    const one = replica();
    one.reset(one.own('c', SLICE, 2), NOW + 5);
    const epoch = one.find('c')?.slots[0]?.epoch ?? 0;
    one.merge(told({ epoch: NOW + 3, taken: 6 }), NOW + 6, 0);
    assert.equal(one.find('c')?.slots[0]?.net, 0);
    one.merge(told({ epoch: epoch + 9, taken: 2 }), NOW + 20, 0);
    assert.equal(one.find('c')?.slots[0]?.net, 2);
  });

  it('drops what is over, and what clocks that are far ahead say', () => {
    const r = replica();
    r.merge(told({ index: INDEX - 2, taken: 1 }), NOW, 0);
    r.merge(told({ index: INDEX + 13, taken: 1 }), NOW, 0);
    assert.equal(r.size, 0);
    r.merge(told({ index: INDEX + 11, taken: 1 }), NOW, 0);
    r.merge(told({ index: INDEX - 1, taken: 1 }), NOW, 0);
    assert.equal(r.find('c')?.slots.length, 2);
    r.dropExpired(NOW + 13 * SLICE - 1, 100);
    assert.equal(r.size, 1);
    r.dropExpired(NOW + 13 * SLICE, 100);
    r.dropExpired(NOW + 13 * SLICE, 100);
    assert.deepEqual([r.size, r.tallies], [0, 0]);
  });

  it('forgets old slots while the counter lives', () => {
    const r = replica();
    for (let i = 0; i < 100; i++) r.merge(told({ index: INDEX + i, taken: 1 }), NOW + i * SLICE, 0);
    // Two that matter, and one more for a second.
    assert.equal(r.find('c')?.slots.length, 3);
    assert.equal(r.tallies, 3);
  });

  it('never holds more than it is allowed to, and says what it had to drop', () => {
    let evicted = 0;
    const r = replica({ maxCounters: 100, maxTallies: 150, onEvict: () => evicted++ });
    for (let i = 0; i < 500; i++) r.merge(told({ counter: `c${i}`, taken: 1 }), NOW, 0);
    assert.equal(r.size, 100);
    assert.equal(evicted, 400);
    for (let i = 0; i < 500; i++) r.merge(told({ host: `h${i}:1`, counter: `c${i % 50}`, taken: 1 }), NOW, 0);
    assert.ok(r.tallies <= 150, `${r.tallies} tallies`);
  });

  it('counts each host once although it forgets and meets hosts within one message', () => {
    const r = replica();
    r.merge(told({ taken: 4 }), NOW, 0);
    // A reset leaves nothing of the host, and the same message counts it again.
    r.merge(told({ epoch: 5, taken: 1 }), NOW, 0);
    r.merge(told({ epoch: 5, taken: 2 }), NOW, 0);
    assert.equal(r.find('c')?.slots[0]?.others?.hosts.length, 1);
    assert.equal(r.find('c')?.slots[0]?.net, 2);
  });

  it('gives back no more than was taken', () => {
    const r = replica();
    const c = r.own('c', SLICE, 2);
    r.count(c, INDEX, 3, 3, NOW);
    r.giveBack(c, INDEX, 2, NOW);
    r.giveBack(c, INDEX, 2, NOW);
    r.giveBack(c, INDEX - 1, 2, NOW);
    assert.equal(c.slots[0]?.net, 0);
    assert.equal(c.slots[0]?.returned, 3);
  });

  it('takes the larger of what it knows and what leaders say, and adds no totals', () => {
    const r = replica();
    const total = (taken: number, returned = 0, asked = taken) =>
      r.mergeTotal({ counter: 'c', sliceMs: SLICE, keep: 2, epoch: 0, index: INDEX, taken, returned, asked }, NOW);
    r.merge(told({ taken: 5 }), NOW, 0);
    assert.equal(total(3), true);
    assert.equal(r.find('c')?.slots[0]?.net, 5);
    assert.equal(total(8), true);
    assert.equal(total(8), false);
    assert.equal(total(7), false);
    assert.equal(r.find('c')?.slots[0]?.net, 8);
    assert.equal(total(8, 2), true);
    assert.equal(r.find('c')?.slots[0]?.net, 6);
  });

  it('says how old news are, once for each host that has some', () => {
    const ages: number[] = [];
    const r = replica({ onNews: (age) => ages.push(age) });
    r.merge(told({ taken: 1, ageMs: 30 }), NOW, 0);
    r.merge(told({ taken: 1, ageMs: 30 }), NOW, 0);
    r.merge(told({ taken: 2, ageMs: 10 }), NOW, 0);
    assert.deepEqual(ages, [30, 10]);
  });

  it('lists a change for as many rounds as asked for', () => {
    const r = replica();
    const c = r.own('c', SLICE, 2);
    r.count(c, INDEX, 1, 1, NOW);
    const seen: number[] = [];
    for (let i = 0; i < 4; i++) {
      seen.push(r.changes.lately(2).length);
      r.changes.nextRound();
    }
    assert.deepEqual(seen, [1, 1, 0, 0]);
    assert.equal(r.changes.ownAge(NOW + 40), 0);
    r.count(c, INDEX, 1, 0, NOW + 50);
    assert.equal(r.changes.ownAge(NOW + 80), 30);
  });

  it('keeps counting in its own way when another configuration tells otherwise', () => {
    const r = replica();
    r.merge(told({ taken: 5 }), NOW, 0);
    const c = r.own('c', 5_000, 2);
    assert.equal(c.slots.length, 0);
    r.count(c, Math.floor(NOW / 5_000), 1, 1, NOW);
    r.merge(told({ taken: 6 }), NOW, 0);
    assert.equal(r.find('c')?.sliceMs, 5_000);
  });
});
