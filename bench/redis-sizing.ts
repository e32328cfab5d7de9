/** What one check costs Redis, and one key: prints the table of docs/redis-sizing.md. Run: `npx node bench/redis-sizing.ts`. */
import { Redis as Client } from 'ioredis';
import type { Policy } from '../src/algorithms/algorithm.ts';
import { loadScript } from '../src/redis/lua-script-loader.ts';
import { encodeBatch } from '../src/sharing/redis-batch.ts';
import type { Check } from '../src/sharing/strategy.ts';
import type { Redis } from '../test/support/redis.ts';
import { startRedis } from '../test/support/redis.ts';

const POLICIES: readonly (readonly [name: string, policy: Policy])[] = [
  ['fixed-window', { algorithm: 'fixed-window', limit: 1_000_000, windowMs: 3_600_000 }],
  ['sliding-window, 2 buckets', { algorithm: 'sliding-window', limit: 1_000_000, windowMs: 3_600_000, buckets: 2 }],
  ['sliding-window, 60 buckets', { algorithm: 'sliding-window', limit: 1_000_000, windowMs: 3_600_000, buckets: 60 }],
  ['token-bucket', { algorithm: 'token-bucket', limit: 1_000, windowMs: 3_600_000, burst: 1_000 }],
  ['concurrency, 1 in flight', { algorithm: 'concurrency', limit: 1_000_000, leaseMs: 3_600_000 }],
];
const KEYS = 20_000;
const CHECKS = 60_000;
const IN_FLIGHT = 50;
/** As many checks as a busy gateway gathers in one turn of its event loop. */
const BATCH = 20;

const script = loadScript('check');

function check(policy: Policy, key: number, n: number): Check {
  const holder = policy.algorithm === 'concurrency' ? `gw-1:${n}` : undefined;
  // As long as a limit's name and an IPv4 address are.
  const counter = `per-client:s100/60:192.0.${(key >> 8) & 255}.${key & 255}:${key}`;
  return { limit: 'per-client', counter, policy, cost: 1, shadow: false, holder, lease: false };
}

async function info(redis: Redis, section: string, ...fields: readonly string[]): Promise<number> {
  const text = await redis.cli('INFO', section);
  return fields.reduce((sum, field) => sum + Number(new RegExp(`^${field}:([\\d.]+)`, 'm').exec(text)?.[1]), 0);
}

const cpuSeconds = (redis: Redis): Promise<number> => info(redis, 'cpu', 'used_cpu_user', 'used_cpu_sys');

/** Asks for `count` checks, `size` in each call, keys in turn; CPU microseconds of Redis for each check. */
async function cost(redis: Redis, client: Client, policy: Policy, count: number, size: number): Promise<number> {
  let n = 0;
  const before = await cpuSeconds(redis);
  const worker = async (): Promise<void> => {
    while (n < count) {
      const from = n;
      n += size;
      const groups = Array.from({ length: size }, (_, i) => [check(policy, (from + i) % KEYS, (from + i) % KEYS)]);
      const { keys, args } = encodeBatch(groups, (counter) => `sluice:c:${counter}`);
      await client.evalsha(script.sha, keys.length, ...keys, ...args);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.floor(IN_FLIGHT / size)) }, worker));
  return ((await cpuSeconds(redis)) - before) * (1_000_000 / n);
}

async function measure(name: string, policy: Policy): Promise<string> {
  await using redis = await startRedis();
  const client = new Client(redis.url);
  try {
    await client.script('LOAD', script.source);
    const empty = await info(redis, 'memory', 'used_memory');
    await cost(redis, client, policy, KEYS, BATCH);
    const bytes = ((await info(redis, 'memory', 'used_memory')) - empty) / KEYS;
    const single = await cost(redis, client, policy, CHECKS, 1);
    const batched = await cost(redis, client, policy, CHECKS, BATCH);
    const perCore = (us: number): string => `${Math.round(1_000_000 / us / 1_000) * 1_000}`;
    return `| ${name} | ${single.toFixed(1)} | ${perCore(single)} | ${batched.toFixed(1)} | ${perCore(batched)} | ${Math.round(bytes)} |`;
  } finally {
    client.disconnect();
  }
}

const head = [
  'one check a call: CPU µs',
  'checks/s per core',
  `${BATCH} a call: CPU µs`,
  'checks/s per core',
  'bytes per key',
];
process.stdout.write(`| algorithm | ${head.join(' | ')} |\n| --- | ${head.map(() => '---:').join(' | ')} |\n`);
for (const [name, policy] of POLICIES) process.stdout.write(`${await measure(name, policy)}\n`);
