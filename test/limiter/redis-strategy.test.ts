import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { LimitConfig } from '../../src/config/types.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { systemRandom } from '../../src/core/random.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import type { SharingName } from '../../src/core/types.ts';
import type { CompiledLimits } from '../../src/limiter/create.ts';
import { createLimiter } from '../../src/limiter/create.ts';
import { RedisConnection } from '../../src/redis/connection.ts';
import { keyLayout } from '../../src/redis/keys.ts';
import { loadScript } from '../../src/redis/lua-script-loader.ts';
import { LocalStrategy } from '../../src/sharing/local.ts';
import { RedisStrategy } from '../../src/sharing/redis.ts';
import type { Strategy } from '../../src/sharing/strategy.ts';
import { eventually } from '../support/eventually.ts';
import type { Redis } from '../support/redis.ts';
import { NO_ACCESS, startRedis } from '../support/redis.ts';
import { concurrency, facts, field, limit } from './setup.ts';

// Windows of 10,000 days, aligned to Unix time: no test sees one end.
const AGE = 10_000 * 86_400_000;
const TIMEOUT_MS = 500;

describe('over a real Redis', () => {
  let redis: Redis;
  let connection: RedisConnection;
  let strategy: RedisStrategy;

  before(async () => {
    redis = await startRedis();
    connection = new RedisConnection({
      address: { host: '127.0.0.1', port: redis.port, database: 0 },
      access: NO_ACCESS,
      timeoutMs: TIMEOUT_MS,
      clientName: 'test',
      clock: systemClock,
      logger: silentLogger,
    });
    strategy = new RedisStrategy({
      clock: systemClock,
      runner: connection,
      scripts: {
        check: loadScript('check'),
        settle: loadScript('settle'),
        peek: loadScript('peek'),
        reset: loadScript('reset'),
        announceReset: loadScript('announce_reset'),
      },
      keys: keyLayout('limiter-test'),
      timeoutMs: TIMEOUT_MS,
      telemetry: silentTelemetry,
      logger: silentLogger,
    });
    await connection.start();
    await strategy.start();
  });
  after(async () => {
    await strategy.close();
    connection.close();
    await redis.stop();
  });

  function compile(...limits: LimitConfig[]): CompiledLimits {
    const local = (): LocalStrategy =>
      new LocalStrategy({ clock: systemClock, maxKeys: 1_000, telemetry: silentTelemetry });
    const limiter = createLimiter({
      clock: systemClock,
      random: systemRandom,
      telemetry: silentTelemetry,
      logger: silentLogger,
      strategies: new Map<SharingName, Strategy>([
        ['local', local()],
        ['redis', strategy],
      ]),
      fallback: local(),
      liveInstances: () => 2,
      instance: 'gw-1',
      headers: 'draft',
    });
    return limiter.compile(limits);
  }

  it('two instances and two sharings admit exactly the limit, and refused requests leave no trace', async () => {
    const own = limit({ name: 'own', algorithm: 'fixed-window', rates: [{ count: 400, windowMs: AGE }] });
    const shared = limit({ name: 'shared', sharing: 'redis', rates: [{ count: 100, windowMs: AGE }] });
    const held = concurrency({ name: 'held', sharing: 'redis', max: 1_000 });
    const instances = [compile(own, shared, held), compile(own, shared, held)];
    const outcomes = await Promise.all(
      instances.flatMap((compiled) => {
        const set = compiled.set(['own', 'shared', 'held']);
        return Array.from({ length: 200 }, async () => set.decide(facts()));
      }),
    );
    const passed = outcomes.filter((outcome) => outcome.rejection === undefined);
    assert.equal(passed.length, 100);
    let taken = 0;
    for (const { keys } of instances) taken += 400 - ((await keys.peek('own', '192.0.2.1'))?.[0]?.remaining ?? 0);
    assert.equal(taken, 100);
    const keys = instances[0]?.keys;
    assert.equal((await keys?.peek('held', '192.0.2.1'))?.[0]?.remaining, 900);
    for (const outcome of passed) outcome.release?.();
    await eventually(
      'all requests in flight released',
      async () => (await keys?.peek('held', '192.0.2.1'))?.[0]?.present === false,
    );
  });

  it('a frozen store hands over to this instance’s share within its timeout, and decides again when it thaws', async () => {
    const compiled = compile(limit({ name: 'frozen', sharing: 'redis', rates: [{ count: 10, windowMs: AGE }] }));
    const set = compiled.set(['frozen']);
    redis.freeze();
    try {
      const started = systemClock.monotonic();
      const outcomes = await Promise.all(Array.from({ length: 20 }, async () => set.decide(facts())));
      assert.ok(systemClock.monotonic() - started < 2 * TIMEOUT_MS);
      assert.equal(outcomes.filter((outcome) => outcome.rejection === undefined).length, 5);
    } finally {
      redis.thaw();
    }
    // Asked anew each time: the fallback would have 4 left of its share.
    let asked = 0;
    await eventually('Redis decides again', async () => {
      asked += 1;
      const { headers } = await set.decide(facts({ ip: `198.51.100.${asked % 256}` }));
      return field(headers, 'RateLimit')?.startsWith('"frozen";r=9;') === true;
    });
  });
});
