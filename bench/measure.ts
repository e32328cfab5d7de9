/** One measurement: a fresh contestant, warmed up, under load. */
import { mkdirSync } from 'node:fs';
import type { Redis } from '../test/support/redis.ts';
import type { Running } from './contestant.ts';
import { cpuMicroseconds, statusOf } from './process.ts';
import type { Entry, Scenario } from './scenarios.ts';
import { runWrk } from './wrk.ts';

export interface Bench {
  readonly dir: string;
  readonly redis: Redis;
  readonly upstream: Running;
  readonly warmUpSeconds: number;
  readonly seconds: number;
  readonly connections: number;
}

export interface Sample {
  /** CPU microseconds a request, user and system. */
  readonly gatewayMicros: number;
  readonly redisMicros: number;
  readonly requestsPerSecond: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Share of the answers with a status of 400 and above. */
  readonly refused: number;
  readonly failed: number;
  /** Share of the decisions that were made without the shared count, because Redis was late. */
  readonly unasked: number;
}

let runs = 0;

export async function measure(bench: Bench, scenario: Scenario, { contestant }: Entry): Promise<Sample> {
  const dir = `${bench.dir}/${++runs}`;
  mkdirSync(dir);
  await bench.redis.cli('FLUSHALL');
  const gateway = await contestant.start({
    dir,
    upstreamPort: bench.upstream.port,
    redisPort: bench.redis.port,
    limit: scenario.limit,
  });
  try {
    await expectStatus(gateway, 'somebody', 200);
    const shape = { load: scenario.load, connections: bench.connections, rate: scenario.rate };
    // Warming up is always at full speed: it is the number of requests that makes a compiler do its work.
    await runWrk(gateway.port, { ...shape, seconds: bench.warmUpSeconds, rate: 0 });
    await bench.redis.cli('CONFIG', 'RESETSTAT');
    const unaskedBefore = (await gateway.unasked?.()) ?? 0;
    const [gatewayBefore, redisBefore] = [cpuMicroseconds(gateway.pid), cpuMicroseconds(bench.redis.pid)];
    const result = await runWrk(gateway.port, { ...shape, seconds: bench.seconds });
    const [gatewayAfter, redisAfter] = [cpuMicroseconds(gateway.pid), cpuMicroseconds(bench.redis.pid)];
    const unasked = ((await gateway.unasked?.()) ?? 0) - unaskedBefore;
    if (contestant.asksRedis) await expectScriptCalls(bench.redis);
    await expectStatus(gateway, 'client-1', 200);
    if (scenario.load === 'abusers') await expectStatus(gateway, 'abuser-1', 429);
    return {
      gatewayMicros: (gatewayAfter - gatewayBefore) / result.requests,
      redisMicros: (redisAfter - redisBefore) / result.requests,
      requestsPerSecond: result.requests / result.seconds,
      p50Ms: result.p50Ms,
      p99Ms: result.p99Ms,
      refused: result.refused / result.requests,
      failed: result.failed,
      unasked: unasked / result.requests,
    };
  } finally {
    await gateway.stop();
  }
}

async function expectStatus(gateway: Running, key: string, status: number): Promise<void> {
  const seen = await statusOf(gateway.port, key);
  if (seen !== status) throw new Error(`answered ${seen} and not ${status} to ${key}`);
}

/** Scripts ran and none failed: a gateway that lets everything pass when its script is broken would look cheap. */
async function expectScriptCalls(redis: Redis): Promise<void> {
  const stats = await redis.cli('INFO', 'commandstats');
  const [, calls = '0', failed = '0'] = /^cmdstat_evalsha:calls=(\d+),.*failed_calls=(\d+)/m.exec(stats) ?? [];
  if (Number(calls) === 0 || Number(failed) > 0) throw new Error(`${failed} of ${calls} script calls failed in Redis`);
}
