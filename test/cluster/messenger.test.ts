/** Several hosts with real sockets, and what somebody can do who sees and sends packets but does not know the secret. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { describe, it } from 'node:test';
import type { Channel } from '../../src/cluster/channel.ts';
import { Messenger } from '../../src/cluster/messenger.ts';
import type { Peer } from '../../src/cluster/peer.ts';
import type { Transport } from '../../src/cluster/transport/transport.ts';
import { systemClock } from '../../src/core/clock.ts';
import { WireError } from '../../src/core/errors.ts';
import type { PeerRefusal, PeerTraffic } from '../../src/core/telemetry.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import { isPeerError } from '../conformance/transport.ts';
import { eventually } from '../support/eventually.ts';
import type { TransportName } from './transport/networks.ts';
import { network } from './transport/networks.ts';

const SECRET = 'a secret that is only used in tests';

interface Seen {
  readonly from: Peer;
  readonly text: string;
}

interface Host {
  readonly self: Peer;
  readonly transport: Transport;
  readonly refused: PeerRefusal[];
  readonly counted: (readonly [PeerTraffic, 'sent' | 'received', number])[];
  readonly heard: Peer[];
  readonly warnings: string[];
  /** Everything that left, as it left. */
  readonly sent: { readonly to: string; readonly bytes: Uint8Array }[];
  readonly messenger: Messenger;
  channel(traffic: PeerTraffic): Channel & { readonly seen: Seen[] };
}

async function startHost(
  name: TransportName,
  options: { secret?: string; clock?: VirtualClock; address?: string; incarnation?: number } = {},
): Promise<Host> {
  const host = await network(name).host();
  await host.transport.start();
  const self = { address: options.address ?? host.address(), incarnation: options.incarnation ?? systemClock.now() };
  const [refused, counted, heard, warnings, sent]: [PeerRefusal[], Host['counted'], Peer[], string[], Host['sent']] = [
    [],
    [],
    [],
    [],
    [],
  ];
  const send = host.transport.send.bind(host.transport);
  host.transport.send = (to, bytes) => {
    sent.push({ to, bytes });
    send(to, bytes);
  };
  const note = (_fields: object, message: string): void => void warnings.push(message);
  const messenger = new Messenger({
    self,
    secret: options.secret ?? SECRET,
    transport: host.transport,
    clock: options.clock ?? systemClock,
    telemetry: {
      peerMessage: (...event) => void counted.push(event),
      peerRefused: (reason) => void refused.push(reason),
    },
    logger: { debug: note, info: note, warn: note, error: note },
  });
  messenger.onHeard((from) => heard.push(from));
  const channel = (traffic: PeerTraffic): Channel & { readonly seen: Seen[] } => {
    const seen: Seen[] = [];
    const made = messenger.channel(traffic);
    made.receive({
      message: (from, payload) => void seen.push({ from, text: Buffer.from(payload).toString() }),
      question: (from, payload) => Buffer.from(`${traffic} to ${from.address}: ${Buffer.from(payload)}`),
    });
    return Object.assign(made, { seen });
  };
  return { self, transport: host.transport, refused, counted, heard, warnings, sent, messenger, channel };
}

async function stop(...hosts: Host[]): Promise<void> {
  for (const { transport } of hosts) await transport.stop();
}

/** As an attacker: bytes from anywhere to a host's port. */
async function inject(to: Host, ...packets: Uint8Array[]): Promise<void> {
  const socket = createSocket('udp4');
  const port = Number(/\d+$/.exec(to.self.address)?.[0]);
  for (const each of packets) await new Promise((resolve) => socket.send(each, port, '127.0.0.1', resolve));
  socket.close();
}

