/** Several gateways' worth of the redis strategy in one process, each with its own connections, and load on all of them. */
import assert from 'node:assert/strict';
import type { Policy } from '../../src/algorithms/algorithm.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Logger } from '../../src/core/logger.ts';
import type { StoreErrorKind } from '../../src/core/telemetry.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import type { RedisAccess } from '../../src/redis/client-options.ts';
import { ClusterConnection } from '../../src/redis/cluster-connection.ts';
import type { PrimaryAddress } from '../../src/redis/connection.ts';
import { RedisConnection } from '../../src/redis/connection.ts';
import { keyLayout } from '../../src/redis/keys.ts';
import { loadScript } from '../../src/redis/lua-script-loader.ts';
import type { ScriptRunner } from '../../src/redis/script-runner.ts';
import { RedisStrategy } from '../../src/sharing/redis.ts';
import type { Check } from '../../src/sharing/strategy.ts';
import { eventually } from '../support/eventually.ts';
import { NO_ACCESS } from '../support/redis.ts';
import type { RedisCluster } from '../support/redis-cluster.ts';
import type { RedisSentinel } from '../support/redis-sentinel.ts';

export const SCRIPTS = {
  check: loadScript('check'),
  settle: loadScript('settle'),
  peek: loadScript('peek'),
  reset: loadScript('reset'),
  announceReset: loadScript('announce_reset'),
};

/** Windows of 10,000 days, aligned to Unix time: no test sees one end. */
const AGE = 10_000 * 86_400_000;

/** A fixed window that never ends, so that what was ever charged can be read. */
export function forever(limit: number): Policy {
  return { algorithm: 'fixed-window', limit, windowMs: AGE };
}

export function checkOf(counter: string, policy: Policy, holder?: string): Check {
  return { limit: 'test', counter, policy, cost: 1, shadow: false, lease: false, holder };
}

export interface TestGateway extends AsyncDisposable {
  readonly strategy: RedisStrategy;
  readonly connection: ScriptRunner & { start(): Promise<void>; close(): void };
  /** What it said, warnings and notes, oldest first. */
  readonly said: string[];
  readonly errors: Map<StoreErrorKind, number>;
  /** Checks in each script call that was answered. */
  readonly batches: number[];
}

export interface GatewayOptions {
  /** Default 50, as in production. */
  readonly timeoutMs?: number;
  readonly access?: RedisAccess;
}

export const PREFIX = 'team';
const KEYS = keyLayout(PREFIX);

/** The key in Redis of a counter. */
export function redisKey(counter: string): string {
  return KEYS.counter(counter);
}

export async function gatewayOn(
  where: RedisCluster['addresses'] | PrimaryAddress,
  options: GatewayOptions = {},
): Promise<TestGateway> {
  const { timeoutMs = 50, access = NO_ACCESS } = options;
  const said: string[] = [];
  const say = (fields: object, text: string): void => void said.push(`${text} ${JSON.stringify(fields)}`);
  const logger: Logger = { debug: () => {}, info: say, warn: say, error: say };
  const common = { access, timeoutMs, clientName: 'test', clock: systemClock, logger };
  const connection =
    'length' in where
      ? new ClusterConnection({ nodes: where, ...common })
      : new RedisConnection({ address: where, ...common });
  const errors = new Map<StoreErrorKind, number>();
  const batches: number[] = [];
  const strategy = new RedisStrategy({
    clock: systemClock,
    runner: connection,
    scripts: SCRIPTS,
    keys: KEYS,
    timeoutMs,
    telemetry: {
      ...silentTelemetry,
      storeError: (kind) => void errors.set(kind, (errors.get(kind) ?? 0) + 1),
      storeRoundtrip: (_seconds, checks) => void batches.push(checks),
    },
    logger,
  });
  await connection.start();
  await strategy.start();
  const close = async (): Promise<void> => {
    await strategy.close();
    connection.close();
  };
  return { strategy, connection, said, errors, batches, [Symbol.asyncDispose]: close };
}

export function gatewaysOn(
  count: number,
  where: Parameters<typeof gatewayOn>[0],
  options: GatewayOptions = {},
): Promise<TestGateway[]> {
  return Promise.all(Array.from({ length: count }, () => gatewayOn(where, options)));
}

export interface TestFleet extends AsyncDisposable {
  readonly gateways: readonly TestGateway[];
}

/** As {@link gatewaysOn}; all end with the scope. */
export async function fleetOn(...args: Parameters<typeof gatewaysOn>): Promise<TestFleet> {
  const gateways = await gatewaysOn(...args);
  return {
    gateways,
    [Symbol.asyncDispose]: async () => {
      await Promise.all(gateways.map((gateway) => gateway[Symbol.asyncDispose]()));
    },
  };
}

export function sentinelAddress(sentinel: RedisSentinel): PrimaryAddress {
  return { sentinel: { name: sentinel.name, nodes: sentinel.addresses, username: undefined, password: undefined } };
}

/** What one check saw. */
export interface Seen {
  /** When it was asked and for how long it waited, in ms. */
  readonly at: number;
  readonly ms: number;
  readonly counter: string;
  /** Otherwise the code of the error. */
  readonly saw: 'allowed' | 'denied' | (string & {});
}

export interface Load {
  readonly seen: Seen[];
  /** Stops asking; resolves when every check has been answered. */
  stop(): Promise<void>;
}

export interface LoadOptions {
  readonly gateways: readonly TestGateway[];
  readonly policy: Policy;
  /** The counter of the nth check. */
  readonly counter: (n: number) => string;
  readonly perSecond: number;
}

