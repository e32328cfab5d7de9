import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Logger } from '../../src/core/logger.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import type { Span } from '../../src/tracing/span.ts';
import { SpanQueue } from '../../src/tracing/span-queue.ts';

const span = (name: string): Span => ({
  traceId: '1'.repeat(32),
  spanId: '1'.repeat(16),
  parentId: undefined,
  remoteParent: false,
  state: undefined,
  kind: 'server',
  name,
  start: 0,
  end: 1,
  failed: false,
  attributes: {},
});

interface Delivery {
  readonly batch: readonly Span[];
  readonly take: () => void;
  readonly refuse: (reason: string) => void;
}

function world(maxWaiting = 1_000) {
  const clock = new VirtualClock();
  const deliveries: Delivery[] = [];
  const counted = { exported: 0, dropped: 0, failed: 0 };
  const lines: string[] = [];
  const log = (fields: object, message: string): void => void lines.push(`${JSON.stringify(fields)} ${message}`);
  const logger: Logger = { ...silentLogger, warn: log, info: log };
  const queue = new SpanQueue({
    clock,
    logger,
    telemetry: {
      ...silentTelemetry,
      traceSpans: (result, spans) => {
        counted[result] += spans;
      },
    },
    maxWaiting,
    timeoutMs: 10_000,
    send: (batch) =>
      new Promise((resolve, reject) => {
        deliveries.push({ batch, take: resolve, refuse: (reason) => reject(new Error(reason)) });
      }),
  });
  const add = (count: number): void => {
    for (let i = 0; i < count; i++) queue.add(span(`${i}`));
  };
  /** Lets time pass, and what was promised happen. */
  const pass = async (ms: number): Promise<void> => {
    clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  const sizes = (): number[] => deliveries.map(({ batch }) => batch.length);
  return { queue, deliveries, counted, lines, add, pass, sizes };
}

describe('the queue of spans', () => {
  it('sends a few together after a while, never at once', async () => {
    const { add, pass, sizes, deliveries, counted } = world();
    add(2);
    await pass(500);
    add(1);
    assert.deepEqual(sizes(), []);
    await pass(500);
    assert.deepEqual(sizes(), [3]);
    deliveries[0]?.take();
    await pass(0);
    assert.deepEqual(counted, { exported: 3, dropped: 0, failed: 0 });
  });

  it('sends a full batch at the end of the turn, and one batch at a time', async () => {
    const { add, pass, sizes, deliveries, counted } = world();
    add(300);
    assert.deepEqual(sizes(), [], 'nothing is sent while a request is worked on');
    await pass(0);
    assert.deepEqual(sizes(), [128]);
    await pass(5_000);
    assert.deepEqual(sizes(), [128], 'the next waits for the answer');
    deliveries[0]?.take();
    await pass(0);
    await pass(0);
    deliveries[1]?.take();
    await pass(0);
    await pass(1_000);
    deliveries[2]?.take();
    await pass(0);
    assert.deepEqual(sizes(), [128, 128, 44]);
    assert.equal(counted.exported, 300);
  });

  it('drops and counts what is over its bound', async () => {
    const { add, pass, counted, deliveries, sizes } = world(200);
    add(250);
    assert.deepEqual(counted, { exported: 0, dropped: 50, failed: 0 });
    await pass(0);
    add(150);
    assert.equal(counted.dropped, 72, 'those under way leave room');
    deliveries[0]?.take();
    await pass(0);
    await pass(0);
    assert.deepEqual(sizes(), [128, 128]);
  });

  it('counts what was refused, says so once, and says when it works again', async () => {
    const { add, pass, counted, deliveries, lines } = world();
    for (const i of [0, 1, 2]) {
      add(1);
      await pass(1_000);
      deliveries[i]?.refuse('HTTP 401 Unauthorized');
      await pass(0);
    }
    assert.deepEqual(counted, { exported: 0, dropped: 0, failed: 3 });
    add(1);
    await pass(1_000);
    deliveries[3]?.take();
    await pass(0);
    assert.deepEqual(lines, [
      '{"reason":"HTTP 401 Unauthorized"} tracing: the collector does not take spans; they are lost until it does',
      '{} tracing: the collector takes spans again',
    ]);
  });

  it('gives up a collector that says nothing, and goes on', async () => {
    const { add, pass, counted, sizes } = world();
    add(1);
    await pass(1_000);
    await pass(10_000);
    assert.equal(counted.failed, 1);
    add(1);
    await pass(1_000);
    assert.deepEqual(sizes(), [1, 1]);
  });

  it('hands on all that waits when it is closed, and takes no more', async () => {
    const { queue, add, pass, counted, deliveries, sizes } = world();
    add(200);
    let closed = false;
    const closing = queue.close(2_000).then(() => {
      closed = true;
    });
    for (const i of [0, 1]) {
      await pass(0);
      deliveries[i]?.take();
    }
    await pass(0);
    await closing;
    assert.ok(closed);
    add(1);
    await pass(5_000);
    assert.deepEqual(sizes(), [128, 72]);
    assert.deepEqual(counted, { exported: 200, dropped: 1, failed: 0 });
  });

  it('is closed in time whatever the collector does', async () => {
    const { queue, add, pass, counted, lines } = world();
    add(200);
    const closing = queue.close(2_000);
    await pass(2_000);
    await closing;
    assert.equal(counted.dropped, 72);
    assert.deepEqual(lines, ['{"spans":200} tracing: the collector is too slow; the last spans are lost']);
  });
});