for (const name of ['udp', 'tcp'] as const) {
  describe(`hosts that talk by ${name}`, () => {
    it('hand each subject its own, say who sent it, hear of each other, and count what goes over the network', async () => {
      const [a, b] = [await startHost(name), await startHost(name)];
      const subjects = ['membership', 'mesh', 'gossip', 'leader', 'random-leaders'] as const;
      const [ofA, ofB] = [subjects.map(a.channel), subjects.map(b.channel)];
      for (const [i, channel] of ofA.entries()) channel.send(b.self.address, Buffer.from(`on ${subjects[i]}`));
      await eventually('all arrive', () => ofB.every(({ seen }) => seen.length === 1));
      for (const [i, { seen }] of ofB.entries()) assert.deepEqual(seen, [{ from: a.self, text: `on ${subjects[i]}` }]);
      for (const [i, channel] of ofA.entries()) {
        const answer = await channel.exchange(b.self.address, Buffer.from('?'));
        assert.equal(Buffer.from(answer).toString(), `${subjects[i]} to ${a.self.address}: ?`);
      }
      assert.deepEqual(new Set(b.heard.map(({ address }) => address)), new Set([a.self.address]));
      assert.deepEqual(a.heard.at(-1), b.self);
      const sums = (host: Host, way: string): Record<string, number[]> => {
        const bytes: Record<string, number[]> = {};
        for (const [traffic, direction, size] of host.counted)
          if (direction === way) (bytes[traffic] ??= []).push(size);
        return bytes;
      };
      assert.deepEqual(sums(a, 'sent'), sums(b, 'received'));
      assert.deepEqual(sums(b, 'sent'), sums(a, 'received'));
      assert.deepEqual(Object.keys(sums(a, 'sent')).sort(), [...subjects].sort());
      assert.deepEqual([a.refused, b.refused], [[], []]);
      await stop(a, b);
    });

    it('send as much as they say they can, and no more', async () => {
      const [a, b] = [await startHost(name), await startHost(name)];
      const [from, to] = [a.channel('mesh'), b.channel('mesh')];
      from.send(b.self.address, Buffer.alloc(from.maxPayload, 'x'));
      await eventually('it arrives', () => to.seen.length === 1);
      assert.equal(to.seen[0]?.text.length, from.maxPayload);
      assert.throws(() => from.send(b.self.address, Buffer.alloc(from.maxPayload + 1)), RangeError);
      assert.ok((a.sent[0]?.bytes.length ?? 0) <= a.transport.maxMessage);
      if (name === 'udp') assert.ok(from.maxPayload >= 1_330, `${from.maxPayload}`);
      const question = Buffer.alloc(from.maxExchange, 'y');
      to.receive({ message() {}, question: (_from, payload) => payload });
      assert.equal(Buffer.compare(await from.exchange(b.self.address, question), question), 0);
      await stop(a, b);
    });

    it('do not talk to those with another secret, who change nothing and are counted', async () => {
      const [a, stranger] = [await startHost(name), await startHost(name, { secret: 'another secret' })];
      const [of, their] = [a.channel('mesh'), stranger.channel('mesh')];
      their.send(a.self.address, Buffer.from('believe me'));
      await eventually('it is counted', () => a.refused.length > 0);
      await assert.rejects(their.exchange(a.self.address, Buffer.from('?')), isPeerError(false));
      await assert.rejects(of.exchange(stranger.self.address, Buffer.from('?')), isPeerError(false));
      assert.ok(a.refused.every((reason) => reason === 'unauthenticated'));
      assert.deepEqual([of.seen, a.heard, a.counted.filter(([, way]) => way === 'received')], [[], [], []]);
      await stop(a, stranger);
    });

    it('survive a receiver that throws, whatever it throws, and take what comes next', async () => {
      const [a, b] = [await startHost(name), await startHost(name)];
      const from = a.channel('gossip');
      const to = b.channel('gossip');
      const texts: string[] = [];
      to.receive({
        message: (_from, payload) => {
          texts.push(Buffer.from(payload).toString());
          throw texts.length === 1 ? new WireError('has no sense') : new TypeError('a fault of ours');
        },
        question: () => {
          throw new WireError('has no sense');
        },
      });
      for (const text of ['one', 'two', 'three']) {
        from.send(b.self.address, Buffer.from(text));
        await eventually('it arrives', () => texts.includes(text));
      }
      await assert.rejects(from.exchange(b.self.address, Buffer.from('?')), isPeerError(false));
      assert.deepEqual(b.refused, ['malformed', 'malformed', 'malformed', 'malformed']);
      assert.deepEqual(b.warnings, Array(2).fill('a message of a peer could not be handled'));
      await stop(a, b);
    });

    it('do not mind a subject that only others know', async () => {
      const [a, b] = [await startHost(name), await startHost(name)];
      const from = a.channel('leader');
      from.send(b.self.address, Buffer.from('x'));
      await eventually('it is counted', () => b.refused.length > 0);
      await assert.rejects(from.exchange(b.self.address, Buffer.from('?')), isPeerError(false));
      assert.deepEqual(b.refused, ['version', 'version']);
      await stop(a, b);
    });

    it('know a host that has ended', async () => {
      const [a, b] = [await startHost(name), await startHost(name)];
      await stop(b);
      await assert.rejects(a.channel('membership').exchange(b.self.address, Buffer.from('?')), isPeerError(true));
      await stop(a);
    });

    it('refuse a host whose clock is off by more than 10 s, and tell the operator once a minute whose', async () => {
      const clock = new VirtualClock(systemClock.now() + 11_000);
      const [a, late] = [await startHost(name), await startHost(name, { clock })];
      const of = a.channel('mesh');
      const their = late.channel('mesh');
      for (let i = 0; i < 3; i++) their.send(a.self.address, Buffer.from(`${i}`));
      await eventually('it is counted', () => {
        clock.advance(0);
        return a.refused.length > 0;
      });
      await assert.rejects(their.exchange(a.self.address, Buffer.from('?')), isPeerError(false));
      assert.ok(a.refused.every((reason) => reason === 'clock'));
      assert.equal(a.warnings.length, 1);
      assert.match(a.warnings[0] ?? '', /clock of a peer/);
      assert.deepEqual([of.seen, a.heard], [[], []]);
      await stop(a, late);
    });
  });
}

