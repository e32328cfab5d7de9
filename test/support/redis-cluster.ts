/** A real Redis Cluster on loopback for one test. */
import { hashSlot } from '../../src/redis/slot.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import type { Redis } from './redis.ts';
import { startRedis } from './redis.ts';

export interface RedisClusterOptions {
  /** Default 3. */
  readonly masters?: number;
  /** For each master. Default 1; 0 = a lost master stays lost. */
  readonly replicas?: number;
  /** More servers that know the cluster and serve no slot. Default 0. */
  readonly empty?: number;
  /**
   * After so many milliseconds of silence a node is taken for dead. Default 1,500; without replicas, where nobody could
   * take over, 15,000: on a busy machine nodes that are well are silent for a while.
   */
  readonly nodeTimeoutMs?: number;
  /** More arguments for every server. */
  readonly args?: readonly string[];
}

export interface RedisCluster extends AsyncDisposable {
  /** Every server: first the masters as they were at the start, by slots; then their replicas; then the empty ones. */
  readonly nodes: readonly Redis[];
  /** For a client to start from. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** The server that serves this key now, as `ask` (default: the first that answers) sees it. */
  masterOf(key: string): Promise<Redis>;
  /** Moves slots with the keys in them to a master while clients go on, a key at a time; `between` runs after each key. */
  reshard(slots: readonly number[], to: Redis, between?: () => Promise<unknown>): Promise<void>;
  /** Sends a command to every master that answers; their replies. */
  onMasters(...command: readonly string[]): Promise<string[]>;
  /** Waits until every running node says that the cluster is whole. */
  ready(): Promise<void>;
  stop(): Promise<void>;
}

const SLOTS = 16_384;
const TRIES = 10;

interface Started {
  readonly redis: Redis;
  readonly busPort: number;
}

/**
 * Three masters with a replica each, unless told otherwise. Wired up by hand, for `redis-cli --cluster create` waits whole
 * seconds. A shard that is lost does not stop the others, unless `args` say so.
 */
export async function startRedisCluster(options: RedisClusterOptions = {}): Promise<RedisCluster> {
  const masters = options.masters ?? 3;
  const replicas = options.replicas ?? 1;
  const count = masters * (1 + replicas) + (options.empty ?? 0);
  const results = await Promise.allSettled(Array.from({ length: count }, () => startNode(options)));
  const started = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []));
  const nodes = started.map(({ redis }) => redis);
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (const result of results) if (result.status === 'rejected') throw result.reason;
    await introduce(started, masters);
    const cluster = clusterOf(nodes, stop);
    if (replicas > 0) await replicate(nodes, masters, masters * (1 + replicas));
    await cluster.ready();
    return cluster;
  } catch (error) {
    await stop();
    throw error;
  }
}

async function startNode(options: RedisClusterOptions): Promise<Started> {
  for (let tried = 1; ; tried++) {
    const [port, busPort] = [await freePort(), await freePort()];
    const cluster = ['--cluster-enabled', 'yes', '--cluster-port', String(busPort)];
    const patience = [
      '--cluster-node-timeout',
      String(options.nodeTimeoutMs ?? (options.replicas === 0 ? 15_000 : 1_500)),
    ];
    const eager = ['--cluster-replica-validity-factor', '0', '--repl-diskless-sync-delay', '0'];
    const partial = ['--cluster-require-full-coverage', 'no'];
    try {
      const args = [...cluster, ...patience, ...eager, ...partial, ...(options.args ?? [])];
      return { redis: await startRedis({ port, args }), busPort };
    } catch (error) {
      if (tried === TRIES) throw error;
    }
  }
}

/** Gives the masters their slots and makes everybody known to everybody. */
async function introduce(started: readonly Started[], masters: number): Promise<void> {
  await Promise.all(
    started.map(async ({ redis }, i) => {
      await redis.cli('CLUSTER', 'SET-CONFIG-EPOCH', String(i + 1));
      if (i >= masters) return;
      const from = Math.ceil((i * SLOTS) / masters);
      const to = Math.ceil(((i + 1) * SLOTS) / masters) - 1;
      await redis.cli('CLUSTER', 'ADDSLOTSRANGE', String(from), String(to));
    }),
  );
  const [first, ...others] = started;
  for (const { redis, busPort } of others) {
    await first?.redis.cli('CLUSTER', 'MEET', '127.0.0.1', String(redis.port), String(busPort));
  }
  await Promise.all(
    started.map(({ redis }) =>
      eventually(
        'every node knows the others',
        async () => {
          const lines = await nodeLines(redis);
          return lines.length === started.length && lines.every((line) => !line.flags.includes('handshake'));
        },
        { within: 20_000, every: 50 },
      ),
    ),
  );
}

