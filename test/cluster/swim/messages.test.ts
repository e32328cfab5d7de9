import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Claim } from '../../../src/cluster/swim/claim.ts';
import { SAYINGS } from '../../../src/cluster/swim/claim.ts';
import type { MessageHead } from '../../../src/cluster/swim/messages.ts';
import {
  readAnswer,
  readMessage,
  readQuestion,
  startAnswer,
  startMessage,
  startQuestion,
  writeClaim,
} from '../../../src/cluster/swim/messages.ts';
import { WireError } from '../../../src/core/errors.ts';

const count = fc.oneof(fc.nat(300), fc.maxSafeNat());
const address = fc.oneof(
  fc.ipV4().map((ip) => `${ip}:7946`),
  fc.ipV6().map((ip) => `[${ip}]:1`),
  fc
    .domain()
    .filter((name) => name.length < 240)
    .map((name) => `${name}:65535`),
);
const claim: fc.Arbitrary<Claim> = fc
  .record({
    address,
    incarnation: count,
    refutation: fc.nat(2 ** 31 - 1),
    says: fc.constantFrom(...SAYINGS),
    age: fc.nat(1e9),
  })
  .map(({ age, ...rest }) => ({ ...rest, ageMs: rest.says === 'dead' ? age * 1_000 : 0 }));
const head: fc.Arbitrary<MessageHead> = fc.oneof(
  fc.record({ kind: fc.constantFrom('ping', 'ack'), ticket: count }),
  fc.record({ kind: fc.constant('ask'), ticket: count, target: address }),
  fc.record({ kind: fc.constant('relayed'), ticket: count, incarnation: count }),
  fc.record({ kind: fc.constant('news') }),
);

describe('what membership says', () => {
  it('is read as it was written', () => {
    fc.assert(
      fc.property(head, fc.array(claim, { maxLength: 20 }), (what, claims) => {
        const writer = startMessage(what, 10_000);
        for (const each of claims) assert.ok(writeClaim(writer, each));
        assert.deepEqual(readMessage(writer.view()), { ...what, claims });
        const question = startQuestion('all', 10_000);
        for (const each of claims) writeClaim(question, each);
        assert.deepEqual(readQuestion(question.view()), { kind: 'all', claims });
        const self = { address: '10.0.0.1:7946', incarnation: 7 };
        const answer = startAnswer(self, 10_000);
        for (const each of claims) writeClaim(answer, each);
        assert.deepEqual(readAnswer(answer.view()), { self, claims });
      }),
    );
  });

  it('holds whole claims only, as many as fit', () => {
    fc.assert(
      fc.property(
        fc.array(claim, { minLength: 1, maxLength: 40 }),
        fc.integer({ min: 1, max: 600 }),
        (claims, room) => {
          const writer = startMessage({ kind: 'news' }, room);
          const written = claims.filter((each) => writeClaim(writer, each));
          assert.ok(writer.view().length <= room);
          assert.deepEqual(readMessage(writer.view()), { kind: 'news', claims: written });
        },
      ),
    );
  });

  it('is refused by a WireError and nothing else when it is anything else', () => {
    const readers = [readMessage, readQuestion, readAnswer];
    const whole = startMessage({ kind: 'ask', ticket: 3, target: '10.0.0.1:7946' }, 1_000);
    writeClaim(whole, { address: 'a:1', incarnation: 5, refutation: 1, says: 'dead', ageMs: 4_000 });
    const bytes = Buffer.from(whole.view());
    const near = fc
      .record({ at: fc.nat(bytes.length - 1), to: fc.nat(255), cut: fc.nat(bytes.length) })
      .map(({ at, to, cut }) => {
        const changed = Buffer.from(bytes);
        changed[at] = to;
        return changed.subarray(0, cut);
      });
    let refused = 0;
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 200 }), near), (payload) => {
        for (const read of readers) {
          try {
            read(payload);
          } catch (error) {
            assert.ok(error instanceof WireError, String(error));
            refused++;
          }
        }
      }),
      { numRuns: 2_000 },
    );
    assert.ok(refused > 1_000);
  });

  it('has addresses that are host:port', () => {
    for (const bad of ['10.0.0.1', ':7946', 'a b:1', 'a:123456', '[::1]', 'a:', '']) {
      const writer = startMessage({ kind: 'news' }, 1_000);
      writeClaim(writer, { address: bad, incarnation: 1, refutation: 0, says: 'alive', ageMs: 0 });
      assert.throws(() => readMessage(writer.view()), WireError, bad);
    }
  });
});
