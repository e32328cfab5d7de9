import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Claim } from '../../../src/cluster/swim/claim.ts';
import { readMessage, startMessage } from '../../../src/cluster/swim/messages.ts';
import { News } from '../../../src/cluster/swim/news.ts';

const describe = (address: string): Claim => ({ address, incarnation: 1, refutation: 0, says: 'alive', ageMs: 0 });

function next(news: News, hosts: number, room = 1_300, about: (address: string) => Claim | undefined = describe) {
  const writer = startMessage({ kind: 'news' }, room);
  news.fill(writer, hosts, about);
  return readMessage(writer.view()).claims.map(({ address }) => address);
}

it('is sent 4 × ⌈log₁₀(hosts + 1)⌉ times', () => {
  for (const [hosts, times] of [
    [2, 4],
    [9, 4],
    [10, 8],
    [200, 12],
    [10_000, 20],
  ] as const) {
    const news = new News();
    news.add('a:1');
    for (let i = 0; i < times; i++) assert.deepEqual(next(news, hosts), ['a:1']);
    assert.deepEqual(next(news, hosts), []);
    assert.equal(news.size, 0);
  }
});

it('what was sent least goes first, when there is not room for all', () => {
  const news = new News();
  for (const address of ['a:1', 'b:1', 'c:1', 'd:1']) news.add(address);
  // One claim has seven bytes, and the message's kind one.
  assert.deepEqual(next(news, 10, 15), ['a:1', 'b:1']);
  assert.deepEqual(next(news, 10, 15), ['c:1', 'd:1']);
  news.add('e:1');
  assert.deepEqual(next(news, 10, 15), ['e:1', 'a:1']);
  news.add('a:1');
  assert.deepEqual(next(news, 10, 15)[0], 'a:1');
});

it('tells what is known when it is sent, and nothing of whom nothing is known any more', () => {
  const news = new News();
  news.add('a:1');
  news.add('b:1');
  assert.deepEqual(
    next(news, 10, 1_300, (address) => (address === 'a:1' ? undefined : describe(address))),
    ['b:1'],
  );
  assert.equal(news.size, 1);
});
