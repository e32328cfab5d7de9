import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import type { Telemetry } from '../../src/core/telemetry.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { RedisConnection } from '../../src/redis/connection.ts';
import { keyLayout } from '../../src/redis/keys.ts';
import { loadScript } from '../../src/redis/lua-script-loader.ts';
import { RedisStrategy } from '../../src/sharing/redis.ts';
import type { Check, GroupVerdict } from '../../src/sharing/strategy.ts';
import { check, strategyConformance } from '../conformance/strategy.ts';
import { eventually } from '../support/eventually.ts';
import type { Redis } from '../support/redis.ts';
import { NO_ACCESS, startRedis } from '../support/redis.ts';

const SCRIPTS = {
  check: loadScript('check'),
  settle: loadScript('settle'),
  peek: loadScript('peek'),
  reset: loadScript('reset'),
  announceReset: loadScript('announce_reset'),
};
const LONG: Policy = { algorithm: 'fixed-window', limit: 100, windowMs: 10_000 * 86_400_000 };

interface Rig {
  readonly strategy: RedisStrategy;
  readonly connection: RedisConnection;
  close(): Promise<void>;
}

async function rig(
  redis: Redis,
  options: { timeoutMs?: number; prefix?: string; telemetry?: Partial<Telemetry> } = {},
): Promise<Rig> {
  const timeoutMs = options.timeoutMs ?? 2_000;
  const connection = new RedisConnection({
    address: { host: '127.0.0.1', port: redis.port, database: 0 },
    access: NO_ACCESS,
    timeoutMs,
    clientName: 'test',
    clock: systemClock,
    logger: silentLogger,
  });
  const strategy = new RedisStrategy({
    clock: systemClock,
    runner: connection,
    scripts: SCRIPTS,
    keys: keyLayout(options.prefix ?? 'test'),
    timeoutMs,
    telemetry: { ...silentTelemetry, ...options.telemetry },
    logger: silentLogger,
  });
  await connection.start();
  return {
    strategy,
    connection,
    close: async () => {
      await strategy.close();
      connection.close();
    },
  };
}

strategyConformance('redis', async () => {
  const redis = await startRedis();
  const { strategy, connection } = await rig(redis);
  return {
    strategy,
    close: async () => {
      connection.close();
      await redis.stop();
    },
  };
});

