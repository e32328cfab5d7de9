/** From bytes to requests in order, and what is counted of them over time. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { Timed } from '../../../src/lab/replay/in-order.ts';
import { InOrder } from '../../../src/lab/replay/in-order.ts';
import { LineSplitter, MAX_LINE } from '../../../src/lab/replay/lines.ts';
import type { LogEntry } from '../../../src/lab/replay/log-entry.ts';
import { NO_NAMES } from '../../../src/lab/replay/log-entry.ts';
import { Peak, Timeline } from '../../../src/lab/replay/timeline.ts';

function split(bytes: Uint8Array, cuts: readonly number[]): string[] {
  const splitter = new LineSplitter();
  const lines: string[] = [];
  let from = 0;
  for (const cut of [...cuts.map((at) => at % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    lines.push(...splitter.push(bytes.subarray(from, cut)));
    from = cut;
  }
  return [...lines, ...splitter.end()];
}

describe('lines', () => {
  it('do not depend on how the bytes come', () => {
    const text = fc.array(
      fc.oneof(fc.string(), fc.constantFrom('ä€😀', '', '\uFEFF')).map((each) => each.replace(/[\r\n]/g, '')),
    );
    fc.assert(
      fc.property(text, fc.array(fc.nat(500), { maxLength: 8 }), fc.constantFrom('\n', '\r\n'), (lines, cuts, end) => {
        const bytes = Buffer.from(lines.map((line) => line + end).join(''));
        // Lone surrogates have no bytes of their own, and a byte order mark at the very start is none of the text.
        const expected = lines.map((line) => Buffer.from(line).toString());
        if (expected[0] !== undefined) expected[0] = expected[0].replace(/^\uFEFF/, '');
        assert.deepEqual(split(bytes, cuts), expected);
      }),
    );
  });

  it('need no end after the last one', () => assert.deepEqual(split(Buffer.from('\uFEFFa\nb'), [4]), ['a', 'b']));

  it('that are too long are cut, and the next one is whole', () => {
    const splitter = new LineSplitter();
    const lines: string[] = [];
    for (let i = 0; i < 100; i++) lines.push(...splitter.push(Buffer.alloc(10_000, 'x')));
    lines.push(...splitter.push(Buffer.from('y\nnext\n')));
    assert.deepEqual(
      lines.map((line) => line.length),
      [MAX_LINE + 1, 4],
    );
  });
});

function entry(atMs: number, wholeSecond = false): LogEntry {
  const rest = { durationMs: undefined, client: '192.0.2.7', method: 'GET', target: '/', host: undefined, status: 200 };
  return { ...rest, atMs, wholeSecond, headers: {}, known: NO_NAMES, masked: NO_NAMES, hasQuery: true };
}

function ordered(entries: readonly LogEntry[], held: number): { timed: Timed[]; order: InOrder } {
  const order = new InOrder(held);
  const timed = entries.flatMap((each, i) => order.push({ entry: each, file: 'f', line: i + 1 }));
  return { timed: [...timed, ...order.end()], order };
}

describe('requests in order', () => {
  const times = fc.array(fc.record({ at: fc.nat(20_000), whole: fc.boolean() }), { maxLength: 200 });

  it('are all there, and their times never go back', () => {
    fc.assert(
      fc.property(times, fc.integer({ min: 0, max: 50 }), (list, held) => {
        const entries = list.map(({ at, whole }) => entry(whole ? at - (at % 1_000) : at, whole));
        const { timed } = ordered(entries, held);
        assert.deepEqual(
          timed.map(({ line }) => line).sort((a, b) => a - b),
          entries.map((_, i) => i + 1),
        );
        assert.ok(timed.every(({ at }, i) => Number.isInteger(at) && at >= (timed[i - 1]?.at ?? 0)));
      }),
    );
  });

  it('are sorted where no more than so many lie between', () => {
    fc.assert(
      fc.property(times, (list) => {
        const { timed, order } = ordered(
          list.map(({ at }) => entry(at)),
          200,
        );
        assert.deepEqual(
          timed.map(({ at }) => at),
          list.map(({ at }) => at).sort((a, b) => a - b),
        );
        assert.equal(order.disorder.late, 0);
      }),
    );
  });

  it('that are too late for that keep their place and are counted', () => {
    const { timed, order } = ordered(
      [5_000, 6_000, 7_000, 1_000, 8_000].map((at) => entry(at)),
      1,
    );
    assert.deepEqual(
      timed.map(({ at, line }) => [line, at]),
      [
        [1, 5_000],
        [2, 6_000],
        [4, 6_000],
        [3, 7_000],
        [5, 8_000],
      ],
    );
    assert.deepEqual(order.disorder, { outOfOrder: 1, late: 1, latestMs: 5_000 });
  });

  it('of the same whole second are spread over it, in the order of the log', () => {
    const whole = Array.from({ length: 4 }, () => entry(3_000, true));
    const { timed } = ordered([...whole, entry(3_600), entry(4_000, true)], 100);
    assert.deepEqual(
      timed.map(({ at, line }) => [line, at]),
      [
        [1, 3_000],
        [2, 3_250],
        [3, 3_500],
        [4, 3_750],
        [5, 3_750],
        [6, 4_000],
      ],
    );
  });
});

describe('what happened over time', () => {
  it('is in at most 120 buckets, whatever the span, and nothing is lost', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ step: fc.nat(2 ** 30), refused: fc.boolean() }), { maxLength: 300 }),
        (steps) => {
          const timeline = new Timeline();
          let at = 1_700_000_000_000;
          for (const { step, refused } of steps) {
            at += step;
            timeline.add(at, refused);
          }
          const { requests, refused, bucketSeconds, fromMs } = timeline.report();
          assert.ok(requests.length <= 120 && refused.length === requests.length);
          assert.equal(
            requests.reduce((sum, count) => sum + count, 0),
            steps.length,
          );
          assert.equal(
            refused.reduce((sum, count) => sum + count, 0),
            steps.filter((each) => each.refused).length,
          );
          assert.ok(
            steps.length === 0 ||
              (fromMs % (bucketSeconds * 1_000) === 0 && at < fromMs + requests.length * bucketSeconds * 1_000),
          );
        },
      ),
    );
  });

  it('was most in one span', () => {
    const peak = new Peak(1_000);
    assert.equal(peak.report, undefined);
    for (const at of [0, 999, 1_000, 1_001, 1_999, 2_000, 5_500, 5_600, 5_700]) peak.add(at);
    assert.deepEqual(peak.report, { count: 3, fromMs: 1_000 });
  });
});