describe('a message on its way', () => {
  it('is sealed once for all hosts it goes to, and each takes it; again for one that gets it twice', async () => {
    const [a, b, c] = [await startHost('udp'), await startHost('udp'), await startHost('udp')];
    const from = a.channel('mesh');
    const to = [b.channel('mesh'), c.channel('mesh')];
    const payloads = [Buffer.from('one'), Buffer.from('two')];
    for (const { self } of [b, c]) for (const payload of payloads) from.send(self.address, payload);
    assert.equal(new Set(a.sent.map(({ bytes }) => bytes)).size, 2);
    for (const payload of payloads) from.send(b.self.address, payload);
    assert.equal(new Set(a.sent.map(({ bytes }) => bytes)).size, 4);
    await eventually('all arrive', () => to[0]?.seen.length === 4 && to[1]?.seen.length === 2);
    assert.deepEqual([b.refused, c.refused], [[], []]);
    await stop(a, b, c);
  });

  it('is sealed anew when some time has passed, since it says when it was', async () => {
    const clock = new VirtualClock(systemClock.now());
    const a = await startHost('udp', { clock });
    const from = a.channel('mesh');
    const payload = Buffer.from('again and again');
    from.send('127.0.0.1:9', payload);
    clock.advance(999);
    from.send('127.0.0.1:10', payload);
    clock.advance(1);
    from.send('127.0.0.1:11', payload);
    assert.equal(a.sent[0]?.bytes, a.sent[1]?.bytes);
    assert.notEqual(a.sent[1]?.bytes, a.sent[2]?.bytes);
    await stop(a);
  });

  it('can be recorded and sent again, cut, changed or sent elsewhere by anybody, in vain', async () => {
    const [a, b, c] = [await startHost('udp'), await startHost('udp'), await startHost('udp')];
    const [from, to, other] = [a.channel('leader'), b.channel('leader'), c.channel('leader')];
    from.send(b.self.address, Buffer.from('a total for b'));
    await eventually('it arrives', () => to.seen.length === 1);
    const recorded = Buffer.from(a.sent[0]?.bytes ?? []);
    const changed = Buffer.from(recorded);
    changed[recorded.length - 20] = 0;
    await inject(b, recorded, recorded, changed, recorded.subarray(0, 40), recorded.subarray(0, 5), Buffer.alloc(0));
    await inject(c, recorded);
    await inject(a, recorded);
    await eventually(
      'all is counted',
      () => b.refused.length === 6 && c.refused.length === 1 && a.refused.length === 1,
    );
    assert.deepEqual(b.refused.sort(), [
      ...['malformed', 'malformed', 'replayed', 'replayed', 'unauthenticated', 'unauthenticated'],
    ]);
    assert.deepEqual([a.refused, c.refused], [['unauthenticated'], ['unauthenticated']]);
    assert.deepEqual([to.seen.length, other.seen.length, from.seen.length], [1, 0, 0]);
    await stop(a, b, c);
  });

  it('for all hosts is taken by another host once, and never by its sender', async () => {
    const [a, b, c] = [await startHost('udp'), await startHost('udp'), await startHost('udp')];
    const [from, to, other] = [a.channel('mesh'), b.channel('mesh'), c.channel('mesh')];
    from.send(b.self.address, Buffer.from('true for all'));
    await eventually('it arrives', () => to.seen.length === 1);
    const recorded = Buffer.from(a.sent[0]?.bytes ?? []);
    await inject(c, recorded, recorded);
    await inject(a, recorded);
    await eventually('all is counted', () => c.refused.length === 1 && a.refused.length === 1);
    assert.equal(other.seen.length, 1);
    assert.deepEqual([c.refused, a.refused, from.seen], [['replayed'], ['replayed'], []]);
    await stop(a, b, c);
  });

  it('of a host that calls itself like this one is refused, and told of', async () => {
    const a = await startHost('udp');
    const twin = await startHost('udp', { address: a.self.address, incarnation: a.self.incarnation + 5 });
    twin.channel('mesh').send(a.self.address, Buffer.from('I am you'));
    await eventually('it is told of', () => a.warnings.length === 1);
    assert.match(a.warnings[0] ?? '', /peers\.advertise/);
    assert.deepEqual(a.refused, ['replayed']);
    await stop(a, twin);
  });

  it('to another name of this host is a question that it answers itself', async () => {
    const a = await startHost('udp');
    const channel = a.channel('membership');
    const alias = a.self.address.replace('127.0.0.1', 'localhost');
    assert.match(Buffer.from(await channel.exchange(alias, Buffer.from('?'))).toString(), /^membership to 127/);
    assert.deepEqual(a.heard, []);
    await stop(a);
  });

  it('goes unanswered by noise: 20,000 random packets change nothing, and the host still listens', async () => {
    const [a, b] = [await startHost('udp'), await startHost('udp')];
    const to = b.channel('mesh');
    const from = a.channel('mesh');
    from.send(b.self.address, Buffer.from('before'));
    await eventually('it arrives', () => to.seen.length === 1);
    const recorded = a.sent[0]?.bytes ?? new Uint8Array();
    const noise = Array.from({ length: 20_000 }, (_, i) => {
      const bytes = Buffer.from(recorded);
      for (let j = 0; j < 1 + (i % 3); j++) bytes[(i * 31 + j * 17) % bytes.length] = (i * 7 + j) & 255;
      return bytes;
    });
    await inject(b, ...noise);
    from.send(b.self.address, Buffer.from('after'));
    await eventually('it arrives', () => to.seen.length === 2);
    assert.ok(b.refused.length > 1_000);
    assert.deepEqual(
      to.seen.map(({ text }) => text),
      ['before', 'after'],
    );
    await stop(a, b);
  });
});
