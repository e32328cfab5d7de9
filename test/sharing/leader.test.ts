import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import type { PeerRefusal } from '../../src/core/telemetry.ts';
import { check } from '../conformance/strategy.ts';
import { CODEC } from '../support/peer-net.ts';
import { Elections, Fleet, INTERVAL, leader } from './replicated-fleet.ts';

const POLICY: Policy = { algorithm: 'fixed-window', limit: 100, windowMs: 60_000 };

/** Host 0 of so many leads the only slot, in term 5. */
async function led(hosts: number, telemetry = {}) {
  const elections = new Elections();
  const fleet = new Fleet(leader(elections), telemetry);
  for (let i = 0; i < hosts; i++) fleet.add(`h${i}:1`);
  fleet.meet();
  elections.elect(0, fleet.at(0).host, 5);
  await fleet.startAll(fleet.hosts);
  await fleet.net.pass(5 * INTERVAL);
  fleet.net.takeSent();
  return { elections, fleet };
}

describe('a leader', () => {
  it('is reported to, and tells each what the others counted, within two intervals', async () => {
    const { fleet } = await led(5);
    const c = check(POLICY);
    for (let i = 0; i < 5; i++) for (let n = 0; n <= i; n++) fleet.ask(i, c);
    await fleet.net.pass(2 * INTERVAL + 10);
    for (let i = 0; i < 5; i++) assert.equal(await fleet.remaining(i, c), 85);
    const sent = fleet.net.takeSent();
    for (const { from, to } of sent) assert.ok(from === 'h0:1' || to === 'h0:1', `${from} → ${to}`);
    await fleet.close();
  });

  it('costs 2 × (N − 1) messages an interval, and none when nothing changes', async () => {
    const { fleet } = await led(10);
    const c = check({ ...POLICY, limit: 100_000 } as Policy);
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 10; i++) fleet.ask(i, c);
      await fleet.net.pass(INTERVAL);
    }
    fleet.net.takeSent();
    for (let round = 0; round < 10; round++) {
      for (let i = 0; i < 10; i++) fleet.ask(i, c);
      await fleet.net.pass(INTERVAL);
    }
    assert.equal(fleet.net.takeSent().length, 10 * 2 * 9);
    await fleet.net.pass(10 * INTERVAL);
    fleet.net.takeSent();
    await fleet.net.pass(20 * INTERVAL);
    assert.equal(fleet.net.takeSent().length, 0);
    await fleet.close();
  });

  it('tells nobody what only that one host counts, nor what it never asked for', async () => {
    const { fleet } = await led(4);
    const c = check(POLICY);
    fleet.ask(1, c);
    await fleet.net.pass(4 * INTERVAL);
    assert.ok(fleet.net.takeSent().every(({ message }) => message.kind === 'counts'));
    assert.equal(await fleet.remaining(2, c), 100);
    await fleet.close();
  });

  it('tells who asks first, late in the window, what had been counted before', async () => {
    const { fleet } = await led(4);
    const c = check(POLICY);
    for (let n = 0; n < 30; n++) fleet.ask(1, c);
    await fleet.net.pass(20 * INTERVAL);
    fleet.ask(2, c);
    await fleet.net.pass(2 * INTERVAL + 10);
    assert.equal(await fleet.remaining(2, c), 69);
    await fleet.close();
  });

  it('makes good a lost report and a lost total', async () => {
    const { fleet } = await led(3);
    const c = check(POLICY);
    fleet.ask(1, c);
    fleet.ask(2, c);
    fleet.net.loss = 1;
    await fleet.net.pass(INTERVAL);
    fleet.net.loss = 0;
    await fleet.net.pass(2 * INTERVAL + 10);
    assert.equal(await fleet.remaining(1, c), 98);
    fleet.net.takeSent();
    fleet.ask(1, c);
    // The report arrives, the first total does not.
    for (let lost = false; !lost; ) {
      await fleet.net.pass(5);
      lost = fleet.net.takeSent().some(({ from }) => from === 'h1:1');
    }
    await fleet.net.pass(5);
    fleet.net.loss = 1;
    await fleet.net.pass(INTERVAL);
    fleet.net.loss = 0;
    await fleet.net.pass(INTERVAL + 10);
    assert.equal(await fleet.remaining(2, c), 97);
    await fleet.close();
  });

  it('counts its own requests, and decides on what all reported', async () => {
    const { fleet } = await led(3);
    const c = check({ ...POLICY, limit: 10 } as Policy);
    for (let n = 0; n < 6; n++) fleet.ask(0, c);
    for (let n = 0; n < 3; n++) fleet.ask(1, c);
    await fleet.net.pass(3 * INTERVAL);
    assert.equal(await fleet.remaining(0, c), 1);
    assert.equal(await fleet.remaining(1, c), 1);
    await fleet.close();
  });

  it('tells hosts of a reset that do not know of it, and that the reset host had not asked before', async () => {
    const { fleet } = await led(4);
    const c = check(POLICY);
    for (let i = 1; i < 4; i++) for (let n = 0; n < 10; n++) fleet.ask(i, c);
    await fleet.net.pass(3 * INTERVAL);
    assert.equal(await fleet.remaining(2, c), 70);
    await fleet.at(1).strategy.reset(c);
    await fleet.net.pass(3 * INTERVAL);
    for (let i = 0; i < 4; i++) assert.equal(await fleet.remaining(i, c), 100, `host ${i}`);
    await fleet.at(0).strategy.reset(c);
    fleet.ask(3, c);
    await fleet.net.pass(3 * INTERVAL);
    fleet.ask(3, c);
    await fleet.net.pass(4 * INTERVAL);
    assert.equal(await fleet.remaining(1, c), 99);
    await fleet.close();
  });
});