const TICK_MS = 5;

/** Asks the gateways in turn, at a steady pace whatever becomes of earlier checks. */
export function startLoad({ gateways, policy, counter, perSecond }: LoadOptions): Load {
  const seen: Seen[] = [];
  const open = new Set<Promise<void>>();
  let n = 0;
  const startedAt = performance.now();
  const tick = setInterval(() => {
    // On a busy machine ticks come late; what is due is asked in small portions.
    const due = Math.min(((performance.now() - startedAt) * perSecond) / 1_000, n + 100);
    for (; n < due; n++) {
      const gateway = gateways[n % gateways.length];
      if (gateway === undefined) return;
      const asked = ask(gateway, counter(n), policy, seen).finally(() => open.delete(asked));
      open.add(asked);
    }
  }, TICK_MS).unref();
  return {
    seen,
    stop: async () => {
      clearInterval(tick);
      await eventually('every check has been answered', () => open.size === 0);
    },
  };
}

async function ask(gateway: TestGateway, counter: string, policy: Policy, seen: Seen[]): Promise<void> {
  const at = performance.now();
  let saw: string;
  try {
    saw = (await gateway.strategy.check([checkOf(counter, policy)])).allowed ? 'allowed' : 'denied';
  } catch (error) {
    saw = (error as { code?: string }).code ?? String(error);
  }
  seen.push({ at, ms: performance.now() - at, counter, saw });
}

/** What Redis has counted, by counter. */
export async function stored(
  gateway: TestGateway,
  counters: Iterable<string>,
  policy: Policy,
): Promise<Map<string, number>> {
  const out = new Map<string, number>();
  for (const counter of new Set(counters)) {
    const { remaining } = await eventually('the counter can be read', () =>
      gateway.strategy.peek(checkOf(counter, policy)),
    );
    out.set(counter, policy.limit - remaining);
  }
  return out;
}

export function tally(seen: readonly Seen[], saw: string): Map<string, number> {
  const out = new Map<string, number>();
  for (const each of seen) if (each.saw === saw) out.set(each.counter, (out.get(each.counter) ?? 0) + 1);
  return out;
}

export function sum(numbers: Iterable<number>): number {
  let total = 0;
  for (const each of numbers) total += each;
  return total;
}

/** The `p`-th part (0 to 1) of sorted waiting times, in ms. */
export function quantile(seen: readonly Seen[], p: number): number {
  const sorted = seen.map(({ ms }) => ms).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * p))] ?? 0;
}

export interface Books {
  /** Admitted and not in Redis: what was lost. */
  readonly lost: number;
  /** In Redis and never admitted: checks that nobody waited for any more, counted all the same. */
  readonly extra: number;
}

/** Compares what callers were told with what Redis holds. */
export function books(seen: readonly Seen[], held: ReadonlyMap<string, number>): Books {
  const admitted = tally(seen, 'allowed');
  let [lost, extra] = [0, 0];
  for (const [counter, count] of held) {
    const difference = (admitted.get(counter) ?? 0) - count;
    if (difference > 0) lost += difference;
    else extra -= difference;
  }
  return { lost, extra };
}

/** Every check was answered, in time, and with nothing but an answer or an error of the catalogue. */
export function assertAnswered(seen: readonly Seen[], timeoutMs: number, slackMs = 2_000): void {
  const late = seen.filter(({ ms }) => ms > timeoutMs + slackMs);
  assert.ok(late.length <= seen.length / 100, `${late.length} of ${seen.length} waited long: ${quantile(seen, 1)} ms`);
  const strange = seen.filter(({ saw }) => !/^(allowed|denied|SLUICE_STORE_\w+)$/.test(saw));
  assert.deepEqual(strange, []);
}

/** One line on a bad time that began at `from` and could end at `healedAt`: what callers saw and how long it lasted. */
export function summary(seen: readonly Seen[], from: number, limit: number, healedAt = from): string {
  const since = seen.filter(({ at }) => at >= from);
  const failed = since.filter(({ saw }) => saw.startsWith('SLUICE'));
  const last = Math.max(healedAt, ...failed.map(({ at, ms }) => at + ms));
  const kinds = new Map<string, number>();
  for (const { saw } of since) kinds.set(saw, (kinds.get(saw) ?? 0) + 1);
  const most = Math.max(0, ...tally(seen, 'allowed').values());
  return [
    `callers saw ${[...kinds].map(([saw, n]) => `${saw} ${n}`).join(', ')}`,
    `slowest ${quantile(since, 1).toFixed(0)} ms`,
    `at most ${most} of ${limit} admitted for a key`,
    `exact again ${((last - healedAt) / 1_000).toFixed(1)} s later`,
  ].join('; ');
}

export const COUNTERS = Array.from({ length: 60 }, (_, i) => `k${i}`);

/** The counter of the nth check: all in turn, neighbours far apart. */
export function counter(n: number): string {
  return COUNTERS[(n * 7) % COUNTERS.length] ?? '';
}

/** Every gateway gets an answer for every counter. */
export async function answers(gateways: readonly TestGateway[], policy = forever(1)): Promise<void> {
  await eventually(
    'every counter is answered for',
    async () => {
      for (const { strategy } of gateways) {
        await Promise.all(COUNTERS.map((name) => strategy.check([checkOf(`ready:${name}`, policy)])));
      }
      return true;
    },
    { within: 30_000, every: 20 },
  );
}
