/** A Redis that does not let the gateway in: said at start in one line, and later as any failure. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { eventually } from '../support/eventually.ts';
import type { CommandResult } from '../support/gateway-process.ts';
import { runSluice, startGateway } from '../support/gateway-process.ts';
import { request, startUpstream } from '../support/http.ts';
import type { Redis } from '../support/redis.ts';
import { startRedis } from '../support/redis.ts';
import type { RedisCluster } from '../support/redis-cluster.ts';
import { startRedisCluster } from '../support/redis-cluster.ts';
import type { RedisSentinel } from '../support/redis-sentinel.ts';
import { startRedisSentinel } from '../support/redis-sentinel.ts';

const configOf = (redis: object, upstream = 'http://127.0.0.1:9'): object => ({
  listen: '127.0.0.1:0',
  admin: { listen: '127.0.0.1:0' },
  log: { access: 'off' },
  redis: { timeout: '2s', keyPrefix: 'team', ...redis },
  upstreams: { app: { servers: [upstream] } },
  routes: [{ upstream: 'app', limits: ['l'] }],
  limits: { l: { key: 'ip', rate: '100000/1h' } },
});

/** Runs a gateway that is expected to end by itself. */
async function refusedWith(redis: object): Promise<CommandResult> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-refused-'));
  const file = join(dir, 'sluice.yaml');
  writeFileSync(file, JSON.stringify(configOf(redis)));
  const result = await runSluice(['run', '--config', file]);
  rmSync(dir, { recursive: true });
  return result;
}

async function assertRefused(redis: object, said: string): Promise<void> {
  assert.deepEqual(await refusedWith(redis), { code: 2, stdout: '', stderr: `sluice: redis: ${said}\n` });
}

const USER = ['on', '>pw', '~team:*', '+@all'];
const as = (user: string, redis: Redis, database = ''): object => ({
  url: `redis://${user}@127.0.0.1:${redis.port}${database}`,
});

describe('Redis refuses the gateway at its start: one line, exit code 2', { concurrency: 3 }, () => {
  let redis: Redis;
  before(async () => {
    redis = await startRedis();
  });
  after(() => redis.stop());

  const DENIED: readonly (readonly [name: string, rules: readonly string[], said: string])[] = [
    ['evalsha', ['-evalsha'], 'it does not let the user run evalsha (NOPERM): grant +evalsha, see docs/redis.md'],
    ['zadd', ['-zadd'], 'it does not let the user run zadd (NOPERM): grant +zadd, see docs/redis.md'],
    [
      'writing',
      ['-@write'],
      'it does not let the user run set, incr, pexpire, del, zadd, zremrangebyscore, zrem (NOPERM): ' +
        'grant +set +incr +pexpire +del +zadd +zremrangebyscore +zrem, see docs/redis.md',
    ],
    [
      'keys',
      ['resetkeys', '~other:*'],
      'it does not let the user touch these keys (NOPERM): grant ~<redis.keyPrefix>:*, see docs/redis.md',
    ],
    [
      'reading',
      ['resetkeys', '%W~team:*', '-eval', '+eval'],
      'it does not let the user touch these keys (NOPERM): grant ~<redis.keyPrefix>:*, see docs/redis.md',
    ],
  ];
  for (const [name, rules, said] of DENIED) {
    it(`the user lacks ${name}`, async () => {
      await redis.cli('ACL', 'SETUSER', name, ...USER, ...rules);
      await assertRefused(as(`${name}:pw`, redis), said);
    });
  }

  it('the password is wrong', async () => {
    await redis.cli('ACL', 'SETUSER', 'bob', ...USER);
    const said =
      'it refuses the password or the user (WRONGPASS): see username and password under redis, or in the URL';
    await assertRefused(as('bob:wr0ng', redis), said);
    await assertRefused({ url: redis.url, username: 'nobody', password: 'pw' }, said);
  });

  it('the password is missing', async () => {
    await using closed = await startRedis();
    await closed.cli('CONFIG', 'SET', 'requirepass', 'right');
    const said =
      'it wants a password (NOAUTH): see username and password under redis, or redis://user:password@host:port';
    await assertRefused({ url: closed.url }, said);
  });

  it('the database does not exist', async () => {
    await redis.cli('ACL', 'SETUSER', 'carol', ...USER);
    const said = 'it has no such database: see the number at the end of redis.url';
    await assertRefused(as('carol:pw', redis, '/99'), said);
  });

  it('a user with just enough starts', async () => {
    await redis.cli('ACL', 'SETUSER', 'dave', ...USER);
    await using gateway = await startGateway({ config: configOf(as('dave:pw', redis)) });
    assert.equal(await gateway.stop(), 0);
    assert.equal(gateway.stderr(), '');
    const left = (await redis.cli('KEYS', '*')).split('\n').filter((key) => !/^$|^team:(\{fleet\}|probe)/.test(key));
    assert.deepEqual(left, []);
  });
});

