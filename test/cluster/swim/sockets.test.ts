/** Membership over real sockets: what only they can show. All else is tested on a virtual network. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { it } from 'node:test';
import { Messenger } from '../../../src/cluster/messenger.ts';
import { Swim } from '../../../src/cluster/swim/swim.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { seededRandom } from '../../../src/core/random.ts';
import type { PeerRefusal } from '../../../src/core/telemetry.ts';
import { eventually } from '../../support/eventually.ts';
import type { TransportName } from '../transport/networks.ts';
import { network } from '../transport/networks.ts';

async function startMember(t: TestContext, name: TransportName) {
  const { transport, address } = await network(name).host();
  await transport.start();
  t.after(() => transport.stop());
  const self = { address: address(), incarnation: systemClock.now() };
  const refused: PeerRefusal[] = [];
  const traffic = { sent: 0, received: 0 };
  const telemetry = {
    peerMessage: (_traffic: string, direction: 'sent' | 'received') => void traffic[direction]++,
    peerRefused: (reason: PeerRefusal) => void refused.push(reason),
  };
  const common = { clock: systemClock, telemetry, logger: silentLogger };
  const messenger = new Messenger({ ...common, self, secret: 'a secret that is only used in tests', transport });
  const channel = messenger.channel('membership');
  const swim = new Swim({ ...common, self, channel, random: seededRandom(self.incarnation) });
  messenger.onHeard((from) => swim.heard(from));
  swim.start();
  t.after(() => swim.stop());
  const sees = (other: { readonly swim: Swim }): string | undefined =>
    swim.all.find((member) => member.address === other.swim.self.address)?.state;
  return { swim, transport, traffic, refused, sees, port: Number(/\d+$/.exec(self.address)?.[0]) };
}

for (const name of ['udp', 'tcp'] as const) {
  it(`over ${name}: hosts join, one leaves, one ends without a word`, async (t) => {
    const [a, b, c] = [await startMember(t, name), await startMember(t, name), await startMember(t, name)];
    b.swim.listed([a.swim.self.address, b.swim.self.address]);
    c.swim.listed([b.swim.self.address]);
    await Promise.all([b.swim.joined(5_000), c.swim.joined(5_000)]);
    assert.equal(b.sees(a), 'alive');
    await eventually('all see all', () => [a, b, c].every(({ swim }) => swim.peers.length === 2));

    c.swim.stop();
    await eventually('c has left', () => a.sees(c) === 'gone' && b.sees(c) === 'gone');
    await c.transport.stop();
    await b.transport.stop();
    await eventually('b has ended', () => a.sees(b) === 'gone', { within: 15_000 });
    assert.equal(a.swim.visibleShare, 1);
    for (const { refused } of [a, b, c]) assert.deepEqual(refused, []);
  });

  it(`over ${name}: an address that leads back to this host is nobody, and another spelling of a host is that host`, async (t) => {
    const [a, b] = [await startMember(t, name), await startMember(t, name)];
    a.swim.listed([`localhost:${a.port}`]);
    // Question and answer, each sent and received by this host: it has heard itself.
    await eventually('it hears itself', () => a.traffic.sent === 2 && a.traffic.received === 2);
    assert.deepEqual(a.swim.all, []);
    a.swim.listed([`localhost:${a.port}`, `LOCALHOST:${b.port}`, `localhost:${b.port}`]);
    await eventually('b is found', () => a.sees(b) === 'alive' && b.sees(a) === 'alive');
    for (const { swim } of [a, b]) {
      assert.equal(swim.all.length, 1);
      assert.equal(swim.visibleShare, 1);
    }
    assert.deepEqual([a.refused, b.refused], [[], []]);
  });
}

it('a message that cannot be read is counted and changes nothing', async (t) => {
  const [a, b] = [await startMember(t, 'udp'), await startMember(t, 'udp')];
  const stranger = new Messenger({
    self: { address: b.swim.self.address, incarnation: b.swim.self.incarnation },
    secret: 'a secret that is only used in tests',
    transport: b.transport,
    clock: systemClock,
    telemetry: { peerMessage: () => {}, peerRefused: () => {} },
    logger: silentLogger,
  });
  const channel = stranger.channel('membership');
  for (const bytes of ['', '\xff', '\x00', '\x04\x09']) channel.send(a.swim.self.address, Buffer.from(bytes, 'latin1'));
  await eventually('four refusals', () => a.refused.length === 4);
  assert.deepEqual(new Set(a.refused), new Set(['malformed']));
  await assert.rejects(channel.exchange(a.swim.self.address, Buffer.from('\x07')));
  assert.equal(a.refused.length, 5);
  assert.equal(a.swim.visibleShare, 1);
});
