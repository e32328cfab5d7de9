/** The simulated network by itself. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Envelope } from '../../../src/cluster/wire/envelope.ts';
import { PeerError, WireError } from '../../../src/core/errors.ts';
import { seededRandom } from '../../../src/core/random.ts';
import { VirtualClock } from '../../../src/core/virtual-clock.ts';
import { HostClock } from '../../../src/lab/sim/host-clock.ts';
import { Machine, overheadOf, Process } from '../../../src/lab/sim/machine.ts';
import { VirtualNetwork } from '../../../src/lab/sim/network.ts';
import { Trace } from '../../../src/lab/sim/trace.ts';
import type { Weather } from '../../../src/lab/sim/weather.ts';
import { FAIR_WEATHER, longestDelay } from '../../../src/lab/sim/weather.ts';

interface Heard {
  readonly to: number;
  readonly from: string;
  readonly byte: number | undefined;
  readonly at: number;
}

interface Bench {
  readonly clock: VirtualClock;
  readonly network: VirtualNetwork;
  readonly machines: readonly Machine[];
  readonly heard: Heard[];
  process(host: number): Process;
  /** Ends what runs there. */
  end(host: number): Machine;
  send(from: number, to: number, byte: number): void;
  /** What became of a question, once it is known. */
  ask(from: number, to: number): { outcome: string };
  pass(ms: number): Promise<void>;
}

function bench(weather: Partial<Weather> = {}, hosts = 3): Bench {
  const clock = new VirtualClock();
  const machines = Array.from({ length: hosts }, (_, i) => new Machine(i));
  const network = new VirtualNetwork({
    clock,
    random: seededRandom(1),
    machines,
    weather: { ...FAIR_WEATHER, ...weather },
    trace: new Trace(),
    unsettled: () => {},
  });
  const heard: Heard[] = [];
  for (const machine of machines) {
    const own = new HostClock({ base: clock, skewMs: 0, driftPpm: 0 });
    const process = new Process(machine.index, { address: machine.address, incarnation: 1 }, own);
    machine.process = process;
    network.channel(process, 'gossip').receive({
      message: (from, payload) =>
        heard.push({ to: machine.index, from: from.address, byte: payload[0], at: clock.monotonic() }),
      question: (_from, payload) => Uint8Array.of((payload[0] ?? 0) + 1),
    });
  }
  const process = (host: number): Process => {
    const found = machines[host]?.process;
    assert.ok(found, `nothing runs on host ${host}`);
    return found;
  };
  const channel = (host: number) => network.channel(process(host), 'gossip');
  const address = (host: number): string => machines[host]?.address ?? '';
  return {
    clock,
    network,
    machines,
    heard,
    process,
    end: (host) => {
      const machine = machines[host];
      assert.ok(machine);
      machine.process = undefined;
      return machine;
    },
    send: (from, to, byte) => channel(from).send(address(to), Uint8Array.of(byte)),
    ask: (from, to) => {
      const asked = { outcome: 'open' };
      channel(from)
        .exchange(address(to), Uint8Array.of(41))
        .then(
          (answer) => {
            asked.outcome = `${answer[0]} after ${clock.monotonic()}`;
          },
          (error: unknown) => {
            asked.outcome = error instanceof PeerError ? (error.refused ? 'refused' : 'silence') : String(error);
          },
        );
      return asked;
    },
    pass: async (ms) => {
      const until = clock.monotonic() + ms;
      while (clock.step(until)) await Promise.resolve();
      for (let i = 0; i < 5; i++) await Promise.resolve();
    },
  };
}

