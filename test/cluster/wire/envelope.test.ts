import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Opened, Refused } from '../../../src/cluster/wire/envelope.ts';
import { Envelope, envelopeBytes } from '../../../src/cluster/wire/envelope.ts';
import { PeerKey } from '../../../src/cluster/wire/peer-key.ts';
import { WireError } from '../../../src/core/errors.ts';
import { seededRandom } from '../../../src/core/random.ts';
import { VirtualClock } from '../../../src/core/virtual-clock.ts';

const A = { address: '10.0.0.1:7946', incarnation: 1_700_000_000_000 };
const B = { address: 'gateway-2.example:7946', incarnation: 1_700_000_000_500 };
const C = { address: '[2001:db8::3]:7946', incarnation: 1 };
const SECRET = 'correct horse battery staple';
const PAYLOAD = Buffer.from('what is said');

function pair() {
  const clock = new VirtualClock();
  return { clock, a: new Envelope(A, SECRET, clock), b: new Envelope(B, SECRET, clock) };
}
function opened(result: Opened | Refused): Opened {
  if ('refused' in result) assert.fail(`refused: ${result.refused}`);
  return result;
}
function reason(result: Opened | Refused): string {
  return 'refused' in result ? result.refused : 'opened';
}

describe('the envelope', () => {
  it('carries any payload, and says who sent it', () => {
    const { a, b } = pair();
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 10_000 }),
        fc.nat({ max: 255 }),
        fc.constantFrom('message' as const, 'question' as const, 'hello' as const),
        fc.boolean(),
        (payload, subject, kind, isAddressed) => {
          const sealed = a.seal(kind, subject, payload, isAddressed ? B.address : undefined);
          assert.ok(sealed.bytes.length <= payload.length + envelopeBytes(A));
          const { from, payload: got, ...rest } = opened(b.open(sealed.bytes));
          assert.deepEqual(from, A);
          assert.deepEqual([...got], [...payload]);
          assert.deepEqual(rest, { kind, subject, tag: sealed.tag });
        },
      ),
    );
  });

  it('writes version 1 byte for byte as ever', () => {
    const { a } = pair();
    const { bytes } = a.seal('message', 3, Buffer.from('abc'));
    const body = [
      ...['e1', '00', '03', '0d', Buffer.from(A.address).toString('hex'), '80d095ffbc31', '01', '80d095ffbc31'],
      Buffer.from('abc').toString('hex'),
    ].join('');
    // The tag was computed elsewhere, from the description.
    assert.equal(bytes.toString('hex'), `${body}738509c1c812db5d2d56042fd6950832`);
  });

  it('signs as HMAC-SHA-256 does, for short and long bodies and any context', () => {
    const key = new PeerKey(SECRET);
    for (const length of [0, 1, 55, 56, 63, 64, 65, 1_400, 4_094, 4_095, 4_096, 5_000, 100_000]) {
      for (const context of ['', 'x'.repeat(255), '\xff\x00\x80']) {
        const bytes = Buffer.alloc(length + 16, 0xa5);
        key.sign(bytes, context);
        assert.equal(key.verify(bytes, context), true);
        const hmac = createHmac('sha256', derived());
        hmac.update(bytes.subarray(0, length)).update(context, 'latin1').update(Buffer.of(context.length));
        assert.equal(bytes.toString('hex', length), hmac.digest('hex').slice(0, 32), `${length}, ${context.length}`);
      }
    }
  });

  it('keeps an address out that nobody could read back', () => {
    for (const address of ['', 'a b:1', 'ä:1', 'x'.repeat(256)]) {
      assert.throws(() => new Envelope({ address, incarnation: 1 }, SECRET, new VirtualClock()), WireError);
    }
  });
});

