/** Names are looked up as the system does it; what the system says is changed by other files in place of those in /etc, in a mount namespace of its own. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { it } from 'node:test';
import { DnsDiscovery } from '../../../src/cluster/discovery/dns.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { DnsServer } from '../../support/dns-server.ts';
import { eventually } from '../../support/eventually.ts';

const PROCESS = new URL('dns-process.ts', import.meta.url).pathname;
/** No other test uses it. */
const NAME_SERVER = '127.0.53.7';

function isPossible(): string | false {
  if (process.getuid?.() !== 0) return 'needs root';
  return spawnSync('unshare', ['-m', 'true']).status === 0 ? false : 'needs mount namespaces';
}
const skip = isPossible();

/** A discovery in a process that sees these files in /etc. */
function looking(t: TestContext, name: string, etc: Readonly<Record<string, string>>) {
  const directory = mkdtempSync(join(tmpdir(), 'sluice-dns-'));
  const put = (file: string, text: string): void => writeFileSync(join(directory, file), text);
  for (const [file, text] of Object.entries(etc)) put(file, text);
  const mounts = Object.keys(etc).map((file) => `mount --bind ${join(directory, file)} /etc/${file} && `);
  const command = `${mounts.join('')}exec ${process.execPath} ${PROCESS} ${name} 7946`;
  const child = spawn('unshare', ['-m', 'sh', '-c', command], { stdio: ['pipe', 'pipe', 'inherit'] });
  const said: unknown[] = [];
  createInterface(child.stdout).on('line', (line) => said.push(JSON.parse(line)));
  t.after(() => {
    child.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  });
  const until = (count: number) => eventually(`${count} lines of ${JSON.stringify(said)}`, () => said.length >= count);
  return { said, put, until, child };
}

it('localhost has its addresses, each with the port', async (t) => {
  const discovery = new DnsDiscovery({ name: 'localhost', port: 7946, clock: systemClock, logger: silentLogger });
  t.after(() => discovery.stop());
  const lists: (readonly string[])[] = [];
  await discovery.start((hosts) => void lists.push(hosts));
  assert.equal(lists.length, 1);
  assert.ok(lists[0]?.includes('127.0.0.1:7946'), String(lists[0]));
  for (const host of lists[0] ?? []) assert.match(host, /^(127\.0\.0\.1|\[::1\]):7946$/);
});

it('a name in /etc/hosts is looked up again and again', { skip }, async (t) => {
  const { said, put, until, child } = looking(t, 'sluice-peers.test', {
    hosts: '10.1.0.2 sluice-peers.test\n10.1.0.1 sluice-peers.test\n2001:db8::1 sluice-peers.test\n',
    'resolv.conf': '',
  });
  await until(1);
  put('hosts', '10.1.0.3 sluice-peers.test\n');
  await until(2);
  child.stdin.end();
  await until(3);
  assert.deepEqual(said, [
    { hosts: ['10.1.0.1:7946', '10.1.0.2:7946', '[2001:db8::1]:7946'] },
    { hosts: ['10.1.0.3:7946'] },
    { stopped: true },
  ]);
});

it('a name server is asked for A and AAAA; while it fails, what it said last stays', { skip }, async (t) => {
  const server = await DnsServer.start(NAME_SERVER);
  t.after(() => server.stop());
  const name = 'sluice-peers.ns.svc.test';
  server.names.set(name, ['10.1.0.1', '2001:db8::2', '10.1.0.2']);
  const { said, until } = looking(t, name, {
    hosts: '127.0.0.1 localhost\n',
    'resolv.conf': `nameserver ${NAME_SERVER}\noptions timeout:1 attempts:1\n`,
  });
  await until(1);
  server.names.set(name, ['10.1.0.2', '2001:db8::2', '10.1.0.1']);
  const { asked } = server;
  await eventually('more questions', () => server.asked > asked + 6);
  server.fails = true;
  await until(2);
  server.names.delete(name);
  server.fails = false;
  const before = server.asked;
  await eventually('more questions', () => server.asked > before + 6);
  server.names.set(name, ['10.1.0.9']);
  await until(4);
  const all = { hosts: ['10.1.0.1:7946', '10.1.0.2:7946', '[2001:db8::2]:7946'] };
  assert.deepEqual(said, [
    all,
    { log: `peers: ${name} cannot be looked up; the hosts known from it stay` },
    { log: `peers: ${name} can be looked up again` },
    { hosts: ['10.1.0.9:7946'] },
  ]);
});

it('a name that does not exist is told of and does not hold up the start', async (t) => {
  const warnings: string[] = [];
  const logger = { ...silentLogger, warn: (_fields: object, message: string) => void warnings.push(message) };
  const discovery = new DnsDiscovery({ name: 'nobody.invalid', port: 1, clock: systemClock, logger, intervalMs: 20 });
  t.after(() => discovery.stop());
  await discovery.start(() => assert.fail('nobody is there'));
  await eventually('a warning', () => warnings.length > 0, { within: 20_000 });
  assert.deepEqual(warnings, ['peers: nobody.invalid cannot be looked up; the hosts known from it stay']);
});
