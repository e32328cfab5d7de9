import assert from 'node:assert/strict';
import { after, afterEach, before, beforeEach, describe, it } from 'node:test';
import { EtcdRegistry } from '../../../src/cluster/discovery/etcd-registry.ts';
import type { RegistryStore } from '../../../src/cluster/discovery/registry.ts';
import { Registry } from '../../../src/cluster/discovery/registry.ts';
import { EtcdClient } from '../../../src/cluster/etcd/client.ts';
import { systemClock } from '../../../src/core/clock.ts';
import { StoreError } from '../../../src/core/errors.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import { VirtualClock } from '../../../src/core/virtual-clock.ts';
import { RedisConnection } from '../../../src/redis/connection.ts';
import { keyLayout } from '../../../src/redis/keys.ts';
import { loadScript } from '../../../src/redis/lua-script-loader.ts';
import { PeerRegistry } from '../../../src/redis/peer-registry.ts';
import type { Etcd } from '../../support/etcd.ts';
import { startEtcd } from '../../support/etcd.ts';
import { eventually } from '../../support/eventually.ts';
import type { Redis } from '../../support/redis.ts';
import { NO_ACCESS, startRedis } from '../../support/redis.ts';
import { startRelay } from '../../support/relay.ts';
import type { Line } from '../election/hosts.ts';
import { accessTo, loggerTo } from '../election/hosts.ts';

interface Host {
  readonly address: string;
  readonly registry: Registry;
  /** What it was told last; undefined before the first time. */
  readonly found: () => readonly string[] | undefined;
  readonly log: readonly Line[];
  /** Falls silent without leaving, as if it had died. */
  die(): Promise<void>;
}

interface Server {
  kill9(): Promise<void>;
  restart(options?: { readonly empty?: boolean }): Promise<void>;
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
  readonly port: number;
}

/** A store for one host, whose server is at `port`. */
type Join = (port: number) => Promise<{ store: RegistryStore; close: () => void }>;

async function joinEtcd(port: number): ReturnType<Join> {
  const client = new EtcdClient({ access: accessTo(`http://127.0.0.1:${port}`), clock: systemClock });
  const store = new EtcdRegistry({ client, prefix: 'sluice', clock: systemClock });
  return { store, close: () => client.close() };
}

async function joinRedis(port: number): ReturnType<Join> {
  const connection = new RedisConnection({
    address: { host: '127.0.0.1', port, database: 0 },
    access: NO_ACCESS,
    timeoutMs: 1_000,
    clientName: 'test',
    clock: systemClock,
    logger: silentLogger,
  });
  await connection.start();
  const store = new PeerRegistry({ runner: connection, script: loadScript('peer_registry'), keys: keyLayout('team') });
  return { store, close: () => connection.close() };
}

