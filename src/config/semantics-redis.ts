/** Which keys of the `redis` block go together, and whether the files that it names are there. */
import type { RedisUrl } from './redis-url.ts';
import type { RedisShape } from './schema-redis.ts';
import { checkTlsFiles, checkUser } from './semantics-tls.ts';
import type { Subject } from './subject.ts';

const WAYS = ['url', 'cluster', 'sentinel'] as const;

export function checkRedis(subject: Subject): void {
  const { redis } = subject.file;
  if (redis === undefined) return;
  checkServers(subject);
  checkUrls(redis, subject);
  checkCredentials(redis, subject);
  checkTls(redis, subject);
}

function checkServers({ places, faults }: Subject): void {
  const [first, ...others] = WAYS.filter((way) => places.written(`redis/${way}`));
  for (const other of others) {
    faults.add(places.keyAt(`redis/${other}`), `redis/${other}`, {
      code: 'redis-servers',
      message: `redis has ${first} and ${other}`,
      hint: 'url is one server, cluster a Redis Cluster, sentinel a primary watched by sentinels: keep one of them',
    });
  }
  if (first !== undefined || WAYS.some((way) => places.lost(`redis/${way}`))) return;
  faults.add(places.keyAt('redis'), 'redis', {
    code: 'redis-servers',
    message: 'redis names no server',
    hint: 'one of url, cluster and sentinel; for example url: redis://127.0.0.1:6379',
  });
}

/** What is sound of the list: its place and its URL. */
function* clusterUrls(redis: RedisShape, { places }: Subject): Generator<readonly [path: string, url: RedisUrl]> {
  for (const [i, url] of (redis.cluster ?? []).entries()) {
    const path = `redis/cluster/${i}`;
    if (url !== undefined && !places.tainted(path)) yield [path, url];
  }
}

function checkUrls(redis: RedisShape, subject: Subject): void {
  const { places, faults } = subject;
  const fault = (path: string, message: string, hint: string): void =>
    faults.add(places.valueAt(path), path, { code: 'redis-cluster', message, hint });
  let first: RedisUrl | undefined;
  let named: RedisUrl | undefined;
  for (const [path, url] of clusterUrls(redis, subject)) {
    first ??= url;
    if (url.database !== undefined && url.database !== 0) {
      fault(path, 'a Redis Cluster has no databases', 'remove the number at the end');
    }
    if (url.tls !== first.tls) {
      fault(path, 'some of these URLs are for TLS and some are not', 'write rediss:// in all of them, or in none');
    }
    if (url.password === undefined) continue;
    named ??= url;
    if (url.username !== named.username || url.password !== named.password) {
      fault(path, 'this URL has other credentials than the one before', 'all nodes of a cluster are asked as one user');
    }
  }
}

function checkCredentials(redis: RedisShape, subject: Subject): void {
  const { places, faults } = subject;
  for (const block of ['redis', 'redis/sentinel']) checkUser(block, 'redis-credentials', subject);
  const url = places.tainted('redis/url') ? undefined : redis.url;
  const urls = [url, ...[...clusterUrls(redis, subject)].map(([, each]) => each)];
  if (urls.every((each) => each?.password === undefined)) return;
  for (const key of ['username', 'password']) {
    const path = `redis/${key}`;
    if (!places.written(path)) continue;
    faults.add(places.keyAt(path), path, {
      code: 'redis-credentials',
      message: `the URL has credentials, and there is a ${key} beside it`,
      hint: 'write them in one place',
    });
  }
}

function checkTls(redis: RedisShape, subject: Subject): void {
  const { places, faults } = subject;
  const { tls } = redis;
  if (tls === undefined) return;
  const url = places.tainted('redis/url') ? undefined : redis.url;
  const first = url ?? [...clusterUrls(redis, subject)][0]?.[1];
  if (first?.tls === false) {
    faults.add(places.keyAt('redis/tls'), 'redis/tls', {
      code: 'redis-tls',
      message: 'there is a tls block, and the URL is for plain TCP',
      hint: 'write rediss:// in the URL',
    });
  }
  checkTlsFiles('redis', tls, 'redis-tls', subject);
}
