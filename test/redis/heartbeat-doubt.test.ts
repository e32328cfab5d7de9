/** What an instance believes of how many live, on a virtual clock. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import { Heartbeat } from '../../src/redis/heartbeat.ts';
import { keyLayout } from '../../src/redis/keys.ts';
import { loadScript } from '../../src/redis/lua-script-loader.ts';
import type { ScriptRunner } from '../../src/redis/script-runner.ts';

type Reply = readonly [live: number, resets: number, joined: number];

async function start(assumed: number, first: Reply | undefined) {
  const clock = new VirtualClock();
  let reply = first;
  let resets = 0;
  const runner: ScriptRunner = {
    slotOf: () => 0,
    serverOf: () => 'one',
    together: (send) => send(),
    run: async () => {
      if (reply === undefined) throw new Error('away');
      return [...reply, []];
    },
  };
  const heartbeat = new Heartbeat({
    clock,
    runner,
    script: loadScript('heartbeat'),
    keys: keyLayout('team'),
    instance: 'a',
    assumed,
    onReset: () => {
      resets += 1;
    },
  });
  await heartbeat.start();
  return {
    heartbeat,
    resets: () => resets,
    /** The next beat is answered so. */
    beat: async (next: Reply | undefined) => {
      reply = next;
      clock.advance(1_000);
      await new Promise((resolve) => setImmediate(resolve));
    },
  };
}

describe('live instances', () => {
  it('are the assumed ones until Redis has told, and those it told of last when it is gone', async () => {
    const { heartbeat, beat } = await start(4, undefined);
    assert.equal(heartbeat.live, 4);
    await beat([2, 0, 1]);
    assert.equal(heartbeat.live, 2);
    await beat([3, 0, 0]);
    await beat(undefined);
    assert.equal(heartbeat.live, 3);
  });

  it('after a loss of data are no fewer than before, until all have had the time to join again', async () => {
    const { heartbeat, beat, resets } = await start(1, [5, 0, 1]);
    await beat([5, 0, 0]);
    await beat([1, 0, 1]);
    assert.deepEqual([heartbeat.live, resets()], [5, 1]);
    await beat([6, 0, 0]);
    assert.equal(heartbeat.live, 6, 'more are believed at once');
    await beat([4, 0, 0]);
    assert.equal(heartbeat.live, 5);
    for (let i = 0; i < 3; i++) await beat([4, 0, 0]);
    assert.equal(heartbeat.live, 4);
  });

  it('that leave are believed at once otherwise', async () => {
    const { heartbeat, beat } = await start(1, [5, 0, 1]);
    await beat([4, 0, 0]);
    assert.equal(heartbeat.live, 4);
  });
});