describe('what does not open', () => {
  it('anything that was not made with the secret', () => {
    const { clock, b } = pair();
    const stranger = new Envelope(A, `${SECRET}!`, clock);
    assert.equal(reason(b.open(stranger.seal('message', 1, PAYLOAD).bytes)), 'unauthenticated');
  });

  it('a message with any bit changed, any part cut off, or anything added; and then it still opens whole', () => {
    const { a, b } = pair();
    const { bytes } = a.seal('message', 1, PAYLOAD);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const changed = Buffer.from(bytes);
      changed[bit >> 3] = (changed[bit >> 3] ?? 0) ^ (1 << (bit & 7));
      assert.match(reason(b.open(changed)), /^(unauthenticated|malformed|version)$/, `bit ${bit}`);
    }
    for (let length = 0; length < bytes.length; length++) {
      assert.match(reason(b.open(bytes.subarray(0, length))), /^(unauthenticated|malformed)$/);
    }
    assert.equal(reason(b.open(Buffer.concat([bytes, Buffer.of(0)]))), 'unauthenticated');
    assert.equal(reason(b.open(bytes)), 'opened');
  });

  it('100,000 random inputs, whatever they start with; none throws or leaves a trace', () => {
    const { a, b } = pair();
    const random = seededRandom(4);
    const counts = new Map<string, number>();
    const template = a.seal('message', 1, PAYLOAD).bytes;
    for (let i = 0; i < 100_000; i++) {
      const bytes = Buffer.from(template.subarray(0, random.below(template.length + 1)));
      for (let j = random.below(4) + 1; j > 0 && bytes.length > 0; j--) {
        bytes[random.below(bytes.length)] = random.below(256);
      }
      if (i % 3 === 0) for (let j = 0; j < bytes.length; j++) bytes[j] = random.below(256);
      if (bytes.equals(template)) continue;
      const why = reason(b.open(bytes));
      counts.set(why, (counts.get(why) ?? 0) + 1);
    }
    assert.deepEqual([...counts.keys()].sort(), ['malformed', 'unauthenticated', 'version']);
    assert.equal(reason(b.open(template)), 'opened');
  });

  it('a message of a version to come', () => {
    const { a, b } = pair();
    const { bytes } = a.seal('message', 1, PAYLOAD);
    bytes[0] = 0xe2;
    assert.equal(reason(b.open(bytes)), 'version');
  });

  it('a message a second time, while others around it do, late and out of order', () => {
    const { a, b } = pair();
    const sealed = Array.from({ length: 500 }, () => a.seal('message', 1, PAYLOAD).bytes).reverse();
    for (const bytes of sealed) assert.equal(reason(b.open(bytes)), 'opened');
    for (const bytes of sealed) assert.equal(reason(b.open(bytes)), 'replayed');
  });

  it('a message that 8,192 others overtook', () => {
    const { a, b } = pair();
    const late = a.seal('message', 1, PAYLOAD).bytes;
    const question = a.seal('question', 1, PAYLOAD).bytes;
    for (let i = 0; i < 8_192; i++) b.open(a.seal('message', 1, PAYLOAD).bytes);
    assert.equal(reason(b.open(late)), 'replayed');
    assert.equal(reason(b.open(question)), 'opened', 'questions are slow, and counted apart');
    assert.equal(reason(b.open(question)), 'replayed');
  });

  it('a message of an earlier life, once the later one has been heard', () => {
    const { clock, a, b } = pair();
    const old = a.seal('message', 1, PAYLOAD).bytes;
    const reborn = new Envelope({ ...A, incarnation: A.incarnation + 1 }, SECRET, clock);
    assert.equal(reason(b.open(reborn.seal('message', 1, PAYLOAD).bytes)), 'opened');
    assert.equal(reason(b.open(old)), 'replayed');
    assert.equal(reason(b.open(a.seal('message', 1, PAYLOAD).bytes)), 'replayed');
    assert.equal(reason(b.open(reborn.seal('message', 1, PAYLOAD).bytes)), 'opened');
  });

  it('a host that has lived in the future is let in again when its later life has been silent', () => {
    const { clock, a, b } = pair();
    const future = new Envelope({ ...A, incarnation: A.incarnation + 1e9 }, SECRET, clock);
    const recorded = future.seal('message', 1, PAYLOAD).bytes;
    assert.equal(reason(b.open(recorded)), 'opened');
    for (let s = 0; s < 20; s++) {
      clock.advance(1_000);
      assert.equal(reason(b.open(a.seal('message', 1, PAYLOAD).bytes)), 'replayed');
    }
    clock.advance(1_100);
    assert.equal(reason(b.open(a.seal('message', 1, PAYLOAD).bytes)), 'opened');
    assert.equal(reason(b.open(recorded)), 'clock', 'what is forgotten is too old to come again');
  });

  it('a message of a host whose clock is more than 10 s off, either way; and says whose', () => {
    for (const [off, expected] of [
      [10_000, 'opened'],
      [-10_000, 'opened'],
      [10_001, 'clock'],
      [-10_001, 'clock'],
    ] as const) {
      const { clock, b } = pair();
      const theirs = new VirtualClock(clock.now() + off);
      const result = b.open(new Envelope(A, SECRET, theirs).seal('message', 1, PAYLOAD).bytes);
      assert.equal(reason(result), expected, `${off} ms`);
      assert.deepEqual(result.from, A);
    }
  });

  it('our own message, when somebody sends it back', () => {
    const { a } = pair();
    assert.equal(reason(a.open(a.seal('message', 1, PAYLOAD).bytes)), 'replayed');
    assert.equal(reason(a.open(a.seal('question', 1, PAYLOAD).bytes)), 'opened', 'this host by another of its names');
  });

  it('a message addressed to somebody else', () => {
    const { clock, a, b } = pair();
    const c = new Envelope(C, SECRET, clock);
    const toB = a.seal('message', 1, PAYLOAD, B.address).bytes;
    assert.equal(reason(c.open(toB)), 'unauthenticated');
    toB[1] = 0;
    assert.equal(reason(c.open(toB)), 'unauthenticated');
    toB[1] = 4;
    assert.equal(reason(b.open(toB)), 'opened');
    const toAll = a.seal('message', 1, PAYLOAD).bytes;
    assert.equal(reason(b.open(toAll)), 'opened');
    assert.equal(reason(c.open(toAll)), 'opened');
  });

  it('an answer to another question, or an answer that nobody waits for', () => {
    const { a, b } = pair();
    const first = a.seal('question', 2, PAYLOAD);
    const second = a.seal('question', 2, PAYLOAD);
    const answer = b.sealAnswer(opened(b.open(first.bytes)), Buffer.from('so')).bytes;
    assert.equal(reason(a.openAnswer(answer, second)), 'unauthenticated');
    assert.equal(reason(a.open(answer)), 'malformed');
    assert.equal(reason(a.openAnswer(first.bytes, first)), 'malformed');
    const got = opened(a.openAnswer(answer, first));
    assert.deepEqual([got.from, got.kind, got.subject, String(got.payload)], [B, 'answer', 2, 'so']);
  });
});

function derived(): Buffer {
  // RFC 5869 by hand: extract, then the first block of expand.
  const extracted = createHmac('sha256', 'sluice peers').update(SECRET).digest();
  return createHmac('sha256', extracted).update('wire 1: HMAC-SHA-256').update(Buffer.of(1)).digest();
}