async function replicate(nodes: readonly Redis[], masters: number, end: number): Promise<void> {
  await Promise.all(
    nodes.slice(masters, end).map(async (replica, i) => {
      const master = nodes[i % masters];
      if (master === undefined) return;
      await replica.cli('CLUSTER', 'REPLICATE', await master.cli('CLUSTER', 'MYID'));
      await eventually(
        'the replica is in step',
        async () => (await replica.cli('ROLE')).split('\n')[3] === 'connected',
        { within: 20_000, every: 50 },
      );
    }),
  );
}

function clusterOf(nodes: readonly Redis[], stop: () => Promise<void>): RedisCluster {
  const masterOfSlot = (slot: number): Promise<Redis> =>
    eventually(`somebody serves slot ${slot}`, () => seenServing(slot), { within: 20_000, every: 100 });
  const seenServing = async (slot: number): Promise<Redis | undefined> => {
    for (const line of await view(nodes)) {
      if (!line.flags.includes('master') || line.flags.some((flag) => flag.startsWith('fail'))) continue;
      if (!line.slots.some(([from, to]) => slot >= from && slot <= to)) continue;
      const node = nodes.find(({ port }) => port === line.port);
      if (node !== undefined) return node;
    }
    return undefined;
  };
  return {
    nodes,
    addresses: nodes.map(({ port }) => ({ host: '127.0.0.1', port })),
    masterOf: (key) => masterOfSlot(hashSlot(key)),
    reshard: async (slots, to, between) => {
      for (const slot of slots) await moveSlot(slot, await masterOfSlot(slot), to, between);
    },
    onMasters: async (...command) => {
      const masters = (await view(nodes)).filter(
        ({ flags }) => flags.includes('master') && !flags.some((flag) => flag.startsWith('fail')),
      );
      const ports = new Set(masters.map(({ port }) => port));
      return Promise.all(nodes.filter(({ port }) => ports.has(port)).map((node) => node.cli(...command)));
    },
    ready: async () => {
      await Promise.all(
        nodes.map((node) =>
          eventually(
            'the cluster is whole',
            async () => {
              // A young node that has not heard of the others' slots yet finds itself in order.
              const info = await node.cli('CLUSTER', 'INFO');
              return info.includes('cluster_state:ok') && info.includes(`cluster_slots_ok:${SLOTS}`);
            },
            { within: 20_000, every: 50 },
          ),
        ),
      );
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

async function moveSlot(slot: number, from: Redis, to: Redis, between?: () => Promise<unknown>): Promise<void> {
  if (from === to) return;
  const [fromId, toId] = await Promise.all([from.cli('CLUSTER', 'MYID'), to.cli('CLUSTER', 'MYID')]);
  await to.cli('CLUSTER', 'SETSLOT', String(slot), 'IMPORTING', fromId);
  await from.cli('CLUSTER', 'SETSLOT', String(slot), 'MIGRATING', toId);
  await between?.();
  for (;;) {
    const key = await from.cli('CLUSTER', 'GETKEYSINSLOT', String(slot), '1');
    if (key === '') break;
    await from.cli('MIGRATE', '127.0.0.1', String(to.port), key, '0', '5000');
    await between?.();
  }
  await to.cli('CLUSTER', 'SETSLOT', String(slot), 'NODE', toId);
  await from.cli('CLUSTER', 'SETSLOT', String(slot), 'NODE', toId);
}

interface NodeLine {
  readonly port: number;
  readonly flags: readonly string[];
  readonly slots: readonly (readonly [from: number, to: number])[];
}

/** The cluster as the best informed of the nodes that answer sees it: the one with the latest epoch. */
async function view(nodes: readonly Redis[]): Promise<readonly NodeLine[]> {
  const views = await Promise.all(
    nodes.map(async (node) => {
      try {
        const answer = async (): Promise<{ epoch: number; lines: readonly NodeLine[] }> => {
          const info = await node.cli('CLUSTER', 'INFO');
          const epoch = Number(/cluster_current_epoch:(\d+)/.exec(info)?.[1]);
          return { epoch, lines: await nodeLines(node) };
        };
        // A frozen node answers never.
        const never = new Promise<undefined>((resolve) => setTimeout(resolve, 3_000, undefined).unref());
        return await Promise.race([answer(), never]);
      } catch {
        return undefined;
      }
    }),
  );
  const known = views.filter((each) => each !== undefined).sort((a, b) => b.epoch - a.epoch);
  return known[0]?.lines ?? [];
}

async function nodeLines(node: Redis): Promise<readonly NodeLine[]> {
  const text = await node.cli('CLUSTER', 'NODES');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [, address = '', flags = '', , , , , , ...slots] = line.split(' ');
      return {
        port: Number(/:(\d+)@/.exec(address)?.[1]),
        flags: flags.split(','),
        slots: slots
          .filter((range) => !range.startsWith('['))
          .map((range) => range.split('-').map(Number))
          .map(([from = -1, to = from]) => [from, to] as const),
      };
    });
}
