import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { FrameReader, frame, PREFACE } from '../../../src/cluster/transport/frames.ts';

const LIMIT = 70_000;

function reader(taken: (readonly [number, string])[], startsWithPreface = true): FrameReader {
  const limitOf = (type: number): number | undefined => (type < 3 ? LIMIT : undefined);
  return new FrameReader(startsWithPreface, limitOf, (type, bytes) => {
    taken.push([type, bytes.toString('latin1')]);
    return true;
  });
}

describe('frames of a stream', () => {
  const body = fc.oneof(
    fc.uint8Array({ maxLength: 20 }),
    fc.nat({ max: LIMIT }).map((size) => new Uint8Array(size).fill(size & 255)),
  );
  const frames = fc.array(fc.tuple(fc.nat({ max: 2 }), body), { maxLength: 8 });

  it('are the same however the stream was cut', () => {
    fc.assert(
      fc.property(
        frames,
        fc.infiniteStream(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.nat({ max: 50_000 }))),
        (sent, cuts) => {
          const stream = Buffer.concat([PREFACE, ...sent.map(([type, bytes]) => frame(type, bytes))]);
          const taken: (readonly [number, string])[] = [];
          const target = reader(taken);
          for (let at = 0; at < stream.length; ) {
            const cut = Math.max(1, cuts.next().value ?? 1);
            assert.equal(target.push(stream.subarray(at, at + cut)), undefined);
            at += cut;
          }
          assert.deepEqual(
            taken,
            sent.map(([type, bytes]) => [type, Buffer.from(bytes).toString('latin1')]),
          );
          assert.equal(target.isInsideFrame, false);
          assert.equal(target.held, 0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('are refused at the first byte that does not belong, before their length has come', () => {
    const taken: (readonly [number, string])[] = [];
    assert.equal(reader(taken).push(Buffer.from('G')), 'malformed');
    assert.equal(reader(taken).push(Buffer.from('SLU2')), 'malformed');
    assert.equal(reader(taken).push(Buffer.concat([PREFACE, Buffer.of(9, 0, 0, 0)])), 'malformed');
    assert.equal(reader(taken).push(Buffer.concat([PREFACE, Buffer.of(1, 0xff, 0xff, 0xff)])), 'too_large');
    const slow = reader(taken);
    slow.push(PREFACE);
    assert.equal(slow.push(Buffer.of(1, 0xff, 0xff)), undefined);
    assert.equal(slow.push(Buffer.of(0xff)), 'too_large');
    assert.deepEqual(taken, []);
  });

  it('take memory as bytes arrive, not as lengths promise', () => {
    const target = new FrameReader(
      false,
      () => 16 << 20,
      () => true,
    );
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from(
      { length: 200 },
      () =>
        new FrameReader(
          false,
          () => 16 << 20,
          () => true,
        ),
    );
    for (const each of [target, ...readers]) {
      each.push(Buffer.of(1, 0xff, 0xff, 0xff));
      each.push(Buffer.alloc(100));
      assert.equal(each.held, 104);
    }
    const taken = process.memoryUsage().arrayBuffers - before;
    assert.ok(taken < 10 << 20, `${taken} bytes for 20,904 received of 3.4 GB promised`);
  });

  it('stop when told to', () => {
    let count = 0;
    const target = new FrameReader(
      false,
      () => 10,
      () => {
        count++;
        return count < 2;
      },
    );
    const one = frame(1, Buffer.from('x'));
    target.push(Buffer.concat([one, one, one]));
    assert.equal(count, 2);
  });
});
