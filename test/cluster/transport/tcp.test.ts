import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import type { PeerRefusal } from '../../../src/core/telemetry.ts';
import { VirtualClock } from '../../../src/core/virtual-clock.ts';
import type { TestHost } from '../../conformance/transport.ts';
import { deliver, startHost, transportConformance } from '../../conformance/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { HAS_IPV6, network } from './networks.ts';

transportConformance('tcp', async () => network('tcp'));
if (HAS_IPV6) transportConformance('tcp over IPv6', async () => network('tcp', {}, [], '::1'));

describe('messages by tcp', () => {
  let clock: VirtualClock;
  let refusals: PeerRefusal[];
  let host: TestHost;
  let peer: Server;
  let accepted: Socket[];
  let address: string;
  beforeEach(async () => {
    clock = new VirtualClock();
    refusals = [];
    host = await startHost(network('tcp', { clock }, refusals));
    accepted = [];
    peer = createServer((socket) => {
      socket.on('error', () => {});
      accepted.push(socket.pause());
    });
    peer.listen(0, '127.0.0.1');
    await once(peer, 'listening');
    const bound = peer.address();
    address = `127.0.0.1:${bound !== null && typeof bound === 'object' ? bound.port : 0}`;
  });
  afterEach(async () => {
    await host.transport.stop();
    for (const socket of accepted) socket.destroy();
    peer.close();
  });

  /** Lets what was sent in this turn go out. */
  function turn(): void {
    clock.advance(0);
  }

  it('of one turn go out in one write, over one connection, after one greeting', async () => {
    for (const text of ['a', 'bc', '']) host.transport.send(address, Buffer.from(text));
    await once(peer, 'connection');
    host.transport.send(address, Buffer.from('d'));
    turn();
    const got: Buffer[] = [];
    accepted[0]?.on('data', (chunk: Buffer) => got.push(chunk)).resume();
    const expected = 'SLU1\x01\0\0\x09let me in\x02\0\0\x01a\x02\0\0\x02bc\x02\0\0\0\x02\0\0\x01d';
    await eventually('all has arrived', () => {
      turn();
      return Buffer.concat(got).toString('latin1') === expected;
    });
    assert.equal(accepted.length, 1);
  });

  it('to a peer that never reads take bounded memory, hold up nobody, and are counted', async () => {
    const other = await startHost(network('tcp'));
    const before = process.memoryUsage().arrayBuffers;
    const block = Buffer.alloc(60_000);
    let most = 0;
    for (let i = 0; i < 2_000; i++) {
      host.transport.send(address, block.subarray(i % 7));
      turn();
      if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, process.memoryUsage().arrayBuffers - before);
    }
    assert.ok(most < 4 << 20, `${most} bytes held of 120 MB sent`);
    assert.ok(refusals.filter((reason) => reason === 'overloaded').length > 1_000);
    await eventually('others are reached', () => {
      host.transport.send(other.address, Buffer.from('hello'));
      turn();
      return other.inbox.messages.includes('hello');
    });
    await other.transport.stop();
  });

  it('to a peer that does not say that it reads go by a new connection after 4 s', async () => {
    host.transport.send(address, Buffer.from('x'));
    await eventually('it is connected', () => {
      turn();
      return accepted.length === 1;
    });
    const gone = new Promise((resolve) => accepted[0]?.resume().on('close', resolve));
    await eventually('the message has left', () => (accepted[0]?.bytesRead ?? 0) > 17);
    clock.advance(3_500);
    assert.equal(accepted[0]?.closed, false);
    clock.advance(1_000);
    await gone;
    host.transport.send(address, Buffer.from('y'));
    clock.advance(200);
    await eventually('it is connected anew', () => accepted.length === 2);
  });

  it('keep their connection while the peer says that it reads', async () => {
    const other = await startHost(network('tcp', { clock }));
    let connections = 0;
    host.inbox.answer = () => undefined;
    const admit = other.inbox.admit.bind(other.inbox);
    other.inbox.admit = (hello) => {
      connections++;
      return admit(hello);
    };
    for (let i = 0; i < 40; i++) {
      host.transport.send(other.address, Buffer.from(`message ${i}`));
      await eventually('it arrives', () => {
        turn();
        return other.inbox.messages.includes(`message ${i}`);
      });
      clock.advance(1_000);
      // The acknowledgement is real bytes: let it come in before time goes on.
      for (let j = 0; j < 5; j++) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.equal(connections, 1);
    await other.transport.stop();
  });

  it('to a host that is not there are tried again at growing distances, and what is old is not sent', async () => {
    peer.close();
    const tries: number[] = [];
    const start = clock.monotonic();
    const listening = createServer((socket) => {
      tries.push(clock.monotonic() - start);
      socket.on('error', () => {}).destroy();
    });
    listening.listen(Number(address.split(':')[1]), '127.0.0.1');
    await once(listening, 'listening');
    for (let ms = 0; ms < 30_000; ms += 50) {
      if (ms % 500 === 0) host.transport.send(address, Buffer.from(`at ${ms}`));
      clock.advance(50);
      await new Promise((resolve) => setImmediate(resolve));
      await new Promise((resolve) => setImmediate(resolve));
    }
    assert.ok(tries.length >= 7 && tries.length <= 16, `tried at ${tries.join(', ')}`);
    const last = (tries.at(-1) ?? 0) - (tries.at(-2) ?? 0);
    assert.ok(last >= 2_500, `tried at ${tries.join(', ')}`);
    listening.close();
  });

  it('find a peer again that has died and come back', async () => {
    const net = network('tcp');
    const [a, b] = [await startHost(net), await startHost(net)];
    await deliver(a, b, 'one');
    await b.transport.stop();
    for (let i = 0; i < 20; i++) a.transport.send(b.address, Buffer.from('lost'));
    const again = await startHost(net, b.address);
    await deliver(a, again, 'two');
    await a.transport.stop();
    await again.transport.stop();
  });

  it('leave no connection behind that nobody uses', async () => {
    const other = await startHost(network('tcp', { clock }));
    host.transport.send(other.address, Buffer.from('hello'));
    await eventually('it arrives', () => {
      turn();
      return other.inbox.messages.length === 1;
    });
    host.transport.send(address, Buffer.from('x'));
    await eventually('it is connected', () => accepted.length === 1);
    for (let i = 0; i < 70; i++) {
      clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const closed = new Promise((resolve) => accepted[0]?.resume().on('close', resolve));
    await closed;
    await other.transport.stop();
  });
});
