/** A primary dies or hangs under load: what callers see, what may be lost, and that exactness returns by itself. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { seededRandom } from '../../src/core/random.ts';
import { eventually } from '../support/eventually.ts';
import type { Redis } from '../support/redis.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import { startRedisSentinel } from '../support/redis-sentinel.ts';
import type { Load, Seen, TestGateway } from './redis-gateways.ts';
import {
  assertAnswered,
  books,
  checkOf,
  fleetOn,
  forever,
  redisKey,
  sentinelAddress,
  startLoad,
  stored,
  sum,
  summary,
  tally,
} from './redis-gateways.ts';

const GATEWAYS = 4;
const KEYS = 40;
const LIMIT = 60;
/** Wide, for a busy machine that stalls this process is no fault of Redis. */
const TIMEOUT_MS = 250;
/** Replication on one machine lags a few milliseconds; a stalled machine lags as long as it stalls. */
const LAG_MS = 500;

/** The nth pick of a Zipf distribution (exponent 1) over `KEYS` counters. */
function zipf(prefix: string, seed: number): (n: number) => string {
  const random = seededRandom(seed);
  const weights = Array.from({ length: KEYS }, (_, i) => 1 / (i + 1));
  const total = sum(weights);
  return () => {
    let left = random.next() * total;
    const rank = weights.findIndex((weight) => {
      left -= weight;
      return left < 0;
    });
    return `${prefix}${Math.max(0, rank)}`;
  };
}

/** Every gateway answers for every key, and a limit that nobody has asked for holds exactly over all of them. */
async function exactAgain(gateways: readonly TestGateway[], attempt: () => string): Promise<void> {
  await eventually(
    'limits hold exactly again',
    async () => {
      const name = attempt();
      const asked = Array.from({ length: 12 }, (_, i) => checkOf(`${name}:${i}`, forever(GATEWAYS - 1)));
      const verdicts = await Promise.all(asked.map((one) => Promise.all(gateways.map((g) => g.strategy.check([one])))));
      return verdicts.every((each) => each.filter(({ allowed }) => allowed).length === GATEWAYS - 1);
    },
    { within: 30_000, every: 50 },
  );
}

interface Outcome {
  readonly killedAt: number;
  readonly load: Load;
  readonly held: ReadonlyMap<string, number>;
}

/** Load with a failure in its midst, until everything is exact again and a little longer. */
async function throughFailure(gateways: readonly TestGateway[], strike: () => Promise<unknown>): Promise<Outcome> {
  const policy = forever(LIMIT);
  const load = startLoad({ gateways, policy, counter: zipf('during', 2), perSecond: 600 });
  await eventually('it is under load', () => load.seen.length > 500, { within: 20_000 });
  const killedAt = performance.now();
  await strike();
  // Somebody has to notice first: right after a freeze everything looks well.
  await eventually('callers notice', () => load.seen.some(({ at, saw }) => at > killedAt && saw.startsWith('SLUICE')));
  let attempts = 0;
  await exactAgain(gateways, () => `probe${attempts++}`);
  await sleep(300);
  await load.stop();
  const [gateway] = gateways;
  assert.ok(gateway);
  return {
    killedAt,
    load,
    held: await stored(
      gateway,
      load.seen.map(({ counter }) => counter),
      policy,
    ),
  };
}

function assertKept(t: TestContext, { killedAt, load: { seen }, held }: Outcome): void {
  t.diagnostic(`${summary(seen, killedAt, LIMIT)}; ${JSON.stringify(books(seen, held))}`);
  assertAnswered(seen, TIMEOUT_MS);
  const { lost, extra } = books(seen, held);
  const before = (each: Seen): boolean => each.at > killedAt - LAG_MS && each.at <= killedAt;
  const atRisk = seen.filter((each) => before(each) && each.saw === 'allowed').length;
  assert.ok(lost <= atRisk, `lost ${lost}, of ${atRisk} admitted in the last ${LAG_MS} ms`);
  const failed = seen.filter(({ at, saw }) => at > killedAt && saw.startsWith('SLUICE'));
  const open = failed.filter(({ saw }) => saw === 'SLUICE_STORE_CIRCUIT_OPEN');
  assert.ok(open.length > failed.length / 2, `${open.length} of ${failed.length} failed at once`);
  const unanswered = seen.filter(({ saw }) => /TIMEOUT|CONNECTION/.test(saw)).length;
  assert.ok(extra <= unanswered, `${extra} counted that nobody was told of, ${unanswered} not answered`);
  for (const [counter, count] of held) assert.ok(count <= LIMIT, `${counter}: ${count}`);
  assert.ok(sum(tally(seen, 'allowed').values()) > 0);
}

async function assertExact(gateways: readonly TestGateway[]): Promise<void> {
  // A young cluster on a busy machine may doubt itself for a moment.
  let attempts = 0;
  await exactAgain(gateways, () => `young${attempts++}`);
  const policy = forever(LIMIT);
  const counter = zipf('before', 1);
  const asked = Array.from({ length: 1_600 }, (_, n) => counter(n));
  const verdicts = await Promise.all(
    asked.map((name, n) => gateways[n % GATEWAYS]?.strategy.check([checkOf(name, policy)])),
  );
  const offered = new Map<string, number>();
  const admitted = new Map<string, number>();
  asked.forEach((name, n) => {
    offered.set(name, (offered.get(name) ?? 0) + 1);
    if (verdicts[n]?.allowed === true) admitted.set(name, (admitted.get(name) ?? 0) + 1);
  });
  assert.ok([...offered.values()].some((n) => n > 2 * LIMIT) && [...offered.values()].some((n) => n < LIMIT));
  for (const [name, n] of offered) assert.equal(admitted.get(name), Math.min(n, LIMIT), name);
}

const STRIKES: readonly (readonly [name: string, strike: (redis: Redis) => Promise<unknown>])[] = [
  ['is killed', (redis) => redis.kill9()],
  ['hangs', async (redis) => redis.freeze()],
];

describe('a primary under the load of four gateways', { timeout: 90_000, concurrency: 2 }, () => {
  for (const [name, strike] of STRIKES) {
    it(`of a cluster ${name}: every key exact before, the loss bounded during, exact again by itself`, async (t) => {
      await using cluster = await startRedisCluster();
      await using fleet = await fleetOn(GATEWAYS, cluster.addresses, { timeoutMs: TIMEOUT_MS });
      const { gateways } = fleet;
      await assertExact(gateways);
      const master = await cluster.masterOf(redisKey('during0'));
      const outcome = await throughFailure(gateways, () => strike(master));
      assertKept(t, outcome);
      assert.notEqual((await cluster.masterOf(redisKey('during0'))).port, master.port);
    });

    it(`behind sentinels ${name}: every key exact before, the loss bounded during, exact again by itself`, async (t) => {
      await using sentinel = await startRedisSentinel();
      await using fleet = await fleetOn(GATEWAYS, sentinelAddress(sentinel), { timeoutMs: TIMEOUT_MS });
      const { gateways } = fleet;
      await assertExact(gateways);
      const primary = await sentinel.primary();
      const outcome = await throughFailure(gateways, () => strike(primary));
      assertKept(t, outcome);
      assert.notEqual((await sentinel.primary()).port, primary.port);
    });
  }
});
