/**
 * The suite that every transport passes. An implementation calls {@link transportConformance} with a way to make hosts of
 * one network. The network may lose messages now and then, so each is sent until it arrives.
 */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Transport, TransportHandler } from '../../src/cluster/transport/transport.ts';
import { PeerError } from '../../src/core/errors.ts';
import { eventually } from '../support/eventually.ts';

export interface Network {
  /** A host that has not been started. @param address of a host that has been there before and was stopped */
  host(address?: string): Promise<{ readonly transport: Transport; address(): string }>;
  close?(): Promise<void>;
}

/** What arrived at a host, as text of one letter for each byte. */
class Inbox implements TransportHandler {
  readonly messages: string[] = [];
  answer: (question: Uint8Array) => Uint8Array | undefined = (question) => question;
  hello(): Uint8Array {
    return Buffer.from('let me in');
  }
  admit(hello: Uint8Array): boolean {
    return String(hello) === 'let me in';
  }
  message(bytes: Uint8Array): void {
    this.messages.push(Buffer.from(bytes).toString('latin1'));
  }
  question(bytes: Uint8Array): Uint8Array | undefined {
    return this.answer(bytes);
  }
}

export interface TestHost {
  readonly transport: Transport;
  readonly address: string;
  readonly inbox: Inbox;
}

export async function startHost(network: Network, address?: string): Promise<TestHost> {
  const host = await network.host(address);
  const inbox = new Inbox();
  host.transport.receive(inbox);
  await host.transport.start();
  return { transport: host.transport, address: host.address(), inbox };
}

/** Sends until it has arrived. */
export async function deliver(from: TestHost, to: TestHost, text: string): Promise<void> {
  await eventually(
    `a message of ${text.length} bytes arrives`,
    () => {
      from.transport.send(to.address, Buffer.from(text, 'latin1'));
      return to.inbox.messages.includes(text);
    },
    { every: 20 },
  );
}

export function isPeerError(refused: boolean): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof PeerError, String(error));
    assert.equal(error.code, 'SLUICE_PEER_UNREACHABLE');
    assert.equal(error.refused, refused, error.message);
    assert.doesNotMatch(error.message, /\n/);
    return true;
  };
}

export function transportConformance(name: string, make: () => Promise<Network>): void {
  describe(`${name} keeps the contract of a transport`, () => {
    let network: Network;
    let a: TestHost;
    let b: TestHost;
    before(async () => {
      network = await make();
      a = await startHost(network);
      b = await startHost(network);
    });
    after(async () => {
      await a.transport.stop();
      await b.transport.stop();
      await network.close?.();
    });

    it('carries messages of every size, unchanged, in both directions', async () => {
      const { maxMessage } = a.transport;
      for (const size of [1, 2, 255, 256, 1_000, 1_399, maxMessage - 1, maxMessage]) {
        const text = Array.from({ length: size }, (_, i) => String.fromCharCode((i * 7 + size) & 255)).join('');
        await deliver(a, b, text);
        await deliver(b, a, text);
      }
    });

    it('sends the same bytes to many', async () => {
      const others = await Promise.all([startHost(network), startHost(network), startHost(network)]);
      const bytes = Buffer.from('the same for all');
      await eventually('all have it', () => {
        for (const { address } of others) a.transport.send(address, bytes);
        return others.every(({ inbox }) => inbox.messages.includes('the same for all'));
      });
      assert.equal(String(bytes), 'the same for all');
      for (const { transport } of others) await transport.stop();
    });

    it('does not carry a message that is too large, nor one to nowhere, and says nothing', async () => {
      const before = b.inbox.messages.length;
      const large = Buffer.alloc(b.transport.maxMessage + 1);
      a.transport.send(b.address, large);
      for (const to of [
        '',
        'nonsense',
        '127.0.0.1:0',
        '127.0.0.1:99999',
        'no-such-host.invalid:7',
        '[::1',
        '127.0.0.1:9',
      ]) {
        a.transport.send(to, Buffer.from('x'));
      }
      await deliver(a, b, 'after that');
      assert.equal(b.inbox.messages.slice(before).filter((text) => text !== 'after that').length, 0);
    });

    it('answers questions of every size, by answers of every size', async () => {
      const { maxExchange } = a.transport;
      assert.ok(maxExchange >= 4 << 20);
      for (const [asked, answered] of [
        [0, 0],
        [1, 70_000],
        [70_000, 1],
        [maxExchange, 3],
        [3, maxExchange],
      ] as const) {
        let got = -1;
        b.inbox.answer = (question) => {
          got = question.length;
          return Buffer.alloc(answered, 7);
        };
        const answer = await a.transport.exchange(b.address, Buffer.alloc(asked, 5));
        assert.equal(got, asked);
        assert.ok(Buffer.alloc(answered, 7).equals(answer));
      }
      b.inbox.answer = (question) => question;
    });

    it('gives each of many questions its own answer', async () => {
      const questions = Array.from({ length: 50 }, (_, i) => Buffer.from(`question ${i}`));
      const answers = await Promise.all(questions.map((each) => a.transport.exchange(b.address, each)));
      assert.deepEqual(answers.map(String), questions.map(String));
    });

    it('fails a question that is too large, has no answer, or goes nowhere', async () => {
      const large = Buffer.alloc(a.transport.maxExchange + 1);
      await assert.rejects(a.transport.exchange(b.address, large), isPeerError(false));
      await assert.rejects(a.transport.exchange('nonsense', Buffer.from('?')), isPeerError(false));
      b.inbox.answer = () => undefined;
      await assert.rejects(a.transport.exchange(b.address, Buffer.from('?')), isPeerError(false));
      b.inbox.answer = () => large;
      await assert.rejects(a.transport.exchange(b.address, Buffer.from('?')), isPeerError(false));
      b.inbox.answer = (question) => question;
    });

    it('knows a host that has ended, and reaches it again when it is back', async () => {
      const c = await startHost(network);
      await deliver(a, c, 'first life');
      await c.transport.stop();
      await assert.rejects(a.transport.exchange(c.address, Buffer.from('?')), isPeerError(true));
      a.transport.send(c.address, Buffer.from('lost'));
      const again = await startHost(network, c.address);
      assert.equal(again.address, c.address);
      await deliver(a, again, 'second life');
      assert.equal(String(await a.transport.exchange(again.address, Buffer.from('?'))), '?');
      await again.transport.stop();
    });

    it('lets nothing in before it knows where to put it', async () => {
      const host = await network.host();
      await host.transport.start();
      const to = host.address();
      a.transport.send(to, Buffer.from('too early'));
      await assert.rejects(a.transport.exchange(to, Buffer.from('?')), isPeerError(false));
      const inbox = new Inbox();
      host.transport.receive(inbox);
      await deliver(a, { transport: host.transport, address: to, inbox }, 'now');
      assert.equal(String(await a.transport.exchange(to, Buffer.from('?'))), '?');
      await host.transport.stop();
    });

    it('is silent once stopped, even to itself', async () => {
      const c = await startHost(network);
      await deliver(c, a, 'here I am');
      const asked = c.transport.exchange(a.address, Buffer.alloc(4 << 20));
      const failed = assert.rejects(asked, isPeerError(false));
      await c.transport.stop();
      await failed;
      const seen = a.inbox.messages.length;
      c.transport.send(a.address, Buffer.from('a ghost'));
      await assert.rejects(c.transport.exchange(a.address, Buffer.from('?')), isPeerError(false));
      await c.transport.stop();
      await deliver(b, a, 'still here');
      assert.ok(!a.inbox.messages.slice(seen).includes('a ghost'));
    });
  });
}
