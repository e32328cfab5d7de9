/** Gateways are reloaded, replaced, added and taken away behind a real HAProxy under load, and no client notices. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventually } from '../support/eventually.ts';
import { portToKeep } from '../support/free-port.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import type { BalancedServer, Haproxy } from '../support/haproxy.ts';
import { startHaproxy } from '../support/haproxy.ts';
import { startUpstream } from '../support/http.ts';
import { metric } from '../support/metrics.ts';
import { startRedis } from '../support/redis.ts';
import { mostExcess } from './peers-fleet.ts';
import { RollingLoad, Service } from './rolling-load.ts';

/** Of key `early`, used up before anything happens, and of key `late`, used up after everything has. */
const EARLY = 15;
const LATE = 600;
const DAY_MS = 86_400_000;
const PER_SECOND = 100;
const INTERVAL_MS = 50;
const CHECK_EVERY_MS = 100;
/** A machine that is busy with all of these processes. */
const DELAY_MS = 300;
const WAIT = { within: 20_000, every: 20 } as const;

interface Slot extends BalancedServer {
  readonly peerPort: number;
}

async function makeSlot(name: string): Promise<Slot> {
  return { name, port: await portToKeep(), adminPort: await portToKeep(), peerPort: await portToKeep() };
}

function configOf(slot: Slot, redisUrl: string, upstreams: readonly string[]): object {
  const limit = { key: 'header:x-api-key', algorithm: 'fixed-window', rate: `${EARLY}/1d` };
  const overrides = [{ key: 'late', rate: `${LATE}/1d` }];
  return {
    listen: `127.0.0.1:${slot.port}`,
    admin: { listen: `127.0.0.1:${slot.adminPort}` },
    log: { level: 'warn', access: 'off' },
    // Several times what HAProxy takes to notice, and a short farewell to connections that it keeps and does not use.
    shutdownDelay: '1500ms',
    shutdownTimeout: '4s',
    redis: { url: redisUrl, timeout: '2s' },
    peers: {
      listen: `127.0.0.1:${slot.peerPort}`,
      interval: `${INTERVAL_MS}ms`,
      discovery: { registry: 'redis' },
    },
    upstreams: { app: { servers: upstreams } },
    routes: [
      { name: 'exact', match: { path: '/exact' }, upstream: 'app', limits: ['exact'] },
      { name: 'meshed', match: { path: '/meshed' }, upstream: 'app', limits: ['meshed'] },
      { name: 'free', match: { path: '/free/*' }, upstream: 'app' },
    ],
    limits: {
      exact: { ...limit, overrides, sharing: 'redis' },
      meshed: { ...limit, overrides, sharing: 'mesh' },
    },
  };
}

/** The gateways behind the balancer, each in a slot of its own, and what those that have ended had counted. */
class Fleet {
  readonly #haproxy: Haproxy;
  readonly #load: RollingLoad;
  readonly #service: Service;
  readonly #config: (slot: Slot) => object;
  readonly #running = new Map<Slot, Gateway>();
  readonly counted = { allowed: 0, denied: 0, error: 0 };

  constructor(haproxy: Haproxy, load: RollingLoad, service: Service, config: (slot: Slot) => object) {
    this.#haproxy = haproxy;
    this.#load = load;
    this.#service = service;
    this.#config = config;
  }

