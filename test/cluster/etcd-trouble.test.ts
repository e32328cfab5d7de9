import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { after, before, describe, it } from 'node:test';
import { EtcdClient } from '../../src/cluster/etcd/client.ts';
import type { EtcdAccess } from '../../src/cluster/etcd/connection.ts';
import { systemClock } from '../../src/core/clock.ts';
import type { Certificates } from '../support/certificates.ts';
import { createCertificates } from '../support/certificates.ts';
import type { Etcd } from '../support/etcd.ts';
import { startEtcd } from '../support/etcd.ts';
import { eventually } from '../support/eventually.ts';
import { freePort } from '../support/free-port.ts';
import { startRelay } from '../support/relay.ts';
import { accessTo, agreed, startHost } from './election/hosts.ts';

/** What a call says that fails. */
async function complaint(access: EtcdAccess): Promise<string> {
  const client = new EtcdClient({ access, clock: systemClock });
  try {
    await client.read('sluice/');
    return 'nothing';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    client.close();
  }
}

describe('an etcd that is not there', { timeout: 60_000 }, () => {
  it('is no fault of a start; it is told of once, and elections begin when it comes', async () => {
    await using etcd = await startEtcd();
    await etcd.kill9();
    await using a = await startHost(etcd, 'a');
    await using b = await startHost(etcd, 'b', { access: accessTo(`http://127.0.0.1:${etcd.port}`) });
    assert.equal(a.leadership.leaderOf(0), undefined);
    await eventually('it is told', () => b.log.length > 0);
    await etcd.restart();
    await eventually('they agree', () => agreed([a, b]), { within: 5_000 });
    assert.deepEqual(b.log, [
      {
        level: 'warn',
        message: 'etcd: no election and no news of leaders',
        reason: `connect ECONNREFUSED 127.0.0.1:${etcd.port}`,
      },
      { level: 'info', message: 'etcd: leaders are known again', reason: undefined },
    ]);
  });

  it('a start does not wait for one that hangs, nor does a stop', async () => {
    await using etcd = await startEtcd();
    etcd.freeze();
    const began = performance.now();
    const host = await startHost(etcd, 'a');
    await host[Symbol.asyncDispose]();
    assert.ok(performance.now() - began < 3_000);
    assert.deepEqual(
      host.log.map(({ reason }) => reason),
      ['it does not answer'],
    );
  });

  it('one of several endpoints is enough', async () => {
    await using etcd = await startEtcd();
    const dead = `http://127.0.0.1:${await freePort()}`;
    await using relay = await startRelay(etcd.port);
    relay.cut();
    const silent = `http://127.0.0.1:${relay.port}`;
    await using host = await startHost(etcd, 'a', { access: accessTo(dead, silent, etcd.endpoint) });
    await eventually('it leads', () => agreed([host]));
  });

  it('something else answers there', async () => {
    const server = createServer((_request, response) => response.end('hello'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    assert.match(await complaint(accessTo(`http://127.0.0.1:${port}`)), /^etcd: what answers there is not etcd/);
    server.close();
  });
});

describe('an etcd with users', { timeout: 60_000 }, () => {
  let etcd: Etcd;
  const root = ['--user', 'root:pw'];
  before(async () => {
    etcd = await startEtcd();
    await etcd.ctl('user', 'add', 'root:pw');
    await etcd.ctl('user', 'grant-role', 'root', 'root');
    await etcd.ctl('user', 'add', 'sluice:s3cret');
    await etcd.ctl('user', 'add', 'stranger:pw');
    await etcd.ctl('role', 'add', 'sluice');
    await etcd.ctl('role', 'grant-permission', 'sluice', 'readwrite', '--prefix=true', 'sluice/');
    await etcd.ctl('user', 'grant-role', 'sluice', 'sluice');
    await etcd.ctl('auth', 'enable');
  });
  after(() => etcd.stop());

  it('a user with readwrite on the prefix can do everything', async () => {
    const access = { username: 'sluice', password: 's3cret' };
    await using a = await startHost(etcd, 'a', { access });
    await using b = await startHost(etcd, 'b', { access });
    await eventually('they agree', () => agreed([a, b]));
    const leader = a.leadership.leading(0) === undefined ? b : a;
    await leader.leadership.stop();
    await eventually('another leads', () => agreed(leader === a ? [b] : [a]));
    // Tokens are kept in memory and do not outlive a restart.
    await etcd.restart();
    await eventually('they agree again', () => agreed(leader === a ? [b] : [a]), { within: 5_000 });
    for (const line of [...a.log, ...b.log]) assert.doesNotMatch(line.reason ?? '', /token|user/);
  });

  it('says what is wrong, once, and mends itself when it is put right', async () => {
    const access = { username: 'sluice', password: 'wrong' };
    await using host = await startHost(etcd, 'a', { access });
    assert.deepEqual(
      host.log.map(({ reason }) => reason),
      ['it refuses the user or the password: see etcd.username and etcd.password'],
    );
    await etcd.ctl(...root, 'user', 'delete', 'sluice');
    await etcd.ctl(...root, 'user', 'add', 'sluice:wrong');
    await etcd.ctl(...root, 'user', 'grant-role', 'sluice', 'sluice');
    await eventually('it leads', () => agreed([host]), { within: 10_000 });
    assert.equal(host.log.length, 2);
  });

  it('a user who may not, and none where one is wanted', async () => {
    const access = accessTo(etcd.endpoint);
    assert.equal(
      await complaint({ ...access, username: 'stranger', password: 'pw' }),
      'etcd: it does not let the user touch these keys: grant readwrite on the prefix <etcd.prefix>/',
    );
    assert.equal(await complaint(access), 'etcd: it wants a user and a password: see etcd.username and etcd.password');
  });

  it('users configured here before they are there', async () => {
    await using open = await startEtcd();
    assert.equal(await complaint({ ...accessTo(open.endpoint), username: 'sluice', password: 'pw' }), 'nothing');
  });
});

describe('an etcd with TLS', { timeout: 60_000 }, () => {
  let certificates: Certificates;
  let etcd: Etcd;
  before(async () => {
    certificates = await createCertificates();
    etcd = await startEtcd({ tls: certificates });
  });
  after(async () => {
    await etcd.stop();
    certificates.remove();
  });
  const tls = (ca: string | undefined, servername?: string): EtcdAccess['tls'] => ({
    ca,
    cert: undefined,
    key: undefined,
    servername,
  });

  it('is talked to, under its own name or another', async () => {
    const ca = readFileSync(certificates.ca, 'utf8');
    assert.equal(await complaint({ ...accessTo(etcd.endpoint), tls: tls(ca) }), 'nothing');
    assert.equal(await complaint({ ...accessTo(etcd.endpoint), tls: tls(ca, 'redis.test') }), 'nothing');
  });

  it('says what is wrong with it', async () => {
    const ca = readFileSync(certificates.ca, 'utf8');
    const of = (access: Partial<EtcdAccess>): Promise<string> => complaint({ ...accessTo(etcd.endpoint), ...access });
    assert.equal(await of({}), 'etcd: its certificate is not trusted: see etcd.tls.ca');
    assert.match(await of({ tls: tls(ca, 'other.test') }), /its certificate is for another name/);
    assert.match(await of({ tls: tls('nonsense') }), /^etcd: [^\n]+$/);
    assert.match(await of({ endpoints: [`http://127.0.0.1:${etcd.port}`] }), /is not etcd, or wants TLS/);
    await using plain = await startEtcd();
    const wrong = accessTo(plain.endpoint.replace('http:', 'https:'));
    // Which of the two depends on whether its answer or its reset is read first.
    assert.match(await complaint(wrong), /before TLS is agreed upon|resets the connection/);
  });
});
