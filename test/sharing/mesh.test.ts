import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import { MeshStrategy } from '../../src/sharing/mesh.ts';
import { check } from '../conformance/strategy.ts';
import { CODEC } from '../support/peer-net.ts';
import { Fleet, INTERVAL, mesh } from './replicated-fleet.ts';

const POLICY: Policy = { algorithm: 'fixed-window', limit: 100, windowMs: 60_000 };

describe('mesh', () => {
  it('tells everybody once an interval, and again in the next, then is silent', async () => {
    const fleet = new Fleet(mesh);
    await fleet.start(5);
    const c = check(POLICY);
    for (let i = 0; i < 5; i++) fleet.ask(i, c);
    await fleet.net.pass(INTERVAL);
    assert.equal(fleet.net.takeSent().length, 5 * 4);
    await fleet.net.pass(INTERVAL);
    assert.equal(fleet.net.takeSent().length, 5 * 4);
    await fleet.net.pass(30 * INTERVAL);
    assert.equal(fleet.net.takeSent().length, 0);
    for (let i = 0; i < 5; i++) assert.equal(await fleet.remaining(i, c), 95);
    await fleet.close();
  });

  it('tells its own counts only, and only those that changed', async () => {
    const fleet = new Fleet(mesh);
    await fleet.start(3);
    const [a, b] = [check(POLICY), check(POLICY)];
    fleet.ask(0, a);
    fleet.ask(1, b);
    await fleet.net.pass(5 * INTERVAL);
    fleet.net.takeSent();
    fleet.ask(0, b);
    await fleet.net.pass(INTERVAL);
    const sent = fleet.net.takeSent();
    assert.deepEqual(new Set(sent.map(({ from }) => from)), new Set(['h0:1']));
    for (const { message } of sent) {
      assert.deepEqual(
        message.records.map(({ counter }) => counter),
        [b.counter],
      );
      assert.equal(message.kind === 'counts' && message.origins.length, 1);
    }
    await fleet.close();
  });

  it('makes good a lost message in the next interval', async () => {
    const fleet = new Fleet(mesh);
    await fleet.start(3);
    const c = check(POLICY);
    fleet.ask(0, c);
    fleet.net.loss = 1;
    await fleet.net.pass(INTERVAL);
    fleet.net.loss = 0;
    await fleet.net.pass(INTERVAL);
    assert.equal(await fleet.remaining(1, c), 99);
    await fleet.close();
  });

  it('makes good what was lost twice by exchanging whole states', async () => {
    const fleet = new Fleet(mesh);
    await fleet.start(2);
    const c = check(POLICY);
    fleet.ask(0, c);
    fleet.net.loss = 1;
    await fleet.net.pass(3 * INTERVAL);
    assert.equal(await fleet.remaining(1, c), 100);
    await fleet.net.pass(11_000, 50);
    assert.equal(await fleet.remaining(1, c), 99);
    await fleet.close();
  });

  it('learns before it decides: a host that joins, or starts anew, knows what was counted', async () => {
    const fleet = new Fleet(mesh);
    await fleet.start(3);
    const c = check(POLICY);
    for (let i = 0; i < 3; i++) fleet.ask(i, c);
    await fleet.net.pass(3 * INTERVAL);
    fleet.kill(0);
    const again = fleet.add('h0:1', 2);
    fleet.net.meet(again.host, fleet.at(1).host, fleet.at(2).host);
    await fleet.startAll([again]);
    assert.equal((await again.strategy.peek(c)).remaining, 97);
    await again.strategy.check([c]);
    await fleet.net.pass(3 * INTERVAL);
    assert.equal(await fleet.remaining(1, c), 96, 'both lives count');
    await fleet.close();
  });

  it('does not wait for peers that do not answer for longer than a second', async () => {
    const fleet = new Fleet(mesh);
    const [a, b] = [fleet.add('a:1'), fleet.add('b:1')];
    fleet.meet();
    b.host.vanish();
    fleet.net.delayMs = 60_000;
    let started = false;
    const start = a.strategy.start().then(() => {
      started = true;
    });
    await fleet.net.pass(990);
    assert.equal(started, false);
    await fleet.net.pass(20);
    await start;
    await fleet.close();
  });

  it('is one again after a partition, at once', async () => {
    const fleet = new Fleet(mesh);
    await fleet.start(4);
    const hosts = fleet.hosts.map(({ host }) => host);
    const [left, right] = [hosts.slice(0, 2), hosts.slice(2)];
    fleet.net.cut(left, right);
    for (const side of [left, right]) {
      for (const host of side) {
        host.membership.see(
          side.filter((each) => each !== host).map((each) => each.self),
          0.5,
        );
      }
    }
    assert.equal(fleet.at(0).strategy.visibleShare(), 0.5);
    await fleet.net.pass(5 * INTERVAL);
    const c = check(POLICY);
    for (let i = 0; i < 4; i++) for (let n = 0; n <= i; n++) fleet.ask(i, c);
    await fleet.net.pass(10 * INTERVAL);
    assert.equal(await fleet.remaining(0, c), 97);
    assert.equal(await fleet.remaining(3, c), 93);
    fleet.net.heal();
    fleet.meet();
    await fleet.net.pass(4 * INTERVAL);
    for (let i = 0; i < 4; i++) assert.equal(await fleet.remaining(i, c), 90);
    await fleet.close();
  });

  it('says how old its news are', async () => {
    const ages: number[] = [];
    const fleet = new Fleet(mesh, { staleness: (_sharing, seconds) => void ages.push(seconds) });
    await fleet.start(2);
    const c = check(POLICY);
    for (let i = 0; i < 50; i++) {
      fleet.ask(0, c);
      await fleet.net.pass(37, 1);
    }
    assert.ok(ages.length >= 15, `${ages.length}`);
    assert.ok(ages.every((age) => age >= 0 && age <= (INTERVAL + 2) / 1_000));
    assert.ok(Math.max(...ages) > 0.03);
    await fleet.close();
  });

  it('tells what it has not told yet before it ends, and then decides nothing any more', async () => {
    const fleet = new Fleet(mesh);
    await fleet.start(2);
    const c = check(POLICY);
    fleet.ask(0, c);
    await fleet.at(0).strategy.close();
    await fleet.net.pass(10);
    assert.equal(await fleet.remaining(1, c), 99);
    await assert.rejects(async () => fleet.at(0).strategy.check([c]), { code: 'SLUICE_STORE_CONNECTION' });
    await fleet.close();
  });

  it('refuses totals as malformed', async () => {
    const fleet = new Fleet(mesh);
    await fleet.start(2);
    assert.ok(fleet.at(0).strategy instanceof MeshStrategy);
    const message = { kind: 'totals', leaderSlot: 0, term: 0, ageMs: 0, records: [] } as const;
    const { receiver } = fleet.at(0).host;
    const [payload] = CODEC.encode(message, 1_200);
    assert.throws(() => receiver?.message(fleet.at(1).host.self, payload ?? new Uint8Array()), {
      code: 'SLUICE_WIRE_MALFORMED',
    });
    assert.throws(() => receiver?.question(fleet.at(1).host.self, new Uint8Array(3)), {
      code: 'SLUICE_WIRE_MALFORMED',
    });
    assert.throws(() => receiver?.question(fleet.at(1).host.self, new Uint8Array([0, 0, 0, 0, 9])), {
      code: 'SLUICE_WIRE_MALFORMED',
    });
    await fleet.close();
  });

  it('exchanges states that are larger than a page', async () => {
    const fleet = new Fleet(mesh);
    const [a, b] = [fleet.add('a:1'), fleet.add('b:1')];
    await fleet.startAll([a]);
    const checks = Array.from({ length: 5_000 }, () => check(POLICY));
    for (const c of checks) await a.strategy.check([c]);
    await fleet.net.pass(3 * INTERVAL);
    fleet.meet();
    await fleet.startAll([b]);
    for (const c of checks) assert.equal((await b.strategy.peek(c)).remaining, 99);
    assert.ok(fleet.net.exchanges > 2, `${fleet.net.exchanges} pages`);
    await fleet.close();
  });
});