  get gateways(): readonly Gateway[] {
    return [...this.#running.values()];
  }

  async add(slot: Slot): Promise<void> {
    this.#running.set(slot, await startGateway({ config: this.#config(slot), readyWithin: 20_000 }));
    await eventually(`${slot.name} is found`, async () => (await this.#haproxy.stats(slot.name)).up, WAIT);
  }

  /** SIGTERM while a request is in flight there that ends only when the balancer has looked away. */
  async remove(slot: Slot): Promise<void> {
    const gateway = this.#running.get(slot);
    assert.ok(gateway !== undefined);
    const held = this.#load.hold(slot.name);
    await eventually('it is in flight', () => this.#service.holds(slot.name), WAIT);
    gateway.signal('SIGTERM');
    await eventually(
      `${slot.name} is left alone`,
      async () => {
        const { up, current } = await this.#haproxy.stats(slot.name);
        return !up && current === 1 && (await metric(gateway.adminUrl, /^sluice_requests_in_flight /)) === 1;
      },
      WAIT,
    );
    // What it says now is all but the one that is held.
    await this.#count(gateway);
    this.counted.allowed += 1;
    this.#service.letGo(slot.name);
    await held;
    const { code } = await eventually(`${slot.name} has ended`, () => gateway.exit(), WAIT);
    assert.deepEqual([code, gateway.stderr()], [0, '']);
    this.#running.delete(slot);
    await gateway.stop();
  }

  /** When the last answer has been read, what is left has been counted within a moment. */
  async countRest(): Promise<void> {
    for (const gateway of this.gateways) {
      await eventually('idle', async () => (await metric(gateway.adminUrl, /^sluice_requests_in_flight /)) === 0, WAIT);
      await this.#count(gateway);
    }
  }

  async stop(): Promise<readonly (number | null)[]> {
    return Promise.all(this.gateways.map((gateway) => gateway.stop()));
  }

  async #count(gateway: Gateway): Promise<void> {
    for (const outcome of ['allowed', 'denied', 'error'] as const) {
      const pattern = new RegExp(`^sluice_requests_total\\{.*outcome="${outcome}"`);
      // Two are removed at the same time: what is added to must not be read before the wait.
      const counted = await metric(gateway.adminUrl, pattern);
      this.counted[outcome] += counted;
    }
  }
}

describe('behind HAProxy, under load', () => {
  it('a reload, a rolling restart and scaling cost no request and no count', { timeout: 120_000 }, async (t) => {
    const startedAt = Date.now();
    await using redis = await startRedis();
    const service = new Service();
    await using first = await startUpstream(service.handle);
    await using second = await startUpstream(service.handle);
    const slots = await Promise.all(['one', 'two', 'three', 'four'].map(makeSlot));
    const [one, two, three, four] = slots;
    assert.ok(one && two && three && four);
    await using haproxy = await startHaproxy(slots, CHECK_EVERY_MS);
    const load = new RollingLoad(haproxy.url);
    let upstreams = [first.url];
    const fleet = new Fleet(haproxy, load, service, (slot) => configOf(slot, redis.url, upstreams));
    t.after(async () => {
      for (const { name } of slots) service.letGo(name);
      await load.close();
      await fleet.stop();
    });
    await eventually('nobody is there', async () => !(await haproxy.stats('four')).up, WAIT);
    await Promise.all([fleet.add(one), fleet.add(two), fleet.add(three)]);

    load.start(PER_SECOND);
    const usedUp = () => ['/exact', '/meshed'].every((path) => load.admitted(path, 'early') >= EARLY);
    await eventually('the first key has used up its limits', usedUp, WAIT);

    upstreams = [first.url, second.url];
    for (const [i, gateway] of fleet.gateways.entries()) {
      const slot = slots[i];
      assert.ok(slot !== undefined && gateway.configFile !== undefined);
      writeFileSync(gateway.configFile, JSON.stringify(configOf(slot, redis.url, upstreams)));
      gateway.signal('SIGHUP');
      const reloaded = /^sluice_config_reloads_total\{result="success"\} /;
      await eventually('it has reloaded', async () => (await metric(gateway.adminUrl, reloaded)) === 1, WAIT);
    }
    for (const slot of [one, two]) {
      await fleet.remove(slot);
      await fleet.add(slot);
    }
    // The third is replaced too, and while it is away two become four, and then two again.
    await fleet.remove(three);
    await Promise.all([fleet.add(three), fleet.add(four)]);
    await Promise.all([fleet.remove(one), fleet.remove(two)]);
    await load.stop();

    await Promise.all([useUp(load, '/exact'), useUp(load, '/meshed')]);
    await fleet.countRest();
    const lastCodes = await fleet.stop();

    assert.deepEqual(load.failures, []);
    assert.deepEqual(lastCodes, [0, 0]);
    assert.ok(second.requests > 0, 'the reload told of the second server');
    for (const { name } of slots) {
      const { connectionErrors, responseErrors } = await haproxy.stats(name);
      assert.deepEqual({ name, connectionErrors, responseErrors }, { name, connectionErrors: 0, responseErrors: 0 });
    }
    const clientSaw = {
      allowed: load.seen.filter(({ status }) => status === 200).length,
      denied: load.seen.filter(({ status }) => status === 429).length,
      error: 0,
    };
    assert.deepEqual(fleet.counted, clientSaw);

    // Windows of a day begin at midnight; a test that runs then sees two.
    const windows = Math.floor(Date.now() / DAY_MS) - Math.floor(startedAt / DAY_MS) + 1;
    for (const [key, limit] of [
      ['early', EARLY],
      ['late', LATE],
    ] as const) {
      const exact = load.admitted('/exact', key);
      if (windows === 1) assert.equal(exact, limit, `redis, ${key}`);
      const meshed = load.admitted('/meshed', key);
      const offered = load.peakPerSecond('/meshed', key);
      const excess = mostExcess({
        sharing: 'mesh',
        hosts: 4,
        limit,
        offered,
        intervalMs: INTERVAL_MS,
        delayMs: DELAY_MS,
      });
      t.diagnostic(`${key}: redis ${exact}, mesh ${meshed} of ${limit}, at most ${limit + excess}`);
      assert.ok(meshed >= limit && meshed <= windows * (limit + excess), `mesh, ${key}: ${meshed} of ${limit}`);
    }
    t.diagnostic(`${clientSaw.allowed} answered, ${clientSaw.denied} refused, 0 failed`);
  });
});

/** Asks until the limit is reached, and some more. */
async function useUp(load: RollingLoad, path: string): Promise<void> {
  const deadline = performance.now() + WAIT.within;
  for (let more = 0; more < 20 && performance.now() < deadline; ) {
    if (load.admitted(path, 'late') >= LATE) more++;
    await load.ask(path, 'late');
    await sleep(2);
  }
}
