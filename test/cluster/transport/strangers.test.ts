/** What anybody can do to the port of a host without knowing the secret. Real sockets; time moves by hand. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect, createServer } from 'node:net';
import { after, before, beforeEach, describe, it } from 'node:test';
import { frame, HELLO, MESSAGE, PREFACE, QUESTION } from '../../../src/cluster/transport/frames.ts';
import type { PeerRefusal } from '../../../src/core/telemetry.ts';
import { VirtualClock } from '../../../src/core/virtual-clock.ts';
import type { TestHost } from '../../conformance/transport.ts';
import { isPeerError, startHost } from '../../conformance/transport.ts';
import { eventually } from '../../support/eventually.ts';
import { network } from './networks.ts';

const GREETING = Buffer.concat([PREFACE, frame(HELLO, Buffer.from('let me in'))]);

for (const name of ['udp', 'tcp'] as const) {
  describe(`strangers at the port of a host that uses ${name}`, () => {
    const clock = new VirtualClock();
    const refusals: PeerRefusal[] = [];
    let host: TestHost;
    let port: number;
    before(async () => {
      host = await startHost(network(name, { clock, maxConnections: 200 }, refusals));
      port = Number(/\d+$/.exec(host.address)?.[0]);
    });
    after(() => host.transport.stop());
    beforeEach(() => refusals.splice(0));

    async function open(...bytes: Uint8Array[]): Promise<Socket & { ended: Promise<unknown> }> {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.resume();
      const ended = new Promise((resolve) => socket.on('close', resolve));
      for (const each of bytes) socket.write(each);
      return Object.assign(socket, { ended });
    }
    async function works(): Promise<true> {
      assert.equal(String(await host.transport.exchange(host.address, Buffer.from('well?'))), 'well?');
      return true;
    }

    it('who speak something else are shut out at once', async () => {
      for (const bytes of [
        Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
        Buffer.from([0x16, 3, 1, 2, 0]),
        Buffer.concat([PREFACE, frame(MESSAGE, Buffer.from('no greeting'))]),
        Buffer.concat([PREFACE, frame(QUESTION, Buffer.from('no greeting'))]),
      ]) {
        const socket = await open(bytes);
        await socket.ended;
      }
      assert.deepEqual(refusals, ['malformed', 'malformed', 'malformed', 'malformed']);
      assert.deepEqual(host.inbox.messages, []);
    });

    it('who promise a long greeting are shut out before they send it', async () => {
      const socket = await open(PREFACE, Buffer.of(HELLO, 0, 2, 1));
      await socket.ended;
      assert.deepEqual(refusals, ['too_large']);
    });

    it('whose greeting is not accepted are shut out, and what they sent behind it is not read', async () => {
      const socket = await open(PREFACE, frame(HELLO, Buffer.from('let me in!')), frame(MESSAGE, Buffer.from('x')));
      await socket.ended;
      assert.deepEqual(host.inbox.messages, []);
    });

    it('who say nothing, or little by little, are shut out in time', async () => {
      const silent = await open();
      const slow = await open(PREFACE.subarray(0, 2));
      await works();
      for (let i = 0; i < 3; i++) {
        clock.advance(1_000);
        slow.write('L'.slice(i));
      }
      await Promise.all([silent.ended, slow.ended]);
      assert.ok(refusals.every((reason) => reason === 'unauthenticated' || reason === 'malformed'));
      assert.equal(refusals.length, 2);
    });

    it('who are many push out the oldest of themselves, and no peer', async () => {
      const crowd = await Promise.all(Array.from({ length: 128 }, () => open()));
      await works();
      assert.equal(refusals.filter((reason) => reason === 'overloaded').length, 1);
      const more = await Promise.all(Array.from({ length: 20 }, () => open()));
      await works();
      await eventually('the oldest are gone', () => crowd.filter(({ closed }) => closed).length >= 21);
      assert.equal(more.filter(({ closed }) => closed).length, 0);
      for (const socket of [...crowd, ...more]) socket.destroy();
    });

    it('who have been let in are no more than the bound allows', async () => {
      await eventually('the crowd is gone', works);
      const peers = await Promise.all(Array.from({ length: 210 }, () => open(GREETING)));
      await eventually('ten are turned away', () => peers.filter(({ closed }) => closed).length >= 10);
      assert.ok(refusals.includes('overloaded'));
      for (const socket of peers) socket.destroy();
      await eventually('there is room again', works);
    });

    it('a peer that disappears in the middle of a question leaves nothing behind', async () => {
      let asked = 0;
      host.inbox.answer = (question) => {
        asked++;
        return question;
      };
      const whole = frame(QUESTION, Buffer.alloc(100_000));
      const gone = await open(GREETING, whole.subarray(0, 50_000));
      gone.destroy();
      const reset = await open(GREETING, whole.subarray(0, 50_000));
      reset.resetAndDestroy();
      const stuck = await open(GREETING, whole.subarray(0, 50_000));
      await works();
      for (let i = 0; i < 11; i++) {
        clock.advance(1_000);
        await works();
      }
      await stuck.ended;
      assert.equal(asked, 12, 'by the questions that were complete');
      assert.deepEqual(refusals, ['malformed']);
    });

    it('a peer that promises what is too large, or asks twice, is shut out', async () => {
      const large = await open(GREETING, Buffer.of(QUESTION, 0x40, 0, 1));
      await large.ended;
      assert.deepEqual(refusals, ['too_large']);
      let asked = 0;
      host.inbox.answer = (question) => {
        asked++;
        return question;
      };
      const question = frame(QUESTION, Buffer.from('?'));
      const twice = await open(GREETING, question, question);
      await twice.ended;
      assert.equal(asked, 1);
    });

    it('a peer that does not take its answer is let go of in time', async () => {
      let asked = 0;
      host.inbox.answer = () => {
        asked++;
        return Buffer.alloc(4 << 20);
      };
      const deaf = connect(port, '127.0.0.1');
      deaf.on('error', () => {});
      deaf.pause();
      await once(deaf, 'connect');
      deaf.write(Buffer.concat([GREETING, frame(QUESTION, Buffer.from('?'))]));
      await eventually('it is answered', () => asked === 1);
      host.inbox.answer = (question) => question;
      await works();
      for (let i = 0; i < 12; i++) clock.advance(1_000);
      const closed = new Promise((resolve) => deaf.on('close', resolve));
      deaf.resume();
      await closed;
      assert.ok(deaf.bytesRead < 4 << 20, `${deaf.bytesRead} bytes`);
    });

    it('peers that begin many large questions together are shut out beyond 64 MiB', async () => {
      const most = frame(QUESTION, Buffer.alloc(4 << 20)).subarray(0, (4 << 20) - 10);
      const peers = await Promise.all(Array.from({ length: 20 }, () => open(GREETING, most)));
      await eventually('some are shut out', () => peers.filter(({ closed }) => closed).length >= 4);
      assert.ok(refusals.includes('overloaded'));
      assert.ok(peers.filter(({ closed }) => !closed).length >= 15);
      await works();
      for (const socket of peers) socket.destroy();
      await Promise.all(peers.map(({ ended }) => ended));
      refusals.splice(0);
      assert.equal((await host.transport.exchange(host.address, Buffer.alloc(4 << 20))).length, 4 << 20);
      assert.deepEqual(refusals, []);
    });
  });

  describe(`a question by ${name}`, () => {
    it('is given up when its time is over, by the clock that was handed in', async () => {
      const clock = new VirtualClock();
      const host = await startHost(network(name, { clock }));
      const silent = createServer((socket) => socket.on('error', () => {}).resume());
      silent.listen(0, '127.0.0.1');
      await once(silent, 'listening');
      const asked = host.transport.exchange(`127.0.0.1:${portOf(silent)}`, Buffer.from('?'));
      await once(silent, 'connection');
      const failed = assert.rejects(asked, isPeerError(false));
      clock.advance(2_999);
      assert.equal(await Promise.race([failed.then(() => 'failed'), tick()]), 'waiting');
      clock.advance(1);
      await failed;
      silent.close();
      await host.transport.stop();
    });

    it('believes no answer of what is no peer', async () => {
      const host = await startHost(network(name));
      for (const reply of ['HTTP/1.1 400 Bad Request\r\n\r\n', '\x04\xff\xff\xff', '\x05\0\0\0', '']) {
        const server = createServer((socket) => socket.on('error', () => {}).end(Buffer.from(reply, 'latin1')));
        server.listen(0, '127.0.0.1');
        await once(server, 'listening');
        const asked = host.transport.exchange(`127.0.0.1:${portOf(server)}`, Buffer.from('?'));
        await assert.rejects(asked, isPeerError(false));
        server.close();
      }
      await host.transport.stop();
    });
  });
}

function portOf(server: ReturnType<typeof createServer>): number {
  const address = server.address();
  return address !== null && typeof address === 'object' ? address.port : 0;
}

function tick(): Promise<string> {
  return new Promise((resolve) => setImmediate(() => setImmediate(() => resolve('waiting'))));
}
