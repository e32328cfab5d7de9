/** What gossip passes on, and when it stops to. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { CountsMessage } from '../../src/cluster/wire/counts.ts';
import { Replica } from '../../src/sharing/replica.ts';
import { ReplicaHosts } from '../../src/sharing/replica-hosts.ts';
import { ReplicaNews } from '../../src/sharing/replica-news.ts';

const SLICE = 1_000;
const NOW = 1_700_000_000_000;
const INDEX = NOW / SLICE;
const ENOUGH = 3;

function relay(address = 'self:1', hosts?: ReplicaHosts): Replica {
  const replica = new Replica({
    self: { address, incarnation: 1 },
    maxCounters: 100,
    learns: 'and-relays',
    onEvict: () => {},
    onNews: () => {},
    ...(hosts === undefined ? {} : { hosts }),
  });
  replica.heardEnough = ENOUGH;
  return replica;
}

function told(host: string, taken: number, incarnation = 1): CountsMessage {
  const tallies = [{ origin: 0, taken, returned: 0, asked: taken }];
  const records = [{ counter: 'c', sliceMs: SLICE, keep: 2, epoch: 0, index: INDEX, tallies }];
  return { kind: 'counts', origins: [{ address: host, incarnation, ageMs: 0 }], records };
}

/** Whose counts it passes on now, and what they are. */
function passedOn(replica: Replica, rounds = 8): string[] {
  const news = new ReplicaNews(replica, NOW, 0);
  const since = replica.changes.round - rounds;
  for (const slot of replica.changes.lately(rounds)) news.addKnown(slot, since);
  const { origins, records } = news.message();
  return records.flatMap(({ tallies }) => tallies.map(({ origin, taken }) => `${origins[origin]?.address} ${taken}`));
}

function hears(replica: Replica, message: CountsMessage, times = 1): void {
  for (let i = 0; i < times; i++) replica.merge(message, NOW, 0);
}

describe('what is passed on', () => {
  it('rests once it was heard again often enough, and not before', () => {
    const replica = relay();
    hears(replica, told('a:1', 5));
    hears(replica, told('a:1', 5), ENOUGH - 1);
    assert.deepEqual(passedOn(replica), ['a:1 5']);
    hears(replica, told('a:1', 5));
    assert.deepEqual(passedOn(replica), []);
  });

  it('is passed on anew when it grows', () => {
    const replica = relay();
    hears(replica, told('a:1', 5), ENOUGH + 1);
    hears(replica, told('a:1', 6));
    assert.deepEqual(passedOn(replica), ['a:1 6']);
  });

  it('is not kept from travelling by those who know less', () => {
    const replica = relay();
    hears(replica, told('a:1', 5));
    hears(replica, told('a:1', 4), 10 * ENOUGH);
    assert.deepEqual(passedOn(replica), ['a:1 5']);
  });

  it('are own counts too, until others tell them', () => {
    const replica = relay();
    replica.count(replica.own('c', SLICE, 2), INDEX, 3, 3, NOW);
    hears(replica, told('self:1', 3), ENOUGH - 1);
    assert.deepEqual(passedOn(replica), ['self:1 3']);
    hears(replica, told('self:1', 3));
    assert.deepEqual(passedOn(replica), []);
    replica.count(replica.own('c', SLICE, 2), INDEX, 1, 1, NOW);
    assert.deepEqual(passedOn(replica), ['self:1 4']);
  });

  it('rests after its rounds in any case', () => {
    const replica = relay();
    hears(replica, told('a:1', 5));
    hears(replica, told('a:1', 5));
    for (let round = 0; round < 4; round++) replica.changes.nextRound();
    assert.deepEqual(passedOn(replica, 5), ['a:1 5']);
    replica.changes.nextRound();
    assert.deepEqual(passedOn(replica, 5), []);
  });

  it('holds for each of very many hosts, in whatever way they are looked up', () => {
    const replica = relay();
    const hosts = Array.from({ length: 200 }, (_, i) => `10.0.0.${i}:1`);
    for (const [i, host] of hosts.entries()) hears(replica, told(host, i + 1));
    for (const host of hosts.slice(0, 150)) hears(replica, told(host, hosts.indexOf(host) + 1), ENOUGH);
    assert.deepEqual(passedOn(replica), hosts.map((host, i) => `${host} ${i + 1}`).slice(150));
    assert.equal(replica.find('c')?.slots[0]?.others?.taken, (200 * 201) / 2);
  });

  it('is the same where replicas share what they know of lives', () => {
    const shared = new ReplicaHosts(false);
    const [a, b] = [relay('a:1', shared), relay('b:1', shared)];
    const message = told('c:1', 7);
    for (const each of [a, b]) hears(each, message);
    hears(b, told('a:1', 2));
    hears(a, told('a:1', 2, 2));
    assert.deepEqual(passedOn(a).sort(), ['a:1 2', 'c:1 7']);
    assert.deepEqual(passedOn(b).sort(), ['a:1 2', 'c:1 7']);
  });
});

describe('lives of hosts', () => {
  it('give their number to another when they are forgotten, also when a message still names them', () => {
    const hosts = new ReplicaHosts();
    const origin = { address: 'a:1', incarnation: 1, ageMs: 0 };
    const first = hosts.ofOrigin(origin);
    assert.equal(hosts.ofOrigin(origin), first);
    assert.equal(hosts.forget(first), true);
    const other = hosts.of({ address: 'b:1', incarnation: 1 });
    assert.equal(other.number, 0);
    assert.notEqual(hosts.ofOrigin(origin), first);
    assert.equal(hosts.ofOrigin(origin).number, 1);
    // What another replica's list says is none of this one's business.
    assert.notEqual(new ReplicaHosts().ofOrigin(origin), hosts.of(origin));
  });
});
