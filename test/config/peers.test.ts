/** What the `peers` and `etcd` blocks become, and the files that they name. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';
import { diffConfigs } from '../../src/config/diff.ts';
import { formatFault } from '../../src/config/faults.ts';
import { loadConfig } from '../../src/config/load.ts';
import { planReload } from '../../src/config/plan.ts';
import type { Config } from '../../src/config/types.ts';
import { SMALL } from './fixtures.ts';

const PEERS = { listen: '127.0.0.1:7946', discovery: { dns: 'peers.internal' } };
const ETCD = { endpoints: ['http://10.0.0.1:2379'] };

function load(blocks: object, sharing?: string, file = 'f.yaml') {
  const limits = sharing === undefined ? SMALL : `${SMALL}    sharing: ${sharing}\n`;
  const head = Object.entries(blocks).map(([name, block]) => `${name}: ${JSON.stringify(block)}\n`);
  return loadConfig(head.join('') + limits, file, {});
}

function configOf(blocks: object, sharing?: string, file?: string): Config {
  const result = load(blocks, sharing, file);
  assert.ok('config' in result, 'faults' in result ? result.faults.map(formatFault).join('\n') : '');
  return result.config;
}

function faultsOf(blocks: object, sharing?: string, file?: string): readonly string[] {
  const result = load(blocks, sharing, file);
  return 'faults' in result ? result.faults.map(({ code, path }) => `${code} ${path}`) : [];
}

test('the least of peers: loopback, no secret, defaults for the rest', () => {
  assert.deepEqual(configOf({ peers: PEERS }).peers, {
    listen: { host: '127.0.0.1', port: 7946 },
    advertise: { host: '127.0.0.1', port: 7946 },
    secret: undefined,
    transport: 'udp',
    intervalMs: 100,
    fanout: 3,
    leaders: undefined,
    forgetAfterMs: 600_000,
    discovery: { kind: 'dns', name: 'peers.internal', port: 7946 },
  });
});

test('hosts behind a name listen on the advertised port, unless the name says another', () => {
  const found = (dns: string) =>
    configOf({ peers: { ...PEERS, listen: '127.0.0.1:1', advertise: '127.0.0.1:2', discovery: { dns } } }).peers
      ?.discovery;
  assert.deepEqual(found('a.b.'), { kind: 'dns', name: 'a.b.', port: 2 });
  assert.deepEqual(found('a.b:3'), { kind: 'dns', name: 'a.b', port: 3 });
  for (const dns of ['10.0.0.1', 'a b', 'a:0', 'a:65536', ':1', '-a']) {
    assert.deepEqual(faultsOf({ peers: { ...PEERS, discovery: { dns } } }), ['bad-dns-name peers/discovery/dns'], dns);
  }
});

test('a list of hosts starts at the configuration’s directory, and must be there', (t) => {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-peers-'));
  t.after(() => rmSync(directory, { recursive: true }));
  writeFileSync(join(directory, 'hosts'), '');
  mkdirSync(join(directory, 'folder'));
  const of = (file: string) => ({ peers: { ...PEERS, discovery: { file } } });
  const config = join(directory, 'sluice.yaml');
  assert.deepEqual(configOf(of('hosts'), 'mesh', config).peers?.discovery, {
    kind: 'file',
    file: join(directory, 'hosts'),
  });
  const absolute = resolve(directory, 'hosts');
  assert.deepEqual(configOf(of(absolute), 'mesh').peers?.discovery, { kind: 'file', file: absolute });
  for (const file of ['none', 'folder']) {
    assert.deepEqual(faultsOf(of(file), 'mesh', config), ['bad-file peers/discovery/file']);
  }
});

test('a secret is required unless only this machine can talk to the host, and may be anything long', () => {
  const secret = 'sixteen letters!';
  const of = (listen: string, more: object = {}) => ({ peers: { ...PEERS, listen, ...more } });
  assert.deepEqual(faultsOf(of('[::1]:7946')), []);
  assert.deepEqual(faultsOf(of('127.0.0.9:7946')), []);
  assert.deepEqual(faultsOf(of('10.0.0.1:7946')), ['open-peers peers/listen']);
  assert.deepEqual(faultsOf(of('10.0.0.1:7946', { secret })), []);
  assert.deepEqual(faultsOf(of('[::]:7946', { secret })), ['bad-advertise peers/listen']);
  assert.deepEqual(faultsOf(of('[::]:7946', { secret, advertise: '[::]:7946' })), ['bad-advertise peers/advertise']);
  assert.deepEqual(faultsOf(of('0.0.0.0:7946', { secret, advertise: 'host-1.internal:7946' })), []);
  // Several instances of one machine behind one wildcard.
  assert.deepEqual(faultsOf(of('0.0.0.0:7946', { secret, advertise: '127.0.0.1:7946' })), []);
});

test('each sharing needs what it works with', () => {
  const needs: Readonly<Record<string, readonly string[]>> = {
    mesh: ['no-peers limits/per-client/sharing'],
    gossip: ['no-peers limits/per-client/sharing'],
    'random-leaders': ['no-peers limits/per-client/sharing'],
    leader: ['no-etcd limits/per-client/sharing', 'no-peers limits/per-client/sharing'],
  };
  for (const [sharing, faults] of Object.entries(needs)) {
    assert.deepEqual([...faultsOf({}, sharing)].sort(), faults, sharing);
    assert.deepEqual(faultsOf({ peers: PEERS, etcd: ETCD }, sharing), [], sharing);
    assert.equal(configOf({ peers: PEERS, etcd: ETCD }, sharing).limits.get('per-client')?.sharing, sharing);
  }
  // Peers alone change nothing for a limit that does not ask for them.
  assert.equal(configOf({ peers: PEERS }).limits.get('per-client')?.sharing, 'local');
});

test('a block that cannot be read is not called missing', () => {
  assert.deepEqual(faultsOf({ peers: { ...PEERS, fanout: 'x' }, etcd: { endpoints: [] } }, 'leader'), [
    'wrong-type peers/fanout',
    'empty-list etcd/endpoints',
  ]);
});

test('etcd: endpoints get their port, and https turns TLS on', () => {
  const etcd = (block: object) => configOf({ etcd: block }).etcd;
  assert.deepEqual(etcd({ endpoints: ['http://a', 'http://b:80', 'http://[::1]:1/'], prefix: 'shop' }), {
    endpoints: ['http://a:2379', 'http://b:80', 'http://[::1]:1'],
    username: undefined,
    password: undefined,
    tls: undefined,
    prefix: 'shop',
  });
  assert.deepEqual(etcd({ endpoints: ['https://a:443'], tls: { servername: 'etcd.internal' } }), {
    endpoints: ['https://a:443'],
    username: undefined,
    password: undefined,
    tls: { ca: undefined, cert: undefined, key: undefined, servername: 'etcd.internal' },
    prefix: 'sluice',
  });
});

test('a change of peers or etcd needs a restart, and shows no secret', () => {
  const before = configOf({ peers: PEERS, etcd: ETCD }, 'leader');
  const secret = 'a secret of some length';
  const peers = { ...PEERS, secret, interval: '50ms', discovery: { registry: 'etcd' } };
  const after = configOf({ peers, etcd: { ...ETCD, username: 'u', password: 'hunter2' } }, 'leader');
  const changes = diffConfigs(before, after);
  assert.deepEqual(
    changes.map(({ text }) => text),
    [
      'peers.interval 100ms → 50ms',
      'peers.discovery dns peers.internal:7946 → registry etcd',
      'etcd.username none → u',
      'peers.secret set',
      'etcd.password set',
    ],
  );
  assert.ok(changes.every(({ needsRestart }) => needsRestart));
  const plan = planReload(before, after);
  assert.ok('config' in plan);
  assert.deepEqual([plan.config.peers, plan.config.etcd], [before.peers, before.etcd]);
});

test('a reload is refused where a limit wants to be shared through what the process started without', () => {
  const refusal = (before: Config, after: Config): string => {
    const plan = planReload(before, after);
    return 'refused' in plan ? plan.refused : 'taken';
  };
  const [bare, peers, both] = [
    configOf({}),
    configOf({ peers: PEERS }),
    configOf({ peers: PEERS, etcd: ETCD }, 'leader'),
  ];
  assert.match(refusal(bare, both), /^limit per-client is shared through peers, which this process started without/);
  assert.match(refusal(peers, both), /^limit per-client is shared through leaders that etcd elects, which/);
  assert.equal(refusal(both, both), 'taken');
  assert.equal(refusal(peers, configOf({ peers: PEERS }, 'gossip')), 'taken');
});
