/** What becomes of hosts, and how long it takes until all others know. One period, in which each host probes one other, is a second. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualFleet } from './virtual-fleet.ts';

const PERIOD = 1_000;
const SIZES = [2, 3, 5, 30];

/** A fleet with 5 % loss whose hosts know each other; the last is the one that things happen to. */
async function settled(size: number, seed = size) {
  const fleet = new VirtualFleet({ seed, loss: 0.05, duplication: 0.02 });
  const hosts = await fleet.start(size);
  const list = hosts.map(({ address }) => address);
  await fleet.until('all know each other', () => fleet.agrees(), 20 * PERIOD);
  await fleet.run(3 * PERIOD);
  const [victim] = hosts.slice(-1);
  const [witness] = hosts;
  assert.ok(victim !== undefined && witness !== undefined);
  const agree = (what: string, periods: number) => fleet.until(what, () => fleet.agrees(), periods * PERIOD);
  return { fleet, hosts, list, victim, witness, agree };
}

/** Periods until a failure is noticed and everybody has heard of it. */
const noticed = (size: number): number => 4 + Math.ceil(Math.log2(size));
/** Periods for which a silent host is suspected. */
const suspected = (size: number): number => Math.max(5, Math.ceil(4 * Math.log10(size)));

for (const size of SIZES) {
  describe(`${size} hosts, 5 % loss`, () => {
    it('find each other within ten periods of a common start', async () => {
      const fleet = new VirtualFleet({ seed: size, loss: 0.05 });
      await fleet.start(size);
      await fleet.until('all know each other', () => fleet.agrees(), 10 * PERIOD);
    });

    it('a process that ends is gone, and not missing', async () => {
      const { victim, witness, agree } = await settled(size);
      victim.crash();
      await agree('all know', noticed(size));
      assert.equal(witness.stateOf(victim), 'gone');
      assert.equal(witness.swim?.visibleShare, 1);
    });

    it('a goodbye is known within a few periods, and stays known', async () => {
      const { fleet, victim, witness, agree } = await settled(size);
      victim.stop();
      await agree('all know', 3);
      assert.equal(witness.stateOf(victim), 'gone');
      await fleet.run(20 * PERIOD);
      assert.ok(fleet.agrees());
    });

    it('a machine that falls silent is suspect, then dead and missing', async () => {
      const { fleet, hosts, victim, witness, agree } = await settled(size);
      victim.powerOff();
      await fleet.until('suspicion', () => witness.stateOf(victim) === 'suspect', noticed(size) * PERIOD);
      assert.ok(witness.swim?.peers.some(({ address }) => address === victim.address));
      assert.equal(witness.swim?.visibleShare, 1);
      await agree('all know', noticed(size) + suspected(size));
      for (const host of hosts) {
        if (host === victim) continue;
        assert.equal(host.stateOf(victim), 'dead');
        assert.equal(host.swim?.visibleShare, (size - 1) / size);
      }
    });

    it('a restart is a new life; the old one is over', async () => {
      const { fleet, list, victim, witness, agree } = await settled(size);
      const before = victim.swim?.self.incarnation ?? 0;
      victim.crash();
      await fleet.run(50);
      victim.start(list);
      await agree('all know the new life', 6);
      const lives = witness.swim?.all.filter(({ address }) => address === victim.address);
      assert.equal(lives?.length, 1);
      assert.ok((lives?.[0]?.incarnation ?? 0) > before);
    });

    it('a pause of 5 s kills nobody', async () => {
      const { fleet, hosts, victim, agree } = await settled(size);
      for (const host of hosts) host.seen.length = 0;
      victim.pause(5_000);
      await fleet.run(5_000);
      await agree('all is as before', 6);
      await fleet.run(20 * PERIOD);
      assert.deepEqual(lost(hosts), []);
      assert.ok(fleet.agrees());
    });

    it('a host back from a pause of 75 s was dead, gives nobody up, and is welcome at once', async () => {
      const { fleet, hosts, victim, witness, agree } = await settled(size);
      victim.pause(75_000);
      await fleet.run(74_900);
      assert.equal(witness.stateOf(victim), 'dead');
      for (const host of hosts) host.seen.length = 0;
      await fleet.run(100);
      await agree('all is as before', 5);
      await fleet.run(30 * PERIOD);
      assert.deepEqual(lost(hosts), []);
    });

    it('each half of a cut counts the other as missing, and nobody dies when they meet again', async () => {
      const { fleet, hosts, agree } = await settled(size);
      const half = size >> 1;
      const sides = [hosts.slice(0, half), hosts.slice(half)];
      fleet.partition(...sides);
      const isNoticed = (): boolean =>
        sides.every((side) => side.every((host) => host.swim?.visibleShare === side.length / size));
      // Each side loses many at once, and has to notice each of them.
      await fleet.until('both sides know', isNoticed, (2 * noticed(size) + suspected(size)) * PERIOD);
      await fleet.run(10 * PERIOD);
      assert.ok(isNoticed());
      for (const host of hosts) host.seen.length = 0;
      fleet.heal();
      await agree('one fleet again', 8);
      await fleet.run(20 * PERIOD);
      assert.deepEqual(lost(hosts), []);
    });
  });
}