describe('a change of leaders', () => {
  it('loses nothing: everybody tells the new one everything', async () => {
    const { elections, fleet } = await led(5);
    const c = check(POLICY);
    for (let i = 0; i < 5; i++) for (let n = 0; n < 4; n++) fleet.ask(i, c);
    await fleet.net.pass(3 * INTERVAL);
    // It crashes; what it counted itself was told to the others as part of their totals only.
    fleet.kill(0);
    fleet.net.meet(...fleet.hosts.slice(1).map(({ host }) => host));
    elections.elect(0, undefined, 0);
    await fleet.net.pass(3 * INTERVAL);
    elections.elect(0, fleet.at(3).host, 6);
    await fleet.net.pass(6 * INTERVAL);
    for (let i = 1; i < 5; i++) {
      fleet.ask(i, c);
      assert.ok((await fleet.remaining(i, c)) <= 80);
    }
    await fleet.net.pass(3 * INTERVAL);
    for (let i = 1; i < 5; i++) assert.ok((await fleet.remaining(i, c)) <= 80, 'known totals are kept');
    const other = check(POLICY);
    for (let i = 1; i < 5; i++) fleet.ask(i, other);
    await fleet.net.pass(3 * INTERVAL);
    for (let i = 1; i < 5; i++) assert.equal(await fleet.remaining(i, other), 96);
    await fleet.close();
  });

  it('is silent until the new leader has heard from all that it sees, or has waited', async () => {
    const elections = new Elections();
    const fleet = new Fleet(leader(elections));
    for (let i = 0; i < 4; i++) fleet.add(`h${i}:1`);
    fleet.meet();
    const c = check(POLICY);
    await fleet.startAll(fleet.hosts);
    for (let i = 0; i < 4; i++) fleet.ask(i, c);
    fleet.kill(3);
    elections.elect(0, fleet.at(0).host, 2);
    let [totals, waited] = [0, 0];
    for (; totals === 0 && waited < 2_000; waited += 10) {
      await fleet.net.pass(10);
      totals += fleet.net.takeSent().filter(({ message }) => message.kind === 'totals').length;
    }
    assert.ok(waited >= 2 * INTERVAL + 200 && waited < 2 * INTERVAL + 200 + 3 * INTERVAL, `${waited} ms`);
    await fleet.close();
  });

  it('refuses totals of a term that is over, and counts them', async () => {
    const refused: PeerRefusal[] = [];
    const { fleet } = await led(3, { peerRefused: (reason: PeerRefusal) => void refused.push(reason) });
    const c = check(POLICY);
    fleet.ask(1, c);
    const record = fleet.net;
    await record.pass(3 * INTERVAL);
    const totals = (term: number, taken: number): Uint8Array => {
      const index = Math.floor(fleet.net.clock.now() / 60_000);
      const slot = { counter: c.counter, sliceMs: 60_000, keep: 1, epoch: 0, index };
      const message = {
        kind: 'totals' as const,
        leaderSlot: 0,
        term,
        ageMs: 0,
        records: [{ ...slot, taken, returned: 0, asked: taken }],
      };
      return CODEC.encode(message, 1_200)[0] ?? new Uint8Array();
    };
    const { host } = fleet.at(1);
    host.receiver?.message(fleet.at(2).host.self, totals(4, 50));
    assert.deepEqual(refused, ['stale_term']);
    assert.equal(await fleet.remaining(1, c), 99);
    host.receiver?.message(fleet.at(2).host.self, totals(6, 50));
    assert.equal(await fleet.remaining(1, c), 49);
    host.receiver?.message(fleet.at(0).host.self, totals(5, 60));
    assert.deepEqual(refused, ['stale_term', 'stale_term']);
    await fleet.close();
  });

  it('does no harm while two believe that they lead', async () => {
    const [now, before] = [new Elections(), new Elections()];
    // Half of the hosts have not heard of the new election, the old leader among them.
    const late = (address: string): boolean => address === 'h0:1' || address === 'h1:1';
    const fleet = new Fleet((options, host) => leader(late(host.self.address) ? before : now)(options, host));
    for (let i = 0; i < 4; i++) fleet.add(`h${i}:1`);
    fleet.meet();
    before.elect(0, fleet.at(0).host, 5);
    now.elect(0, fleet.at(0).host, 5);
    await fleet.startAll(fleet.hosts);
    const c = check(POLICY);
    for (let i = 0; i < 4; i++) for (let n = 0; n < 5; n++) fleet.ask(i, c);
    await fleet.net.pass(3 * INTERVAL);
    now.elect(0, fleet.at(2).host, 6);
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 4; i++) fleet.ask(i, c);
      await fleet.net.pass(2 * INTERVAL);
    }
    for (let i = 0; i < 4; i++) assert.ok((await fleet.remaining(i, c)) >= 60, 'nothing is counted twice');
    before.elect(0, fleet.at(2).host, 6);
    await fleet.net.pass(4 * INTERVAL);
    for (let i = 0; i < 4; i++) fleet.ask(i, c);
    await fleet.net.pass(4 * INTERVAL);
    for (let i = 0; i < 4; i++) assert.equal(await fleet.remaining(i, c), 56, `host ${i}`);
    await fleet.close();
  });

  it('leaves each host its part of the limits while nobody leads', async () => {
    const { elections, fleet } = await led(4);
    assert.equal(fleet.at(1).strategy.visibleShare(), 1);
    const c = check(POLICY);
    for (let i = 0; i < 4; i++) for (let n = 0; n < 5; n++) fleet.ask(i, c);
    await fleet.net.pass(3 * INTERVAL);
    elections.elect(0, undefined, 0);
    await fleet.net.pass(40 * INTERVAL);
    assert.equal(fleet.at(1).strategy.visibleShare(), 0.25);
    let admitted = 5;
    for (let n = 0; n < 100; n++) if (fleet.ask(1, { ...c, share: 0.25 })) admitted++;
    assert.equal(admitted, 25, 'its own count is held against its part');
    elections.elect(0, fleet.at(2).host, 9);
    await fleet.net.pass(6 * INTERVAL);
    assert.equal(fleet.at(1).strategy.visibleShare(), 1);
    await fleet.close();
  });

  it('goes on with a leader that is heard although the coordination service says nothing', async () => {
    const [known, silent] = [new Elections(), new Elections()];
    const fleet = new Fleet((options, host) => leader(host.self.address === 'h1:1' ? silent : known)(options, host));
    for (let i = 0; i < 3; i++) fleet.add(`h${i}:1`);
    fleet.meet();
    known.elect(0, fleet.at(0).host, 5);
    silent.elect(0, fleet.at(0).host, 5);
    await fleet.startAll(fleet.hosts);
    const c = check(POLICY);
    const all = async (): Promise<void> => {
      for (let i = 0; i < 3; i++) fleet.ask(i, c);
      await fleet.net.pass(3 * INTERVAL);
    };
    await all();
    silent.elect(0, undefined, 0);
    for (let round = 0; round < 10; round++) await all();
    assert.equal(await fleet.remaining(1, c), 67);
    assert.equal(fleet.at(1).strategy.visibleShare(), 1);
    await fleet.net.pass(3_000, 50);
    assert.equal(fleet.at(1).strategy.visibleShare(), 1 / 3, 'not for ever');
    await fleet.close();
  });
});