describe('a cluster refuses the gateway', { concurrency: 2 }, () => {
  let cluster: RedisCluster;
  let nodes: readonly string[];
  before(async () => {
    cluster = await startRedisCluster({ replicas: 0 });
    nodes = cluster.addresses.map(({ host, port }) => `redis://${host}:${port}`);
  });
  after(() => cluster.stop());
  const user = { username: 'sluice', password: 'pw' };

  it('one node of three lacks a command: names the node', async () => {
    await cluster.onMasters('ACL', 'SETUSER', 'sluice', ...USER);
    const [, second] = cluster.nodes;
    await second?.cli('ACL', 'SETUSER', 'sluice', '-zrem');
    await assertRefused(
      { cluster: nodes, ...user },
      `127.0.0.1:${second?.port}: it does not let the user run zrem (NOPERM): grant +zrem, see docs/redis.md`,
    );
  });

  it('the password is wrong', async () => {
    const { code, stderr } = await refusedWith({ cluster: nodes, username: 'sluice', password: 'wr0ng' });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^sluice: redis: it refuses the password or the user \(WRONGPASS\).*\n$/);
  });

  it('the user may not ask who serves what', async () => {
    await cluster.onMasters('ACL', 'SETUSER', 'blind', ...USER, '-cluster');
    const { code, stderr } = await refusedWith({ cluster: nodes, username: 'blind', password: 'pw' });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^sluice: redis: it does not let the user run cluster\S* \(NOPERM\): grant \+cluster.*\n$/);
  });
});

describe('a primary behind sentinels refuses the gateway', () => {
  let sentinel: RedisSentinel;
  before(async () => {
    sentinel = await startRedisSentinel({ replicas: 0 });
  });
  after(() => sentinel.stop());
  const where = (): object => ({
    name: sentinel.name,
    nodes: sentinel.addresses.map(({ host, port }) => `${host}:${port}`),
  });

  it('the user lacks a command', async () => {
    const primary = await sentinel.primary();
    await primary.cli('ACL', 'SETUSER', 'sluice', ...USER, '-pttl');
    await assertRefused(
      { sentinel: where(), username: 'sluice', password: 'pw' },
      'it does not let the user run pttl (NOPERM): grant +pttl, see docs/redis.md',
    );
  });

  it('the password is wrong', async () => {
    const { code, stderr } = await refusedWith({ sentinel: where(), username: 'sluice', password: 'wr0ng' });
    assert.equal(code, 2, stderr);
    assert.match(stderr, /^sluice: redis: it refuses the password or the user \(WRONGPASS\).*\n$/);
  });
});

describe('sentinels refuse the gateway', () => {
  it('their password is wrong or missing, or their user may not ask', async () => {
    await using sentinel = await startRedisSentinel({ replicas: 0 });
    const where = {
      name: sentinel.name,
      nodes: sentinel.addresses.map(({ host, port }) => `${host}:${port}`),
    };
    const start = 'no sentinel tells who the primary is: it';
    await assertRefused(
      { sentinel: { ...where, username: 'x', password: 'y' } },
      `${start} refuses the password or the user (WRONGPASS): see username and password under redis.sentinel`,
    );
    const command = 'sentinel|get-master-addr-by-name';
    for (const each of sentinel.sentinels) {
      await each.cli('ACL', 'SETUSER', 'deaf', 'on', '>pw', '+@all', '&*', `-${command}`);
    }
    await assertRefused(
      { sentinel: { ...where, username: 'deaf', password: 'pw' } },
      `${start} does not let the user run ${command} (NOPERM): grant +${command}, see docs/redis.md`,
    );
  });

  it('they watch another primary: starts, and says so', async () => {
    await using sentinel = await startRedisSentinel({ replicas: 0 });
    const nodes = sentinel.addresses.map(({ host, port }) => `${host}:${port}`);
    await using gateway = await startGateway({ config: configOf({ sentinel: { name: 'other', nodes } }) });
    await eventually('it has said so', () =>
      gateway.stdout().includes('it watches no primary of that name: see redis.sentinel.name'),
    );
  });
});

describe('Redis changes its mind while the gateway runs', { concurrency: 2 }, () => {
  const CHANGES: readonly (readonly [name: string, rules: readonly string[], said: RegExp])[] = [
    ['a command', ['-evalsha'], /it does not let the user run evalsha \(NOPERM\)/],
    ['a command of the scripts', ['-get'], /it does not let the user run all commands of the scripts/],
    ['the keys', ['resetkeys'], /it does not let the user touch these keys \(NOPERM\)/],
  ];
  for (const [name, rules, said] of CHANGES) {
    it(`${name}: one warning names it, policies decide, and it counts again when it may`, async () => {
      await using redis = await startRedis();
      await redis.cli('ACL', 'SETUSER', 'bob', ...USER);
      await using upstream = await startUpstream();
      await using gateway = await startGateway({ config: configOf(as('bob:pw', redis), upstream.url) });
      assert.equal((await request({ port: gateway.port })).status, 200);
      await redis.cli('ACL', 'SETUSER', 'bob', ...rules);
      const lines = (): { msg: string; reason?: string }[] =>
        gateway
          .stdout()
          .split('\n')
          .filter((line) => line.startsWith('{') && line.includes('redis'))
          .map((line) => JSON.parse(line) as { msg: string; reason?: string });
      await eventually('it has said so', async () => {
        await request({ port: gateway.port });
        return lines().length > 0;
      });
      assert.equal(lines()[0]?.msg, 'redis: the server cannot count; failure policies decide until it can');
      assert.match(lines()[0]?.reason ?? '', said);
      assert.equal(gateway.exit(), undefined);
      await redis.cli('ACL', 'SETUSER', 'bob', ...USER);
      await eventually('it counts again', () => lines().length > 1);
      assert.equal(lines()[1]?.msg, 'redis: the server counts again');
    });
  }
});
