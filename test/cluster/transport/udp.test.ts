import assert from 'node:assert/strict';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, it } from 'node:test';
import { systemClock } from '../../../src/core/clock.ts';
import { SluiceError } from '../../../src/core/errors.ts';
import type { PeerRefusal } from '../../../src/core/telemetry.ts';
import { deliver, startHost, transportConformance } from '../../conformance/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { HAS_IPV6, makeTransport, network } from './networks.ts';

transportConformance('udp', async () => network('udp'));
if (HAS_IPV6) transportConformance('udp over IPv6', async () => network('udp', {}, [], '::1'));

describe('udp', () => {
  it('carries 1,400 bytes in one packet and refuses a larger one', async () => {
    const refusals: PeerRefusal[] = [];
    const host = await startHost(network('udp', {}, refusals));
    assert.equal(host.transport.maxMessage, 1_400);
    const socket = createSocket('udp4');
    const [port, ip] = [Number(/\d+$/.exec(host.address)?.[0]), '127.0.0.1'];
    await eventually('both were received', () => {
      socket.send(Buffer.alloc(1_401), port, ip);
      socket.send(Buffer.alloc(1_400), port, ip);
      return refusals.includes('too_large') && host.inbox.messages.length > 0;
    });
    assert.ok(host.inbox.messages.every((text) => text.length === 1_400));
    socket.close();
    await host.transport.stop();
  });

  it('reaches hosts by name, and IPv4 hosts from a socket for both families', { skip: !HAS_IPV6 }, async () => {
    const plain = await startHost(network('udp'));
    const both = makeTransport('udp', { listen: { host: '::', port: 0 }, clock: systemClock });
    const port = await both.start();
    both.receive(plain.inbox);
    for (const name of [plain.address, plain.address.replace('127.0.0.1', 'localhost')]) {
      for (const transport of [plain.transport, both]) {
        await deliver({ ...plain, transport }, plain, `to ${name} from ${transport === both ? 'both' : 'plain'}`);
        assert.equal(String(await transport.exchange(name, Buffer.from('?'))), '?');
      }
    }
    await deliver(plain, plain, `to port ${port}`);
    await deliver({ ...plain, transport: both }, { ...plain, address: `[::1]:${port}` }, 'over IPv6');
    await deliver(plain, { ...plain, address: `127.0.0.1:${port}` }, 'to the mapped address');
    await both.stop();
    await plain.transport.stop();
  });
});

describe('a transport that cannot listen', () => {
  const cannot = (pattern: RegExp) => (error: unknown) => {
    assert.ok(error instanceof SluiceError && error.code === 'SLUICE_LISTEN', String(error));
    assert.match(error.message, pattern);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  };
  for (const name of ['udp', 'tcp'] as const) {
    const start = (host: string, port: number): Promise<number> =>
      makeTransport(name, { listen: { host, port }, clock: systemClock }).start();

    it(`${name}: says so in one line`, async () => {
      const host = await startHost(network(name));
      const port = Number(/\d+$/.exec(host.address)?.[0]);
      await assert.rejects(
        start('127.0.0.1', port),
        cannot(/^cannot listen for peers on 127\.0\.0\.1:\d+: address in use \(.*peers\.listen\)$/),
      );
      await assert.rejects(start('192.0.2.1', port), cannot(/192\.0\.2\.1:\d+: this machine has no such address$/));
      await assert.rejects(start('no-such-host.invalid', 7_946), cannot(/no-such-host\.invalid:7946: .*/));
      await host.transport.stop();
    });
  }

  it('udp: leaves nothing open when only the datagrams’ port is taken', async () => {
    const taken = createSocket('udp4');
    taken.bind(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address();
    const listen = { host: '127.0.0.1', port };
    await assert.rejects(makeTransport('udp', { listen, clock: systemClock }).start(), cannot(/address in use/));
    const server = createServer().listen(port, '127.0.0.1');
    await once(server, 'listening');
    server.close();
    taken.close();
  });
});