describe('several leaders', () => {
  it('have the counters shared out among them, each its own', async () => {
    const elections = new Elections(3);
    const fleet = new Fleet(leader(elections));
    for (let i = 0; i < 5; i++) fleet.add(`h${i}:1`);
    fleet.meet();
    for (let slot = 0; slot < 3; slot++) elections.elect(slot, fleet.at(slot).host, slot + 1);
    await fleet.startAll(fleet.hosts);
    await fleet.net.pass(5 * INTERVAL);
    fleet.net.takeSent();
    const checks = Array.from({ length: 300 }, () => check(POLICY));
    for (const c of checks) for (let i = 0; i < 5; i++) fleet.ask(i, c);
    await fleet.net.pass(3 * INTERVAL);
    for (const c of checks) for (let i = 0; i < 5; i++) assert.equal(await fleet.remaining(i, c), 95);
    const led = new Map<number, Set<string>>();
    for (const { message } of fleet.net.takeSent()) {
      if (message.kind !== 'totals') continue;
      const counters = led.get(message.leaderSlot) ?? new Set();
      led.set(message.leaderSlot, counters);
      for (const { counter } of message.records) counters.add(counter);
    }
    const sizes = [...led.values()].map((counters) => counters.size);
    assert.equal(
      sizes.reduce((sum, size) => sum + size, 0),
      300,
    );
    for (const size of sizes) assert.ok(size > 70 && size < 130, `${sizes}`);
    await fleet.close();
  });
});
