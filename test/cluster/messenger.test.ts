import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { systemClock } from '../../src/core/clock.ts';
import { WireError } from '../../src/core/errors.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import { isPeerError } from '../conformance/transport.ts';
import { eventually } from '../support/eventually.ts';
import type { Host } from './hosts.ts';
import { startHost } from './hosts.ts';

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
          if (direction === way) bytes[traffic] = [...(bytes[traffic] ?? []), size];
        return bytes;
      };
      assert.deepEqual(sums(a, 'sent'), sums(b, 'received'));
      assert.deepEqual(sums(b, 'sent'), sums(a, 'received'));
      assert.deepEqual(Object.keys(sums(a, 'sent')).sort(), [...subjects].sort());
      assert.deepEqual([a.refused, b.refused], [[], []]);
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
    });

    it('do not mind a subject that only others know', async () => {
      const [a, b] = [await startHost(name), await startHost(name)];
      const from = a.channel('leader');
      from.send(b.self.address, Buffer.from('x'));
      await eventually('it is counted', () => b.refused.length > 0);
      await assert.rejects(from.exchange(b.self.address, Buffer.from('?')), isPeerError(false));
      assert.deepEqual(b.refused, ['version', 'version']);
    });

    it('know a host that has ended', async () => {
      const [a, b] = [await startHost(name), await startHost(name)];
      await b.transport.stop();
      await assert.rejects(a.channel('membership').exchange(b.self.address, Buffer.from('?')), isPeerError(true));
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
    });
  });
}
