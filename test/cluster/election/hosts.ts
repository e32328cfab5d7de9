/** Hosts that elect leaders in a real etcd, and a witness who looks at all of them all the time. */
import assert from 'node:assert/strict';
import { EtcdLeadership } from '../../../src/cluster/election/etcd-leadership.ts';
import { EtcdClient } from '../../../src/cluster/etcd/client.ts';
import type { EtcdAccess } from '../../../src/cluster/etcd/connection.ts';
import { systemClock } from '../../../src/core/clock.ts';
import type { Logger } from '../../../src/core/logger.ts';
import { systemRandom } from '../../../src/core/random.ts';
import type { Etcd } from '../../support/etcd.ts';
import type { Relay } from '../../support/relay.ts';
import { startRelay } from '../../support/relay.ts';

export const TTL_MS = 2_000;

export interface Line {
  readonly level: string;
  readonly message: string;
  readonly reason: string | undefined;
}

export interface Host extends AsyncDisposable {
  readonly name: string;
  readonly leadership: EtcdLeadership;
  readonly client: EtcdClient;
  /** Between this host and etcd. */
  readonly relay: Relay;
  readonly log: readonly Line[];
}

export interface HostOptions {
  readonly slots?: number;
  readonly ttlMs?: number;
  readonly timeoutMs?: number;
  readonly access?: Partial<EtcdAccess>;
  readonly incarnation?: number;
  /** Default: true. */
  readonly started?: boolean;
}

export function accessTo(...endpoints: readonly string[]): EtcdAccess {
  return { endpoints, username: undefined, password: undefined, tls: undefined };
}

export async function startHost(etcd: Etcd, name: string, options: HostOptions = {}): Promise<Host> {
  const relay = await startRelay(etcd.port);
  const scheme = etcd.endpoint.replace(/:.*/, '');
  const access = { ...accessTo(`${scheme}://127.0.0.1:${relay.port}`), ...options.access };
  const log: Line[] = [];
  const client = new EtcdClient({ access, clock: systemClock, timeoutMs: options.timeoutMs ?? 400 });
  const leadership = new EtcdLeadership({
    client,
    prefix: 'sluice',
    self: { address: name, incarnation: options.incarnation ?? 1 },
    slots: options.slots ?? 1,
    ttlMs: options.ttlMs ?? TTL_MS,
    clock: systemClock,
    random: systemRandom,
    logger: loggerTo(log),
  });
  if (options.started !== false) await leadership.start();
  return {
    name,
    leadership,
    client,
    relay,
    log,
    [Symbol.asyncDispose]: async () => {
      await leadership.stop();
      client.close();
      await relay[Symbol.asyncDispose]();
    },
  };
}

export function loggerTo(log: Line[]): Logger {
  const at = (level: string) => (fields: object, message: string) => {
    const reason = 'reason' in fields ? String(fields.reason) : undefined;
    log.push({ level, message, reason });
  };
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

export interface Witness extends Disposable {
  /** Fails when two hosts ever led one slot at once, or a term did not rise with a change of leader. */
  check(): void;
  /** Who has led the slot, in turn. */
  reigns(slot: number): readonly { readonly name: string; readonly term: number }[];
  readonly looks: number;
}

/** Looks at every host each millisecond, and whenever one of them says that something has changed. */
export function watchOver(hosts: readonly Host[], slots = 1): Witness {
  const faults: string[] = [];
  const reigns = Array.from({ length: slots }, () => [] as { name: string; term: number }[]);
  let looks = 0;
  const look = (): void => {
    looks++;
    for (let slot = 0; slot < slots; slot++) {
      const leaders = hosts.flatMap(({ name, leadership }) => {
        const term = leadership.leading(slot);
        return term === undefined ? [] : [{ name, term }];
      });
      if (leaders.length > 1) faults.push(`slot ${slot} is led by ${JSON.stringify(leaders)}`);
      const [leader] = leaders;
      const before = reigns[slot]?.at(-1);
      if (leader === undefined || (leader.name === before?.name && leader.term === before.term)) continue;
      if (before !== undefined && leader.term <= before.term) {
        faults.push(`slot ${slot}: after ${JSON.stringify(before)} came ${JSON.stringify(leader)}`);
      }
      reigns[slot]?.push(leader);
    }
  };
  look();
  const timer = setInterval(look, 1);
  const stops = hosts.map(({ leadership }) => leadership.onChange(look));
  return {
    check: () => assert.deepEqual(faults, []),
    reigns: (slot) => reigns[slot] ?? [],
    get looks() {
      return looks;
    },
    [Symbol.dispose]: () => {
      clearInterval(timer);
      for (const stop of stops) stop();
    },
  };
}

/** Names of the leaders by slot, when all hosts agree on them and they agree themselves; undefined otherwise. */
export function agreed(hosts: readonly Host[], slots = 1): readonly string[] | undefined {
  const names: string[] = [];
  for (let slot = 0; slot < slots; slot++) {
    const views = hosts.map(({ leadership }) => JSON.stringify(leadership.leaderOf(slot)));
    const leader = hosts[0]?.leadership.leaderOf(slot);
    if (leader === undefined || new Set(views).size !== 1) return undefined;
    const host = hosts.find(({ name }) => name === leader.address);
    if (host === undefined || host.leadership.leading(slot) !== leader.term) return undefined;
    names.push(leader.address);
  }
  return names;
}
