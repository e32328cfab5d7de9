/** Busiest keys between hosts: over real sockets, and against whatever a peer may say. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Channel, Receiver } from '../../src/cluster/channel.ts';
import { PeersFleetTop } from '../../src/cluster/fleet-top.ts';
import type { Member, MemberState } from '../../src/cluster/membership.ts';
import { systemClock } from '../../src/core/clock.ts';
import { WireError } from '../../src/core/errors.ts';
import { SpaceSaving } from '../../src/core/space-saving.ts';
import type { PeerRefusal } from '../../src/core/telemetry.ts';
import type { TopSummary } from '../../src/core/top-summary.ts';
import { writeTop } from '../../src/core/top-summary.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import { startHost } from './hosts.ts';

function counted(counts: Readonly<Record<string, number>>): TopSummary {
  const asked = new SpaceSaving(256);
  for (const [key, count] of Object.entries(counts)) for (let i = 0; i < count; i++) asked.add(key);
  return { seconds: 60, asked: asked.summary(), refused: new SpaceSaving(256).summary() };
}

const member = (address: string, state: MemberState = 'alive'): Member => ({
  address,
  incarnation: 1,
  state,
  since: 0,
});

function membership(self: string, all: readonly Member[]) {
  return {
    self: { address: self, incarnation: 1 },
    all,
    peers: all.filter(({ state }) => state === 'alive' || state === 'suspect'),
    visibleShare: 1,
    heard: () => {},
    onChange: () => () => {},
  };
}

/** One that asks, over a channel that answers as `exchange` does. */
function asker(all: readonly Member[], exchange: (to: string) => Promise<Uint8Array>, own?: TopSummary) {
  const clock = new VirtualClock();
  const refused: PeerRefusal[] = [];
  let receiver: Receiver | undefined;
  const channel: Channel = {
    maxPayload: 1_000,
    maxExchange: 4 << 20,
    send: () => assert.fail('nothing is sent unasked'),
    exchange,
    receive: (to) => {
      receiver = to;
    },
  };
  const top = new PeersFleetTop({
    clock,
    channel,
    membership: membership('self:1', all),
    telemetry: { peerRefused: (reason) => void refused.push(reason) },
    host: 'here',
    own: (limit) => (limit === 'l' ? own : undefined),
  });
  const question = (bytes: Uint8Array): Uint8Array => {
    assert.ok(receiver !== undefined);
    return receiver.question({ address: 'b:1', incarnation: 1 }, bytes);
  };
  return { top, clock, refused, question };
}

