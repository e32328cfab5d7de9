import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import { check } from '../conformance/strategy.ts';
import { Fleet, gossip, INTERVAL } from './replicated-fleet.ts';

const POLICY: Policy = { algorithm: 'fixed-window', limit: 100, windowMs: 60_000 };
const HOSTS = 40;

describe('gossip', () => {
  it('sends no more than fanout messages a host and interval, reaches everybody, and is silent then', async () => {
    const fleet = new Fleet(gossip);
    await fleet.start(HOSTS);
    const c = check(POLICY);
    fleet.ask(0, c);
    fleet.ask(7, c);
    let rounds = 0;
    for (; rounds < 12; rounds++) {
      const known = await Promise.all(fleet.hosts.map((_, i) => fleet.remaining(i, c)));
      if (known.every((remaining) => remaining === 98)) break;
      await fleet.net.pass(INTERVAL);
      const sent = fleet.net.takeSent();
      assert.ok(sent.length <= 3 * HOSTS, `${sent.length} messages`);
    }
    assert.ok(rounds <= 8, `${rounds} rounds`);
    await fleet.net.pass(20 * INTERVAL);
    fleet.net.takeSent();
    await fleet.net.pass(20 * INTERVAL);
    assert.equal(fleet.net.takeSent().length, 0);
    await fleet.close();
  });

  it('takes no more rounds than its staleness says, in the mean', async () => {
    let total = 0;
    for (let seed = 1; seed <= 5; seed++) {
      const fleet = new Fleet(gossip, {}, seed);
      await fleet.start(HOSTS);
      const c = check(POLICY);
      fleet.ask(seed, c);
      for (let told = false; !told; total++) {
        await fleet.net.pass(INTERVAL);
        told = (await Promise.all(fleet.hosts.map((_, i) => fleet.remaining(i, c)))).every((n) => n === 99);
      }
      await fleet.close();
    }
    const expected = Math.log(HOSTS) / Math.log(4) + Math.log(HOSTS) / 3 + 1;
    assert.ok(total / 5 <= expected + 1, `${total / 5} rounds, expected ${expected}`);
  });

  it('reaches everybody also when a third of the messages are lost', async () => {
    const fleet = new Fleet(gossip);
    await fleet.start(HOSTS);
    fleet.net.loss = 0.33;
    const c = check(POLICY);
    fleet.ask(3, c);
    await fleet.net.pass(9 * INTERVAL);
    for (let i = 0; i < HOSTS; i++) assert.equal(await fleet.remaining(i, c), 99);
    await fleet.close();
  });

  it('tells each peer equally often', async () => {
    const fleet = new Fleet(gossip);
    await fleet.start(20);
    const c = check(POLICY);
    const told = new Map<string, number>();
    for (let i = 0; i < 190; i++) {
      fleet.ask(0, c);
      await fleet.net.pass(INTERVAL, 50);
      for (const { from, to } of fleet.net.takeSent()) {
        if (from === 'h0:1') told.set(to, (told.get(to) ?? 0) + 1);
      }
    }
    assert.equal(told.size, 19);
    for (const count of told.values()) assert.ok(count >= 27 && count <= 33, `${count} of 30`);
    await fleet.close();
  });

  it('passes on a reset', async () => {
    const fleet = new Fleet(gossip);
    await fleet.start(HOSTS);
    const c = check(POLICY);
    for (let i = 0; i < 10; i++) fleet.ask(i, c);
    await fleet.net.pass(12 * INTERVAL);
    await fleet.at(20).strategy.reset(c);
    await fleet.net.pass(12 * INTERVAL);
    for (let i = 0; i < HOSTS; i++) assert.equal(await fleet.remaining(i, c), 100);
    await fleet.close();
  });

  it('adds the time on the way to the age of its news', async () => {
    const ages: number[] = [];
    const fleet = new Fleet(gossip, { staleness: (_sharing, seconds) => void ages.push(seconds) });
    await fleet.start(HOSTS);
    fleet.ask(0, check(POLICY));
    await fleet.net.pass(12 * INTERVAL);
    assert.equal(ages.length, HOSTS - 1, 'once for each host that it was news to');
    assert.ok(Math.max(...ages) > 0.2 && Math.max(...ages) < 0.9, `${Math.max(...ages)} s`);
    await fleet.close();
  });

  it('keeps what a crashed host counted, and its new life apart from it', async () => {
    const fleet = new Fleet(gossip);
    await fleet.start(6);
    const c = check(POLICY);
    for (let n = 0; n < 5; n++) fleet.ask(0, c);
    await fleet.net.pass(8 * INTERVAL);
    fleet.kill(0);
    const again = fleet.add('h0:1', 2);
    fleet.net.meet(again.host, ...fleet.hosts.slice(1, 6).map(({ host }) => host));
    await fleet.startAll([again]);
    await again.strategy.check([c]);
    await fleet.net.pass(8 * INTERVAL);
    for (let i = 1; i < 6; i++) assert.equal(await fleet.remaining(i, c), 94);
    await fleet.close();
  });
});
