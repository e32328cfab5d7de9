/** What the `redis` block becomes, and the files that it names. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it, test } from 'node:test';
import { formatFault } from '../../src/config/faults.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { RedisConfig } from '../../src/config/types.ts';
import type { Certificates } from '../support/certificates.ts';
import { createCertificates } from '../support/certificates.ts';
import { SMALL } from './fixtures.ts';

function load(redis: object, file = 'f.yaml') {
  return loadConfig(`redis: ${JSON.stringify(redis)}\n${SMALL}`, file, {});
}

function redisOf(redis: object, file?: string): RedisConfig {
  const result = load(redis, file);
  assert.ok('config' in result, 'faults' in result ? result.faults.map(formatFault).join('\n') : '');
  assert.ok(result.config.redis);
  return result.config.redis;
}

function faultsOf(redis: object, file?: string): readonly string[] {
  const result = load(redis, file);
  return 'faults' in result ? result.faults.map(({ path, message }) => `${path}: ${message}`) : [];
}

test('one server: address, credentials and database come out of the URL', () => {
  const { servers, username, password, tls } = redisOf({ url: 'redis://u%40x:p%3a%2F@[::1]/7' });
  assert.deepEqual(servers, { kind: 'single', address: { host: '::1', port: 6379 }, database: 7 });
  assert.deepEqual([username, password, tls], ['u@x', 'p:/', undefined]);
  assert.deepEqual(redisOf({ url: 'redis://:only@h:1' }).password, 'only');
  assert.deepEqual(redisOf({ url: 'redis://h', username: 'u', password: 'p' }).username, 'u');
});

test('rediss:// means TLS, in any case, with or without a tls block', () => {
  const nothing = { ca: undefined, cert: undefined, key: undefined, servername: undefined };
  assert.deepEqual(redisOf({ url: 'rediss://h' }).tls, nothing);
  assert.deepEqual(redisOf({ url: 'REDISS://h' }).tls, nothing);
  assert.deepEqual(redisOf({ url: 'rediss://h', tls: {} }).tls, nothing);
  assert.deepEqual(redisOf({ cluster: ['rediss://h'] }).tls, nothing);
  assert.deepEqual(redisOf({ sentinel: { name: 'm', nodes: ['h:1'] } }).tls, undefined);
  assert.deepEqual(redisOf({ sentinel: { name: 'm', nodes: ['h:1'] }, tls: {} }).tls, nothing);
});

test('a cluster: nodes, and credentials from wherever they stand', () => {
  const nodes = [
    { host: 'a', port: 1 },
    { host: 'b', port: 6379 },
  ];
  const inUrl = redisOf({ cluster: ['redis://a:1', 'redis://u:p@b/0'] });
  assert.deepEqual([inUrl.servers, inUrl.username, inUrl.password], [{ kind: 'cluster', nodes }, 'u', 'p']);
  const beside = redisOf({ cluster: ['redis://a:1', 'redis://b'], username: 'u', password: 'p' });
  assert.deepEqual(beside, inUrl);
});

test('sentinels have credentials of their own', () => {
  const sentinel = { name: 'main', nodes: ['a:1', '[::1]:2'], username: 's', password: 'sp' };
  const { servers, username, password } = redisOf({ sentinel, username: 'u', password: 'p' });
  const nodes = [
    { host: 'a', port: 1 },
    { host: '::1', port: 2 },
  ];
  assert.deepEqual(servers, { kind: 'sentinel', name: 'main', nodes, username: 's', password: 'sp' });
  assert.deepEqual([username, password], ['u', 'p']);
});

test('a damaged part hides no other fault and brings no false one', () => {
  assert.deepEqual(faultsOf({ url: 'http://h', tls: { cert: '' } }), [
    'redis/url: the Redis URL does not start with redis:// or rediss://',
    'redis/tls/cert: there is a cert and no key',
    'redis/tls/cert: "" is not the path of a file',
  ]);
  assert.deepEqual(faultsOf({ ulr: 'redis://h' }), ['redis: unknown key "ulr"']);
});

describe('files', () => {
  let files: Certificates;
  let config: string;
  before(async () => {
    files = await createCertificates();
    config = join(files.dir, 'sluice.yaml');
  });
  after(() => files.remove());
  const withTls = (tls: object): object => ({ url: 'rediss://h', tls });

  it('are read at load, from where the configuration is', () => {
    const { tls } = redisOf(withTls({ ca: 'ca.pem', cert: files.cert, key: 'server.key', servername: 'r.x' }), config);
    assert.match(tls?.ca ?? '', /BEGIN CERTIFICATE/);
    assert.match(tls?.cert ?? '', /BEGIN CERTIFICATE/);
    assert.match(tls?.key ?? '', /PRIVATE KEY/);
    assert.equal(tls?.servername, 'r.x');
  });

  it('go together', () => {
    assert.deepEqual(faultsOf(withTls({ cert: 'server.pem' }), config), ['redis/tls/cert: there is a cert and no key']);
    assert.deepEqual(faultsOf(withTls({ key: 'server.key' }), config), ['redis/tls/key: there is a key and no cert']);
    assert.deepEqual(faultsOf(withTls({ cert: 'ca.pem', key: 'server.key' }), config), [
      'redis/tls/key: the key belongs to another certificate',
    ]);
  });

  it('hold what they should', () => {
    writeFileSync(join(files.dir, 'cut.pem'), '-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
    writeFileSync(join(files.dir, 'locked.key'), '-----BEGIN ENCRYPTED PRIVATE KEY-----\n');
    assert.deepEqual(faultsOf(withTls({ ca: 'server.key', cert: 'cut.pem', key: 'locked.key' }), config), [
      'redis/tls/ca: "server.key" holds no certificate in PEM form',
      'redis/tls/cert: "cut.pem" holds a damaged certificate',
      'redis/tls/key: "locked.key" holds an encrypted key, which nobody could unlock at start',
    ]);
    assert.deepEqual(faultsOf(withTls({ ca: '/dev/zero' })), [
      'redis/tls/ca: "/dev/zero" cannot be read: it is no regular file',
    ]);
  });
});
