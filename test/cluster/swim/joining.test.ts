/** Listed addresses: who is found there, who is missing, and what a changed list does. */
import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Logger } from '../../../src/core/logger.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { addressOf, VirtualFleet } from './virtual-fleet.ts';

function threeMachines(options: { forgetAfterMs?: number; logger?: (address: string) => Logger } = {}) {
  const fleet = new VirtualFleet({ seed: 11, ...options });
  const [a, b, c] = fleet.machines(3);
  assert.ok(a !== undefined && b !== undefined && c !== undefined);
  return { fleet, a, b, c, agree: (within = 12_000) => fleet.until('all agree', () => fleet.agrees(), within) };
}

it('hosts with different lists find each other', async () => {
  const { fleet, a, b, c, agree } = threeMachines();
  a.start([]);
  b.start([a.address]);
  c.start([b.address, 'nobody.example:7946']);
  await agree();
  await fleet.run(60_000);
  assert.ok(fleet.agrees());
});

it('a chain of 40 hosts, each listing only the one before, is one fleet', async () => {
  const fleet = new VirtualFleet({ seed: 12, loss: 0.05 });
  const hosts = fleet.machines(40);
  for (const [i, host] of hosts.entries()) host.start(i === 0 ? [] : [addressOf(i - 1)]);
  await fleet.until('all agree', () => fleet.agrees(), 15_000);
});

it('hosts that start one after the other find each other, whoever comes first', async () => {
  const { fleet, a, b, c, agree } = threeMachines();
  const list = [a.address, b.address, c.address];
  a.start(list);
  await fleet.run(40_000);
  assert.equal(a.swim?.visibleShare, 1);
  b.start(list);
  await fleet.run(40_000);
  assert.equal(a.swim?.visibleShare, 1);
  c.start(list);
  await agree(3_000);
});

it('a host that only others list is found again after it was down', async () => {
  const { fleet, a, b, agree } = threeMachines();
  a.start([b.address]);
  b.start([]);
  await agree();
  b.crash();
  await fleet.run(120_000);
  b.start([]);
  await agree(14_000);
});

it('a list that is redeployed takes effect: hosts are found, and missing ones no longer waited for', async () => {
  const { fleet, a, b, c, agree } = threeMachines();
  const swim = a.start([b.address]);
  b.start([]);
  c.start([]);
  await fleet.run(5_000);
  assert.equal(a.stateOf(c), undefined);
  swim.listed([b.address, c.address]);
  await agree(3_000);

  c.powerOff();
  await fleet.until('c is missing', () => a.stateOf(c) === 'dead', 12_000);
  assert.equal(swim.visibleShare, 2 / 3);
  swim.listed([b.address]);
  assert.equal(a.stateOf(c), 'gone');
  assert.equal(swim.visibleShare, 1);
  // b has a list of its own, and goes on waiting; what it says does not bring c back here.
  await fleet.run(60_000);
  assert.equal(b.stateOf(c), 'dead');
  assert.equal(swim.visibleShare, 1);

  swim.listed([b.address, c.address]);
  assert.equal(swim.visibleShare, 2 / 3);
});

it('a host that is taken off the list and lives is a member, until it falls silent', async () => {
  const { fleet, a, b, c, agree } = threeMachines();
  const list = [a.address, b.address, c.address];
  for (const host of [a, b, c]) host.start(list);
  await agree();
  for (const host of [a, b]) host.swim?.listed([a.address, b.address]);
  await fleet.run(30_000);
  assert.ok(fleet.agrees());
  c.powerOff();
  await fleet.until('c is no longer waited for', () => a.stateOf(c) === 'gone', 12_000);
  assert.ok(!a.seen.some((change) => change === `${c.address} dead`) || a.swim?.visibleShare === 1);
  assert.equal(b.swim?.visibleShare, 1);
});

it('a listed host that has never answered is missing; where nobody listens nobody is', async () => {
  const { fleet, a, b, c } = threeMachines();
  b.powerOff();
  const swim = a.start([a.address, b.address, c.address]);
  await fleet.run(4_000);
  assert.equal(swim.visibleShare, 1);
  await fleet.run(8_000);
  assert.equal(swim.visibleShare, 1 / 2);
  assert.deepEqual(
    swim.all.map(({ address, incarnation, state }) => ({ address, incarnation, state })),
    [{ address: b.address, incarnation: 0, state: 'dead' }],
  );
  b.start([]);
  await fleet.until('b is found', () => a.sees([a, b]), 12_000);
  assert.equal(swim.visibleShare, 1);
});

it('a machine that comes back without the process is not missing any more', async () => {
  const { fleet, a, b } = threeMachines();
  b.powerOff();
  const swim = a.start([b.address]);
  await fleet.run(12_000);
  assert.equal(swim.visibleShare, 1 / 2);
  b.isOn = true;
  await fleet.until('nobody is missing', () => swim.visibleShare === 1, 12_000);
  assert.deepEqual(swim.all, []);
});

it('a dead host is forgotten in time by all, never to be missed again for the same death', async () => {
  const { fleet, a, b, c, agree } = threeMachines({ forgetAfterMs: 60_000 });
  const list = [a.address, b.address, c.address];
  for (const host of [a, b, c]) host.start(list);
  await agree();
  c.powerOff();
  await fleet.until('c is missing', () => a.stateOf(c) === 'dead' && b.stateOf(c) === 'dead', 12_000);
  await fleet.run(55_000);
  assert.equal(a.swim?.visibleShare, 2 / 3);
  await fleet.run(20_000);
  for (const host of [a, b]) host.seen.length = 0;
  for (let minute = 0; minute < 30; minute++) {
    assert.equal(a.swim?.visibleShare, 1, `minute ${minute}`);
    assert.equal(b.swim?.visibleShare, 1, `minute ${minute}`);
    await fleet.run(60_000);
  }
  assert.deepEqual(
    a.swim?.all.map(({ address }) => address),
    [b.address],
  );
  c.start([]);
  await agree(15_000);
});