/** Who was given up, and by whom. */
function lost(hosts: readonly { readonly address: string; readonly seen: readonly string[] }[]): string[] {
  return hosts.flatMap(({ address, seen }) =>
    seen.filter((change) => /dead|gone/.test(change)).map((change) => `${address} saw ${change}`),
  );
}

it('200 hosts: one ends, one falls silent, one is paused for 75 s, one joins', async () => {
  const { fleet, hosts, list, victim, witness, agree } = await settled(200);
  const [, ended, silent] = hosts;
  assert.ok(ended !== undefined && silent !== undefined);
  ended.crash();
  await agree('all know that one has ended', noticed(200));
  assert.equal(witness.stateOf(ended), 'gone');
  ended.start(list);
  await agree('all know that it is back', 6);

  silent.powerOff();
  await agree('all know that one is silent', noticed(200) + suspected(200));
  assert.equal(witness.stateOf(silent), 'dead');
  silent.start(list);
  await agree('all know that it is back', 6);

  for (const host of hosts) host.seen.length = 0;
  victim.pause(75_000);
  await fleet.run(74_900);
  assert.equal(witness.stateOf(victim), 'dead');
  await fleet.run(100);
  await agree('all is as before', 5);
  assert.deepEqual(lost([victim]), []);
});

it('one host that is cut off one-way still hears the others, and they it', async () => {
  const { fleet, hosts, victim } = await settled(5);
  // Nothing reaches it any more; what it sends arrives.
  fleet.reaches = (_from, to) => to !== victim.address;
  await fleet.run(30 * PERIOD);
  assert.equal(victim.swim?.visibleShare, 1 / 5);
  fleet.heal();
  await fleet.until('all is as before', () => fleet.agrees(), 8 * PERIOD);
  assert.equal(hosts.length, 5);
});

it('one seed is one run', async () => {
  const run = async (seed: number): Promise<string> => {
    const { fleet, hosts, victim } = await settled(8, seed);
    victim.pause(9_000);
    await fleet.run(20_000);
    return JSON.stringify([fleet.messages, fleet.bytes, fleet.questions, hosts.map(({ seen }) => seen)]);
  };
  assert.equal(await run(3), await run(3));
  assert.notEqual(await run(3), await run(4));
});

it('a host back from a pause first listens: whom it was about to give up may have been heard of meanwhile', async () => {
  for (let seed = 1; seed <= 10; seed++) {
    const { fleet, victim, witness } = await settled(5, seed);
    fleet.reaches = (from, to) => from !== victim.address && to !== victim.address;
    await fleet.until('suspicion', () => witness.stateOf(victim) === 'suspect', 8 * PERIOD);
    await fleet.run(4_750);
    assert.equal(witness.stateOf(victim), 'suspect');
    witness.seen.length = 0;
    witness.pause(20_000);
    // The victim is back while the witness is away, whose socket overflows.
    fleet.reaches = (from, to) => from !== witness.address && to !== witness.address;
    await fleet.run(19_999);
    fleet.heal();
    await fleet.until('all is as before', () => fleet.agrees(), 3 * PERIOD);
    await fleet.run(10 * PERIOD);
    assert.deepEqual(lost([witness]), [], `seed ${seed}`);
  }
});

it('a host back from a pause says so to all at once', async () => {
  for (let seed = 1; seed <= 3; seed++) {
    const { fleet, victim } = await settled(30, seed);
    victim.pause(30_000);
    // Nothing waits for it in its socket that would tell it that it is given up.
    fleet.reaches = (from, to) => from !== victim.address && to !== victim.address;
    await fleet.run(29_999);
    fleet.heal();
    const took = await fleet.until('all is as before', () => fleet.agrees(), 10 * PERIOD);
    assert.ok(took <= 1_000, `${took} ms, seed ${seed}`);
  }
});