function registrySuite(source: string, startServer: () => Promise<Server>, join: Join): void {
  describe(`a registry in ${source}`, { timeout: 120_000 }, () => {
    let server: Server;
    let closing: (() => Promise<void>)[] = [];
    before(async () => {
      server = await startServer();
    });
    after(() => server.stop());
    beforeEach(() => {
      closing = [];
    });
    afterEach(async () => {
      await Promise.all(closing.map((close) => close()));
    });

    const start = async (address: string): Promise<Host> => {
      const relay = await startRelay(server.port);
      const { store, close } = await join(relay.port);
      const log: Line[] = [];
      const registry = new Registry({ source, store, address, clock: systemClock, logger: loggerTo(log) });
      let found: readonly string[] | undefined;
      await registry.start((addresses) => {
        found = addresses;
      });
      let died = false;
      closing.push(async () => {
        if (!died) await registry.stop();
        close();
        await relay[Symbol.asyncDispose]();
      });
      const die = async (): Promise<void> => {
        died = true;
        relay.cut();
        await registry.stop();
      };
      return { address, registry, found: () => found, log, die };
    };
    const all = (hosts: readonly Host[], ...addresses: readonly string[]): Promise<unknown> =>
      eventually(
        `${addresses.join(' and ')} are found`,
        () => hosts.every(({ found }) => found()?.join() === addresses.join()),
        { within: 10_000 },
      );

    it('hosts find each other; one that leaves is out at once, one that dies when its lease ends', async () => {
      const a = await start('10.0.0.1:7946');
      assert.deepEqual(a.found(), [a.address], 'at once');
      const b = await start('10.0.0.2:7946');
      const c = await start('[fd00::3]:7946');
      await all([a, b, c], a.address, b.address, c.address);
      const left = performance.now();
      await b.registry.stop();
      await all([a, c], a.address, c.address);
      assert.ok(performance.now() - left < 3_000, 'one beat later');
      await c.die();
      const died = performance.now();
      await all([a], a.address);
      assert.ok(performance.now() - died > 1_000, 'its lease was waited for');
      const again = await start(c.address);
      await all([a, again], a.address, c.address);
    });

    it('what was found stays while it is away, and until all have come back to it', async () => {
      const hosts = await Promise.all(['a:1', 'b:1', 'c:1'].map((address) => start(address)));
      await all(hosts, 'a:1', 'b:1', 'c:1');
      const told: string[] = [];
      for (const { found, address } of hosts) {
        const timer = setInterval(() => {
          const now = found()?.join() ?? '';
          if (now !== 'a:1,b:1,c:1') told.push(`${address} was told of ${now}`);
        }, 5);
        closing.push(async () => clearInterval(timer));
      }
      server.freeze();
      await eventually('it is told', () => hosts.every(({ log }) => log.length > 0));
      server.thaw();
      await eventually('it is told', () => hosts.every(({ log }) => log.length > 1), { within: 10_000 });
      await server.kill9();
      await server.restart({ empty: true });
      const late = await start('d:1');
      await eventually('all are back', () => late.found()?.length === 4, { within: 10_000 });
      assert.deepEqual(
        told.filter((line) => !line.endsWith('a:1,b:1,c:1,d:1')),
        [],
      );
      for (const { log } of hosts) {
        assert.equal(
          log[0]?.message,
          `peers: the registry in ${source} does not answer; the hosts it told of last stay`,
        );
        assert.equal(log[1]?.message, `peers: the registry in ${source} answers again`);
      }
    });

    it('neither start nor stop wait for one that is frozen', async () => {
      server.freeze();
      const began = performance.now();
      const host = await start('a:1');
      assert.equal(host.found(), undefined);
      await host.registry.stop();
      assert.ok(performance.now() - began < 12_000);
      server.thaw();
    });
  });
}

registrySuite('etcd', (): Promise<Etcd> => startEtcd(), joinEtcd);
registrySuite('redis', (): Promise<Redis> => startRedis(), joinRedis);

describe('a registry', () => {
  it('beats each second, one beat at a time, and tells of changes only', async () => {
    const clock = new VirtualClock();
    const asked: string[] = [];
    let answer: (roll: { addresses: readonly string[]; joined: boolean }) => void = () => {};
    const store: RegistryStore = {
      beat: (address, leaseMs) => {
        asked.push(`${address} ${leaseMs}`);
        return new Promise((resolve) => {
          answer = resolve;
        });
      },
      leave: () => Promise.reject(new StoreError('SLUICE_STORE_TIMEOUT', 'late')),
    };
    const found: string[] = [];
    const registry = new Registry({ source: 'redis', store, address: 'a:1', clock, logger: silentLogger });
    const started = registry.start((addresses) => void found.push(addresses.join()));
    answer({ addresses: ['b:1', 'a:1'], joined: true });
    await started;
    clock.advance(2_500);
    assert.deepEqual(asked, ['a:1 5000', 'a:1 5000'], 'the second has no answer yet');
    answer({ addresses: ['a:1', 'b:1'], joined: false });
    await new Promise(setImmediate);
    clock.advance(600);
    assert.equal(asked.length, 3);
    answer({ addresses: ['a:1'], joined: false });
    await new Promise(setImmediate);
    assert.deepEqual(found, ['a:1,b:1', 'a:1']);
    await registry.stop();
    clock.advance(5_000);
    assert.equal(asked.length, 3);
  });
});