const answer = (text: string, version = 1): Uint8Array => Buffer.concat([Buffer.of(version), Buffer.from(text)]);
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('the busiest keys of all hosts', () => {
  it('are added up over real sockets; who ended, is out of sight or has no such limit is told apart', async () => {
    const hosts = [await startHost('udp'), await startHost('udp'), await startHost('udp'), await startHost('udp')];
    const addresses = hosts.map(({ self }) => self.address);
    const [a = '', , , d = ''] = addresses;
    const all = [...addresses.map((address) => member(address)), member('gone:1', 'gone'), member('dead:1', 'dead')];
    const tops = hosts.map(({ messenger, self }, i) => {
      const others = all.filter(({ address }) => address !== self.address);
      const own = i === 3 ? undefined : counted({ alice: 10 * (i + 1), bob: i });
      return new PeersFleetTop({
        clock: systemClock,
        channel: messenger.channel('top'),
        membership: membership(self.address, others),
        telemetry: { peerRefused: () => assert.fail('nothing is refused') },
        host: `host-${i}`,
        own: (limit) => (limit === 'l' ? own : undefined),
      });
    });
    const found = await tops[0]?.ask('l');
    assert.deepEqual(found?.asked.keys, [
      { key: 'alice', count: 60, error: 0 },
      { key: 'bob', count: 3, error: 0 },
    ]);
    assert.deepEqual(
      found.instances.map(({ id, host }) => `${id} ${host}`).sort(),
      [`${a} host-0`, `${addresses[1]} host-1`, `${addresses[2]} host-2`].sort(),
    );
    assert.deepEqual([...found.missing].sort(), [d, 'dead:1'].sort());
    assert.deepEqual(
      hosts.flatMap(({ refused }) => refused),
      [],
    );
    assert.ok(hosts.every(({ counted: messages }) => messages.every(([traffic]) => traffic === 'top')));
  });

  it('are told after a while without those who do not answer', async () => {
    const { top, clock } = asker(
      [member('slow:1'), member('quick:1'), member('broken:1')],
      (to) => {
        if (to === 'broken:1') return Promise.reject(new Error('away'));
        return to === 'slow:1'
          ? new Promise(() => {})
          : Promise.resolve(answer(writeTop({ host: 'q', ...counted({ x: 3 }) })));
      },
      counted({ x: 1 }),
    );
    const asking = top.ask('l');
    await settled();
    clock.advance(1_500);
    const found = await asking;
    assert.deepEqual(found.asked.keys, [{ key: 'x', count: 4, error: 0 }]);
    assert.deepEqual(found.missing, ['slow:1', 'broken:1']);
  });

  it('are asked for once however many ask at once, and of 32 hosts at a time, of 256 at all', async () => {
    let [under, most, asked] = [0, 0, 0];
    const { top } = asker(
      Array.from({ length: 1_000 }, (_, i) => member(`h${i}:1`)),
      async () => {
        asked++;
        most = Math.max(most, ++under);
        await settled();
        under--;
        return answer(writeTop({ host: 'h', ...counted({ x: 1 }) }));
      },
    );
    const [one, other] = await Promise.all([top.ask('l'), top.ask('l')]);
    assert.equal(one, other);
    assert.deepEqual([most, asked, one.instances.length, one.missing.length], [32, 256, 256, 744]);
    assert.equal(one.asked.keys[0]?.count, 256);
  });

  it('do not wait for hosts that are suspected while others are well', async () => {
    const order: string[] = [];
    const { top } = asker([member('s:1', 'suspect'), member('a:1')], (to) => {
      order.push(to);
      return Promise.resolve(answer(''));
    });
    await top.ask('l');
    assert.deepEqual(order, ['a:1', 's:1']);
  });
});

describe('an answer that is none', () => {
  const hear = async (bytes: Uint8Array) => {
    const { top, refused } = asker([member('b:1')], () => Promise.resolve(bytes));
    const found = await top.ask('l');
    return { found, refused };
  };
  const sound = writeTop({ host: 'h', ...counted({ x: 1 }) });

  for (const [what, bytes] of [
    ['is empty', new Uint8Array(0)],
    ['is of another version', answer(sound, 2)],
    ['is cut short', answer(sound.slice(0, -1))],
    ['is larger than any', answer(`${sound}${' '.repeat(300_000)}`)],
    ['has a key that would steer a terminal', answer('[1,"h",1,[0,[["\\u001b[2J",1,0]]],[0,[]]]')],
    ['has a host that would steer a terminal', answer('[1,"\\u001b[2J",1,[0,[]],[0,[]]]')],
    ['has a key of nothing', answer('[1,"h",1,[0,[["",1,0]]],[0,[]]]')],
  ] as const) {
    it(`${what}: that host is missing, and it is counted`, async () => {
      const { found, refused } = await hear(bytes);
      assert.deepEqual([found.instances, found.missing, refused], [[], ['b:1'], ['malformed']]);
    });
  }

  it('whatever it is, is never believed and never thrown', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map((text) => answer(text)),
        ),
        async (bytes) => {
          const { found } = await hear(bytes);
          assert.deepEqual([found.instances, found.missing], [[], ['b:1']]);
        },
      ),
    );
  });
});

describe('a question', () => {
  it('is answered with what was counted, or with nothing where there is no such limit', () => {
    const own = counted({ x: 2 });
    const { question } = asker([], () => assert.fail('nobody is asked'), own);
    assert.deepEqual(Buffer.from(question(answer('l'))), Buffer.from(answer(writeTop({ host: 'here', ...own }))));
    assert.deepEqual([...question(answer('other'))], [1]);
  });

  it('that is none is a WireError, whatever it is', () => {
    const { question } = asker([], () => assert.fail('nobody is asked'), counted({ x: 2 }));
    const bad = [answer(''), answer('l', 0), answer('l', 2), answer('a b'), answer('l'.repeat(65)), answer('é')];
    for (const bytes of bad) assert.throws(() => question(bytes), WireError);
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        try {
          return question(bytes)[0] === 1;
        } catch (error) {
          return error instanceof WireError;
        }
      }),
    );
  });
});
