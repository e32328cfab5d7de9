import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import { check } from '../conformance/strategy.ts';
import { Fleet, INTERVAL, randomLeaders } from './replicated-fleet.ts';

const POLICY: Policy = { algorithm: 'fixed-window', limit: 100, windowMs: 60_000 };

/** Who answered with totals. */
function leadersIn(fleet: Fleet): Set<string> {
  const totals = fleet.net.takeSent().filter(({ message }) => message.kind === 'totals' && message.records.length > 0);
  return new Set(totals.map(({ from }) => from));
}

describe('random leaders', () => {
  it('are two where all see the same, and everybody knows all within two intervals', async () => {
    const fleet = new Fleet(randomLeaders);
    await fleet.start(8);
    const c = check(POLICY);
    for (let i = 0; i < 8; i++) fleet.ask(i, c);
    await fleet.net.pass(2 * INTERVAL + 10);
    for (let i = 0; i < 8; i++) assert.equal(await fleet.remaining(i, c), 92);
    assert.equal(leadersIn(fleet).size, 2);
    await fleet.close();
  });

  it('cost at most 4 × N messages an interval, and end to be heard of when nothing changes', async () => {
    const fleet = new Fleet(randomLeaders);
    await fleet.start(10);
    const c = check({ ...POLICY, limit: 100_000 } as Policy);
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 10; i++) fleet.ask(i, c);
      await fleet.net.pass(INTERVAL);
      const news = fleet.net.takeSent().filter(({ message }) => message.records.length > 0);
      assert.ok(news.length <= 4 * 10, `${news.length} messages`);
    }
    await fleet.net.pass(15_000, 50);
    fleet.net.takeSent();
    await fleet.net.pass(3_000, 50);
    // Whole states are still exchanged every 10 s; declarations end 10 s after that brought nothing.
    assert.ok(fleet.net.takeSent().every(({ message }) => message.records.length === 0));
    await fleet.close();
  });

  it('lose nothing when one crashes', async () => {
    const fleet = new Fleet(randomLeaders);
    await fleet.start(6);
    const c = check(POLICY);
    for (let i = 0; i < 6; i++) fleet.ask(i, c);
    await fleet.net.pass(3 * INTERVAL);
    const [first = ''] = leadersIn(fleet);
    const index = fleet.hosts.findIndex(({ host }) => host.self.address === first);
    fleet.kill(index);
    const rest = fleet.hosts.map((_, i) => i).filter((i) => i !== index);
    for (const i of rest) fleet.ask(i, c);
    await fleet.net.pass(3 * INTERVAL);
    for (const i of rest) assert.equal(await fleet.remaining(i, c), 89, 'through the other one');
    fleet.net.meet(...rest.map((i) => fleet.at(i).host));
    for (const i of rest) fleet.ask(i, c);
    await fleet.net.pass(4 * INTERVAL);
    for (const i of rest) assert.equal(await fleet.remaining(i, c), 84);
    assert.equal(leadersIn(fleet).size, 2);
    await fleet.close();
  });

  it('are more where hosts see different things, and the sums are right all the same', async () => {
    const fleet = new Fleet(randomLeaders);
    await fleet.start(10);
    const c = check(POLICY);
    for (let i = 0; i < 10; i++) fleet.ask(i, c);
    await fleet.net.pass(3 * INTERVAL);
    const leaders = leadersIn(fleet);
    // Half of the hosts do not see the leaders of the others, who see everybody.
    const blind = fleet.hosts.filter(({ host }) => !leaders.has(host.self.address)).slice(0, 4);
    for (const { host } of blind) {
      host.membership.see(host.membership.peers.filter(({ address }) => !leaders.has(address)));
    }
    await fleet.net.pass(15 * INTERVAL);
    fleet.net.takeSent();
    for (let i = 0; i < 10; i++) fleet.ask(i, c);
    await fleet.net.pass(15 * INTERVAL);
    assert.ok(leadersIn(fleet).size > 2);
    for (let i = 0; i < 10; i++) fleet.ask(i, c);
    await fleet.net.pass(6 * INTERVAL);
    for (let i = 0; i < 10; i++) assert.equal(await fleet.remaining(i, c), 70, `host ${i}`);
    await fleet.close();
  });

  it('tell a host that starts anew what its earlier life counted', async () => {
    const fleet = new Fleet(randomLeaders);
    await fleet.start(6);
    const c = check(POLICY);
    for (let i = 0; i < 6; i++) fleet.ask(i, c);
    await fleet.net.pass(3 * INTERVAL);
    const leaders = leadersIn(fleet);
    const index = fleet.hosts.findIndex(({ host }) => !leaders.has(host.self.address));
    const { address } = fleet.at(index).host.self;
    fleet.kill(index);
    const again = fleet.add(address, 2);
    fleet.net.meet(
      again.host,
      ...fleet.hosts.filter(({ host }) => host.self.address !== address).map(({ host }) => host),
    );
    await fleet.startAll([again]);
    assert.equal((await again.strategy.peek(c)).remaining, 94);
    await fleet.close();
  });

  it('one host alone leads and needs nobody', async () => {
    const fleet = new Fleet(randomLeaders);
    await fleet.start(1);
    const c = check({ ...POLICY, limit: 2 } as Policy);
    assert.deepEqual([fleet.ask(0, c), fleet.ask(0, c), fleet.ask(0, c)], [true, true, false]);
    await fleet.net.pass(5 * INTERVAL);
    assert.equal(fleet.net.takeSent().length, 0);
    await fleet.close();
  });
});
