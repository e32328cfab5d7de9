/** The promise of `sharing: redis`: whatever instance a request meets, exactly the limit is admitted. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import type { Upstream } from '../support/http.ts';
import { startUpstream } from '../support/http.ts';
import type { Redis } from '../support/redis.ts';
import { startRedis } from '../support/redis.ts';
import type { Fleet } from './fleet.ts';
import { count, startFleet } from './fleet.ts';

const MINUTE = 60_000;
const WINDOWED = [
  { algorithm: 'fixed-window', rate: '500/1m' },
  { algorithm: 'sliding-window', rate: '500/1m' },
  { algorithm: 'sliding-window', rate: '500/1m', buckets: 13 },
];

describe('three gateways on one Redis', { concurrency: false }, () => {
  let redis: Redis;
  let upstream: Upstream;
  let key = 0;
  before(async () => {
    redis = await startRedis({ args: ['--appendonly', 'yes', '--appendfsync', 'always'] });
    upstream = await startUpstream((_req, res) => {
      res.end('ok');
    });
  });
  after(async () => {
    await redis.stop();
    await upstream.close();
  });

  const serverMs = async (): Promise<number> => Number((await redis.cli('TIME')).split('\n')[0]) * 1_000;
  /** Runs `body` until it fits inside one minute of the server's clock: counts are only exact within a window. */
  async function withinOneMinute<T>(body: (key: string) => Promise<T>): Promise<T> {
    for (;;) {
      const started = await serverMs();
      key += 1;
      const result = await body(`key-${key}`);
      if (Math.floor(started / MINUTE) === Math.floor((await serverMs()) / MINUTE)) return result;
    }
  }
  async function admittedOf(fleet: Fleet, disturb?: () => Promise<void>): Promise<number> {
    const answers = await withinOneMinute(async (name) => {
      const first = fleet.offer(200, name);
      if (disturb !== undefined) await disturb();
      return [...(await first), ...(await fleet.offer(200, name))];
    });
    const admitted = count(answers, 200);
    assert.equal(admitted + count(answers, 429), 1_200, 'every request is either admitted or refused');
    return admitted;
  }

  for (const limit of WINDOWED) {
    const label = `${limit.algorithm}${limit.buckets === undefined ? '' : ` of ${limit.buckets} buckets`}`;
    it(`${label}: admits exactly 500 of 3 × 400, and again with all scripts flushed in between`, async () => {
      await using fleet = await startFleet({ redisUrl: redis.url, upstream: upstream.url, limit });
      assert.equal(await admittedOf(fleet), 500);
      assert.equal(
        await admittedOf(fleet, async () => {
          await redis.cli('SCRIPT', 'FLUSH');
        }),
        500,
      );
    });

    it(`${label}: admits exactly 500 with gateway clocks an hour off`, async () => {
      const clocks = ['+1h', '-1h', ''];
      await using fleet = await startFleet({ redisUrl: redis.url, upstream: upstream.url, limit, clocks });
      assert.equal(await admittedOf(fleet), 500);
    });
  }

  it('token-bucket: admits its burst and what was refilled meanwhile, not one more', async () => {
    const limit = { algorithm: 'token-bucket', rate: '500/1m' };
    await using fleet = await startFleet({ redisUrl: redis.url, upstream: upstream.url, limit });
    const started = await serverMs();
    const admitted = count(await fleet.offer(400, 'bucket'), 200);
    const elapsed = (await serverMs()) + 1_000 - started;
    assert.ok(admitted >= 500, `${admitted} of 500`);
    assert.ok(admitted <= 500 + (elapsed * 500) / MINUTE, `${admitted} in ${elapsed} ms`);
  });

  it('concurrency: exactly max are in flight, whatever the instance, and their places come back', async () => {
    let inFlight = 0;
    let most = 0;
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    await using slow = await startUpstream(async (_req, res) => {
      inFlight += 1;
      most = Math.max(most, inFlight);
      await gate;
      inFlight -= 1;
      res.end('ok');
    });
    const limit = { algorithm: 'concurrency', max: 50 };
    await using fleet = await startFleet({ redisUrl: redis.url, upstream: slow.url, limit });
    const offered = fleet.offer(60, 'slow');
    await eventually('50 requests are in flight', () => inFlight === 50);
    // Everyone else is told no while the 50 wait; only then do they finish.
    const refused = await fleet.offer(20, 'slow');
    assert.equal(count(refused, 429), 60);
    open();
    const answers = await offered;
    assert.equal(count(answers, 200), 50);
    assert.equal(count(answers, 429), 130);
    assert.equal(most, 50);
    await eventually('places are free again', async () => count(await fleet.offer(1, 'slow'), 200) === 3);
  });

  it('keeps its counts over a restart of Redis, and says no while it cannot count', async () => {
    const limit = { algorithm: 'fixed-window', rate: '500/1h', onFailure: 'deny' };
    await using fleet = await startFleet({ redisUrl: redis.url, upstream: upstream.url, limit, redisTimeout: '500ms' });
    let admitted = count(await fleet.offer(100, 'restarted'), 200);
    assert.equal(admitted, 300);
    const [during] = await Promise.all([fleet.offer(10, 'restarted'), redis.restart()]);
    admitted += count(during, 200);
    await eventually(
      'every gateway counts in Redis again',
      async () => {
        const answers = await fleet.offer(1, 'restarted');
        admitted += count(answers, 200);
        return count(answers, 503) === 0;
      },
      { within: 15_000, every: 50 },
    );
    admitted += count(await fleet.offer(100, 'restarted'), 200);
    // A check that timed out may have been counted without being admitted: never more, perhaps a few less.
    assert.ok(admitted <= 500, `${admitted} admitted`);
    assert.ok(admitted >= 500 - 30 - count(during, 503), `${admitted} admitted`);
  });
});
