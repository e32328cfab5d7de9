/** What somebody can do who sees and sends packets, but does not know the secret. Hosts with real sockets. */
import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { frame, HELLO, MESSAGE, PREFACE, QUESTION } from '../../src/cluster/transport/frames.ts';
import { Envelope } from '../../src/cluster/wire/envelope.ts';
import { systemClock } from '../../src/core/clock.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import { eventually } from '../support/eventually.ts';
import type { Host } from './hosts.ts';
import { startHost } from './hosts.ts';

/** As an attacker: bytes from anywhere to a host's port. */
async function inject(to: Host, ...packets: Uint8Array[]): Promise<void> {
  const socket = createSocket('udp4');
  const port = Number(/\d+$/.exec(to.self.address)?.[0]);
  for (const each of packets) await new Promise((resolve) => socket.send(each, port, '127.0.0.1', resolve));
  socket.close();
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
  });

  it('of a host that calls itself like this one is refused, and told of', async () => {
    const a = await startHost('udp');
    const twin = await startHost('udp', { address: a.self.address, incarnation: a.self.incarnation + 5 });
    twin.channel('mesh').send(a.self.address, Buffer.from('I am you'));
    await eventually('it is told of', () => a.warnings.length === 1);
    assert.match(a.warnings[0] ?? '', /peers\.advertise/);
    assert.deepEqual(a.refused, ['replayed']);
  });

  it('to another name of this host is a question that it answers itself', async () => {
    const a = await startHost('udp');
    const channel = a.channel('membership');
    const alias = a.self.address.replace('127.0.0.1', 'localhost');
    assert.match(Buffer.from(await channel.exchange(alias, Buffer.from('?'))).toString(), /^membership to 127/);
    assert.deepEqual(a.heard, []);
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
    await eventually('what is true arrives', () => {
      from.send(b.self.address, Buffer.from('after'));
      return to.seen.length > 1;
    });
    assert.ok(b.refused.length > 1_000);
    assert.deepEqual(new Set(to.seen.map(({ text }) => text)), new Set(['before', 'after']));
  });

  it('goes unanswered by noise on connections too: 500 mutated streams change nothing', async () => {
    const [a, b] = [await startHost('tcp'), await startHost('tcp')];
    const to = b.channel('mesh');
    const from = a.channel('mesh');
    from.send(b.self.address, Buffer.from('before'));
    await eventually('it arrives', () => to.seen.length === 1);
    const stranger = new Envelope({ ...a.self, incarnation: a.self.incarnation + 1 }, 'another secret', systemClock);
    const stream = Buffer.concat([
      PREFACE,
      frame(HELLO, stranger.seal('hello', 0, new Uint8Array()).bytes),
      frame(MESSAGE, a.sent[0]?.bytes ?? new Uint8Array()),
      frame(QUESTION, stranger.seal('question', 2, Buffer.from('?')).bytes),
    ]);
    const port = Number(/\d+$/.exec(b.self.address)?.[0]);
    const noise = Array.from({ length: 500 }, (_, i) => {
      const bytes = Buffer.from(stream.subarray(0, i % 5 === 0 ? (i * 13) % stream.length : stream.length));
      for (let j = 0; j < i % 4 && bytes.length > 0; j++) bytes[(i * 31 + j * 17) % bytes.length] = (i * 7 + j) & 255;
      return bytes;
    });
    await Promise.all(
      noise.map(
        (bytes) =>
          new Promise((resolve) => {
            const socket = connect(port, '127.0.0.1', () => socket.end(bytes));
            socket
              .on('error', () => {})
              .on('close', resolve)
              .resume();
          }),
      ),
    );
    const answer = await from.exchange(b.self.address, Buffer.from('?'));
    assert.match(Buffer.from(answer).toString(), /^mesh to/);
    from.send(b.self.address, Buffer.from('after'));
    await eventually('it arrives', () => to.seen.length === 2);
    assert.ok(b.refused.length > 300);
    assert.ok(
      b.refused.every((reason) => ['malformed', 'too_large', 'unauthenticated', 'overloaded'].includes(reason)),
    );
  });
});