it('a listed host that never answers is forgotten too', async () => {
  const { fleet, a, b } = threeMachines({ forgetAfterMs: 30_000 });
  b.powerOff();
  const swim = a.start([b.address]);
  await fleet.run(12_000);
  assert.equal(swim.visibleShare, 1 / 2);
  await fleet.run(30_000);
  for (let minute = 0; minute < 30; minute++) {
    assert.equal(swim.visibleShare, 1, `minute ${minute}`);
    await fleet.run(60_000);
  }
  b.start([]);
  await fleet.until('b is found', () => a.sees([a, b]), 14_000);
});

it('goodbye is final: late words of it do not bring it back', async () => {
  const { fleet, a, b, agree } = threeMachines();
  for (const host of [a, b]) host.start([a.address, b.address]);
  await agree();
  const self = b.swim?.self ?? assert.fail();
  b.stop();
  await fleet.run(100);
  assert.equal(a.stateOf(b), 'gone');
  a.swim?.heard(self);
  assert.equal(a.stateOf(b), 'gone');
  a.swim?.heard({ ...self, incarnation: self.incarnation + 5 });
  assert.equal(a.stateOf(b), 'alive');
  a.swim?.heard(self);
  assert.equal(a.swim?.peers[0]?.incarnation, self.incarnation + 5);
});

it('an address may be another name of a host', async () => {
  const { fleet, a, b, c, agree } = threeMachines();
  fleet.aliases.set('b.example:7946', b.address);
  fleet.aliases.set('also-b.example:7946', b.address);
  const swim = a.start(['b.example:7946', 'also-b.example:7946']);
  b.start([]);
  await agree();
  b.powerOff();
  await fleet.until('b is missing', () => a.stateOf(b) === 'dead', 12_000);
  assert.equal(swim.visibleShare, 1 / 2);
  swim.listed(['also-b.example:7946']);
  assert.equal(a.stateOf(b), 'dead');
  swim.listed([]);
  assert.equal(a.stateOf(b), 'gone');
  // The name leads elsewhere from now on.
  fleet.aliases.set('b.example:7946', c.address);
  c.start([]);
  swim.listed(['b.example:7946']);
  await fleet.until('c is found', () => a.sees([a, c]), 12_000);
});

it('an address that leads back to this host is ignored from then on, however it is spelt', async () => {
  const { fleet, a, b, agree } = threeMachines();
  const own = ['localhost:7946', 'a.example:7946'];
  for (const name of own) fleet.aliases.set(name, a.address);
  const swim = a.start([...own, b.address]);
  b.start([]);
  await agree();
  await fleet.run(5_000);
  const before = fleet.questions;
  let asked = 0;
  const { exchange } = fleet;
  fleet.exchange = (from, self, name, payload) => {
    if (own.includes(name)) asked++;
    return exchange.call(fleet, from, self, name, payload);
  };
  await fleet.run(300_000);
  swim.listed([b.address]);
  swim.listed([...own, b.address]);
  await fleet.run(300_000);
  assert.equal(asked, 0);
  assert.ok(fleet.questions > before);
  assert.equal(swim.visibleShare, 1);
  assert.ok(fleet.agrees());
});

it('an address in front of all hosts that answers as this host first is asked again while nobody else is known', async () => {
  const { fleet, a, b } = threeMachines();
  fleet.aliases.set('all.example:7946', a.address);
  a.start(['all.example:7946']);
  b.start([]);
  await fleet.run(5_000);
  fleet.aliases.set('all.example:7946', b.address);
  await fleet.until('b is found', () => a.sees([a, b]), 100_000);
});

it('joined() waits for the first host, or until all have been tried', async () => {
  const { fleet, a, b, c } = threeMachines();
  const joined = async (list: readonly string[], withinMs: number): Promise<number> => {
    const start = fleet.agenda.now;
    let at: number | undefined;
    void a
      .start(list)
      .joined(withinMs)
      .then(() => {
        at = fleet.agenda.now;
      });
    for (let i = 0; i < 10_000 && at === undefined; i++) {
      await fleet.run(1);
      await new Promise((resolve) => setImmediate(resolve));
    }
    a.crash();
    return (at ?? Number.POSITIVE_INFINITY) - start;
  };
  b.start([]);
  assert.ok((await joined([], 1_000)) <= 1);
  assert.ok((await joined([a.address, b.address], 1_000)) < 20);
  assert.ok((await joined([c.address], 1_000)) < 20, 'refused: nobody to wait for');
  c.powerOff();
  assert.ok((await joined([c.address, b.address], 1_000)) < 20);
  // Or it would look for the earlier life of this host, and be found by that.
  b.powerOff();
  const alone = await joined([c.address], 1_000);
  assert.ok(alone >= 1_000 && alone < 1_010, `${alone}`);
});

it('another process under the same name is told of, once', async () => {
  const errors: string[] = [];
  const logger = (): Logger => ({ ...silentLogger, error: (_fields, message) => errors.push(message) });
  const { fleet, a, b, agree } = threeMachines({ logger });
  a.start([b.address]);
  b.start([]);
  await agree();
  const later = { address: a.address, incarnation: (a.swim?.self.incarnation ?? 0) + 1_000 };
  for (let i = 0; i < 3; i++) a.swim?.heard(later);
  await fleet.run(1_000);
  assert.deepEqual(errors, ['peers: a later process speaks under the name of this host']);
});