describe('the redis strategy', { concurrency: false }, () => {
  let redis: Redis;
  before(async () => {
    redis = await startRedis();
  });
  after(async () => {
    await redis.stop();
  });

  it('sends all checks of one turn of the event loop in one script call', async () => {
    const batches: number[] = [];
    const r = await rig(redis, { telemetry: { storeRoundtrip: (_s, checks) => batches.push(checks) } });
    await r.strategy.start();
    await Promise.all(Array.from({ length: 40 }, () => r.strategy.check([check(LONG), check(LONG)])));
    assert.deepEqual(batches, [80]);
    await r.close();
  });

  it('splits what would block Redis for long into several calls', async () => {
    const batches: number[] = [];
    const r = await rig(redis, { telemetry: { storeRoundtrip: (_s, checks) => batches.push(checks) } });
    const c = check(LONG);
    const verdicts = await Promise.all(Array.from({ length: 1_000 }, () => r.strategy.check([c])));
    assert.equal(verdicts.filter((v) => v.allowed).length, 100);
    assert.ok(batches.every((size) => size <= 256));
    assert.equal(
      batches.reduce((a, b) => a + b),
      1_000,
    );
    await r.close();
  });

  it('sets a time to live on every key it writes', async () => {
    const r = await rig(redis, { prefix: 'ttl' });
    const policies: Policy[] = [
      { algorithm: 'fixed-window', limit: 5, windowMs: 60_000 },
      { algorithm: 'sliding-window', limit: 5, windowMs: 60_000, buckets: 7 },
      { algorithm: 'token-bucket', limit: 5, windowMs: 60_000, burst: 5 },
      { algorithm: 'concurrency', limit: 5, leaseMs: 60_000 },
    ];
    for (const policy of policies) await r.strategy.check([check(policy)]);
    const keys = (await redis.cli('KEYS', 'ttl:*')).split('\n').filter((k) => k !== '');
    assert.equal(keys.length, 4);
    for (const key of keys) {
      const ttl = Number(await redis.cli('PTTL', key));
      assert.ok(ttl > 0 && ttl <= 120_000, `${key} lives ${ttl} ms`);
    }
    await r.close();
  });

  it('goes on after SCRIPT FLUSH without losing or repeating a count', async () => {
    const r = await rig(redis);
    const c = check(LONG);
    for (let i = 0; i < 5; i++) {
      await redis.cli('SCRIPT', 'FLUSH');
      assert.equal((await r.strategy.check([c])).verdicts[0]?.remaining, 99 - i);
    }
    await r.close();
  });

  it('heals a key that holds something else', async () => {
    const r = await rig(redis);
    for (const damage of [
      ['SET', 'not ours'],
      ['LPUSH', 'a list'],
    ]) {
      const c = check(LONG);
      await redis.cli(damage[0] ?? '', `test:c:${c.counter}`, damage[1] ?? '');
      assert.equal((await r.strategy.check([c])).verdicts[0]?.remaining, 99);
      assert.equal((await r.strategy.check([c])).verdicts[0]?.remaining, 98);
    }
    await r.close();
  });

  it('keeps the lease of a long holding and loses that of an instance that died', async () => {
    const policy: Policy = { algorithm: 'concurrency', limit: 1, leaseMs: 900 };
    const alive = await rig(redis);
    const base = check(policy);
    assert.equal((await alive.strategy.check([{ ...base, holder: 'long' }])).allowed, true);
    const other = await rig(redis);
    const until = performance.now() + 2_000;
    while (performance.now() < until) {
      assert.equal((await other.strategy.check([{ ...base, holder: 'waits' }])).allowed, false);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    alive.connection.close(); // as if it had crashed: nobody renews any more
    await eventually('the dead instance’s place is free', async () => {
      return (await other.strategy.check([{ ...base, holder: 'waits' }])).allowed;
    });
    await alive.close();
    await other.close();
  });

  it('rejects checks in time while Redis is frozen, at once when the circuit is open, and recovers by itself', async () => {
    const errors: string[] = [];
    const r = await rig(redis, { timeoutMs: 50, telemetry: { storeError: (kind) => errors.push(kind) } });
    const c = check(LONG);
    await r.strategy.check([c]);
    redis.freeze();
    const turn = (): Promise<GroupVerdict> => r.strategy.check([c]);
    for (let i = 0; i < 3; i++) await assert.rejects(turn(), { code: 'SLUICE_STORE_TIMEOUT' });
    for (let i = 0; i < 100; i++) await assert.rejects(turn(), { code: /SLUICE_STORE_CIRCUIT_OPEN/ });
    assert.equal(errors.filter((kind) => kind === 'timeout').length, 3);
    redis.thaw();
    const verdict = await eventually('checks are answered again', () => turn().catch(() => undefined), {
      within: 10_000,
    });
    assert.equal(verdict.allowed, true);
    await r.close();
  });

  it('rejects at once when nobody listens, and finds Redis when it comes', async () => {
    const gone = await startRedis();
    await gone.kill9();
    const r = await rig(gone, { timeoutMs: 100 });
    await r.strategy.start();
    await assert.rejects(Promise.resolve(r.strategy.check([check(LONG)])), { name: 'SluiceError' });
    await gone.restart();
    await eventually('Redis is found', () => r.strategy.check([check(LONG)]).catch(() => undefined), {
      within: 10_000,
    });
    await r.close();
    await gone.stop();
  });

  it('bounds what waits for Redis', async () => {
    const r = await rig(redis, { timeoutMs: 50 });
    redis.freeze();
    const flood = Array.from({ length: 25_000 }, () => r.strategy.check([check(LONG)]));
    const codes = new Map<string, number>();
    for (const outcome of await Promise.allSettled(flood)) {
      assert.equal(outcome.status, 'rejected');
      const { code } = outcome.reason as { code: string };
      codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    redis.thaw();
    assert.equal(codes.get('SLUICE_STORE_OVERLOADED'), 5_000);
    await r.close();
  });

  it('rejects after it was closed', async () => {
    const r = await rig(redis);
    await r.close();
    await assert.rejects(r.strategy.check([check(LONG)]), { code: 'SLUICE_STORE_CONNECTION' });
  });

  it('frees a place whose check nobody waited for any more', async () => {
    const policy: Policy = { algorithm: 'concurrency', limit: 1, leaseMs: 60_000 };
    const r = await rig(redis, { timeoutMs: 50 });
    const base = check(policy);
    const hold = (holder: string): Check => ({ ...base, holder });
    redis.freeze();
    await assert.rejects(r.strategy.check([hold('lost')]), { code: 'SLUICE_STORE_TIMEOUT' });
    redis.thaw();
    await eventually(
      'the place is free',
      async () => (await r.strategy.check([hold('next')]).catch(() => undefined))?.allowed,
    );
    await r.close();
  });
});