describe('the simulated network', () => {
  it('delivers what was sent, in the time that the weather allows', async () => {
    const weather = { latencyMs: 5, jitterMs: 2 };
    const it = bench(weather);
    for (let i = 0; i < 200; i++) it.send(0, 1, i);
    await it.pass(100);
    assert.equal(it.heard.length, 200);
    const most = longestDelay({ ...FAIR_WEATHER, ...weather }) + 1 / 8;
    for (const { at, to, from } of it.heard) {
      assert.ok(at >= 5 && at <= most, `${at}`);
      assert.deepEqual([to, from], [1, it.machines[0]?.address]);
    }
    assert.notDeepEqual(
      it.heard.map(({ byte }) => byte),
      Array.from({ length: 200 }, (_, i) => i),
      'some overtake others',
    );
  });

  it('loses and doubles as often as it should', async () => {
    const it = bench({ loss: 0.2, duplicate: 0.1 });
    for (let i = 0; i < 10_000; i++) it.send(0, 1, 7);
    await it.pass(50);
    assert.ok(Math.abs(it.heard.length - 9_000) < 250, `${it.heard.length} of 10,000 arrived`);
    assert.ok(Math.abs(it.network.lost - 2_000) < 200, `${it.network.lost} lost`);
  });

  it('counts messages and bytes as a gateway would, what is lost included on one side', async () => {
    const it = bench();
    it.send(0, 1, 1);
    it.send(0, 2, 1);
    it.end(2);
    await it.pass(10);
    const size = 1 + overheadOf(it.process(0).self);
    assert.deepEqual(it.network.traffic.totals('gossip'), {
      sent: 2,
      sentBytes: 2 * size,
      received: 1,
      receivedBytes: size,
      hottest: 2,
    });
  });

  it('adds as many bytes as the envelope does', () => {
    const self = { address: '10.0.3.231:7946', incarnation: 1_700_000_000_000 };
    const envelope = new Envelope(self, 'a secret of some length', new VirtualClock());
    let sealed = 0;
    // The sequence number has two bytes soon, three before long.
    for (let i = 0; i < 20_000; i++) sealed = envelope.seal('message', 1, new Uint8Array(100)).bytes.length;
    assert.equal(100 + overheadOf(self), sealed);
  });

  it('takes no packet and no question above its size', () => {
    const it = bench();
    const channel = it.network.channel(it.process(0), 'mesh');
    channel.send('10.0.0.1:7946', new Uint8Array(channel.maxPayload));
    assert.throws(() => channel.send('10.0.0.1:7946', new Uint8Array(channel.maxPayload + 1)), WireError);
    assert.throws(() => channel.exchange('10.0.0.1:7946', new Uint8Array(channel.maxExchange + 1)), WireError);
    assert.ok(channel.maxPayload > 1_300 && channel.maxPayload < 1_400);
  });

  it('keeps to a partition, to one-way cuts, and to a link of its own', async () => {
    const it = bench({ jitterMs: 0 });
    const all = (): void => {
      for (const from of [0, 1, 2]) for (const to of [0, 1, 2]) if (from !== to) it.send(from, to, from);
    };
    const ways = async (): Promise<string> => {
      it.heard.length = 0;
      all();
      await it.pass(5);
      return it.heard
        .map(({ byte, to }) => `${byte}${to}`)
        .sort()
        .join(' ');
    };
    assert.equal(await ways(), '01 02 10 12 20 21');
    it.network.routes.partition([[0, 1]]);
    assert.equal(await ways(), '01 10');
    it.network.routes.heal();
    it.network.routes.cut([0], [1, 2]);
    assert.equal(await ways(), '10 12 20 21');
    it.network.routes.heal();
    it.network.routes.isolate(1, true);
    assert.equal(await ways(), '02 20');
    it.network.routes.isolate(1, false);
    it.network.routes.link(0, 1, { ...FAIR_WEATHER, loss: 1 });
    assert.equal(await ways(), '02 10 12 20 21');
    it.network.routes.link(0, 1, undefined);
    assert.equal(await ways(), '01 02 10 12 20 21');
  });

  it('holds what arrives in a pause as long as the socket has room, and lets nothing old in', async () => {
    const it = bench();
    it.process(1).clock.pause();
    for (let i = 0; i < 5_000; i++) it.send(0, 1, 1);
    await it.pass(20);
    assert.equal(it.heard.length, 0);
    it.process(1).clock.resume();
    assert.ok(it.heard.length > 3_000 && it.heard.length < 5_000, `${it.heard.length}`);
    it.heard.length = 0;
    it.process(1).clock.pause();
    it.send(0, 1, 2);
    await it.pass(10_500);
    it.send(0, 1, 3);
    await it.pass(20);
    it.process(1).clock.resume();
    assert.deepEqual(
      it.heard.map(({ byte }) => byte),
      [3],
    );
    assert.equal(it.network.clockRefusals, 1);
  });

  it('refuses messages between clocks that differ by more than 10 s', async () => {
    const it = bench();
    it.process(1).clock.stepWall(10_100);
    it.send(0, 1, 1);
    it.send(1, 0, 1);
    it.send(1, 2, 1);
    it.send(0, 2, 9);
    await it.pass(5);
    assert.deepEqual(
      it.heard.map(({ byte }) => byte),
      [9],
    );
    assert.equal(it.network.clockRefusals, 3);
  });

  it('a dead process sends nothing, whatever it still does', async () => {
    const it = bench();
    const channel = it.network.channel(it.process(0), 'gossip');
    it.process(0).clock.kill();
    channel.send('10.0.0.1:7946', Uint8Array.of(1));
    let settled = false;
    const done = (): void => {
      settled = true;
    };
    channel.exchange('10.0.0.1:7946', Uint8Array.of(1)).then(done, done);
    await it.pass(3_000);
    assert.deepEqual([it.heard.length, settled], [0, false]);
  });
});

describe('a question over the simulated network', () => {
  it('is answered after two round trips: one to connect, one to ask', async () => {
    const it = bench({ latencyMs: 10, jitterMs: 0 });
    const asked = it.ask(0, 1);
    await it.pass(39);
    assert.equal(asked.outcome, 'open');
    await it.pass(10);
    assert.equal(asked.outcome, '42 after 40');
    const { sent, received } = it.network.traffic.totals('gossip');
    assert.deepEqual([sent, received], [2, 2]);
  });

  it('is answered despite loss', async () => {
    const it = bench({ loss: 0.2 });
    const asked = Array.from({ length: 50 }, () => it.ask(0, 1));
    await it.pass(1_100);
    const answered = asked.filter(({ outcome }) => outcome.startsWith('42')).length;
    assert.ok(answered > 40, `${answered} of 50`);
    assert.ok(asked.every(({ outcome }) => outcome.startsWith('42') || outcome === 'silence'));
  });

  it('is refused at once where the machine is on and nobody listens', async () => {
    const it = bench();
    it.end(1);
    const asked = it.ask(0, 1);
    await it.pass(5);
    assert.equal(asked.outcome, 'refused');
  });

  it('meets silence where the machine is off, cut off in either direction, paused, or unknown', async () => {
    const it = bench({}, 6);
    it.end(1).on = false;
    it.network.routes.cut([0], [2]);
    it.network.routes.cut([3], [0]);
    it.process(4).clock.pause();
    const asked = [1, 2, 3, 4, 99].map((to) => it.ask(0, to));
    await it.pass(900);
    assert.ok(asked.every(({ outcome }) => outcome === 'open'));
    await it.pass(200);
    assert.deepEqual(
      asked.map(({ outcome }) => outcome),
      ['silence', 'silence', 'silence', 'silence', 'silence'],
    );
    // A late answer changes nothing.
    it.process(4).clock.resume();
    await it.pass(100);
    assert.equal(asked[3]?.outcome, 'silence');
  });
});
