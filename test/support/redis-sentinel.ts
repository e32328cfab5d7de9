/** A primary with replicas that real sentinels watch, on loopback, for one test. */
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { end, freeze, hasEnded, spawnOwned } from './child.ts';
import { eventually } from './eventually.ts';
import { freePort } from './free-port.ts';
import type { Redis } from './redis.ts';
import { startRedis } from './redis.ts';
import { requireServer } from './servers.ts';

export interface RedisSentinelOptions {
  /** Default 1. */
  readonly replicas?: number;
  /** After so many milliseconds of silence a primary is taken for dead. Default 500. */
  readonly downAfterMs?: number;
  /** More arguments for primary and replicas. */
  readonly args?: readonly string[];
}

export interface Sentinel {
  readonly port: number;
  cli(...args: readonly string[]): Promise<string>;
  freeze(): void;
  thaw(): void;
  stop(): Promise<void>;
}

export interface RedisSentinel extends AsyncDisposable {
  /** By which the sentinels know the primary. */
  readonly name: string;
  /** The first was the primary at the start. */
  readonly servers: readonly Redis[];
  readonly sentinels: readonly Sentinel[];
  /** Of the sentinels, for a client to start from. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** Who is the primary now, as the sentinels say. */
  primary(): Promise<Redis>;
  stop(): Promise<void>;
}

const NAME = 'main';
const SENTINELS = 3;
const QUORUM = 2;
const TRIES = 10;

export async function startRedisSentinel(options: RedisSentinelOptions = {}): Promise<RedisSentinel> {
  const running: { stop(): Promise<void> }[] = [];
  const stop = async (): Promise<void> => {
    await Promise.all(running.map((each) => each.stop()));
  };
  const start = async (args: readonly string[]): Promise<Redis> => {
    const redis = await startRedis({ args });
    running.push(redis);
    return redis;
  };
  try {
    const args = ['--repl-diskless-sync-delay', '0', ...(options.args ?? [])];
    const first = await start(args);
    const replicas = await Promise.all(
      Array.from({ length: options.replicas ?? 1 }, () => start([...args, '--replicaof', `127.0.0.1 ${first.port}`])),
    );
    const synced = (replica: Redis): Promise<unknown> =>
      eventually('the replica is in step', async () => (await replica.cli('ROLE')).split('\n')[3] === 'connected', {
        within: 20_000,
        every: 20,
      });
    await Promise.all(replicas.map(synced));
    const sentinels = await Promise.all(
      Array.from({ length: SENTINELS }, async () => {
        const sentinel = await startSentinel(first, options.downAfterMs ?? 500);
        running.push(sentinel);
        return sentinel;
      }),
    );
    await Promise.all(sentinels.map((each) => acquainted(each, replicas.length)));
    const servers = [first, ...replicas];
    return {
      name: NAME,
      servers,
      sentinels,
      addresses: sentinels.map(({ port }) => ({ host: '127.0.0.1', port })),
      primary: async () => {
        const answers = await Promise.allSettled(
          sentinels.map((each) => each.cli('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', NAME)),
        );
        const ports = answers.map((answer) =>
          answer.status === 'fulfilled' ? Number(answer.value.split('\n')[1]) : Number.NaN,
        );
        // What most of them say: one may not have heard of the election yet.
        const said = servers.find(({ port }) => ports.filter((each) => each === port).length >= QUORUM);
        if (said === undefined) throw new Error('the sentinels do not agree on a primary');
        return said;
      },
      stop,
      [Symbol.asyncDispose]: stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A redis-server turned sentinel, in a folder of its own that it writes its state to. */
async function startSentinel(primary: Redis, downAfterMs: number): Promise<Sentinel> {
  for (let tried = 1; ; tried++) {
    const port = await freePort();
    const dir = mkdtempSync(join(tmpdir(), 'sluice-sentinel-'));
    const file = join(dir, 'sentinel.conf');
    const lines = [
      `port ${port}`,
      'bind 127.0.0.1',
      `dir ${dir}`,
      `sentinel monitor ${NAME} 127.0.0.1 ${primary.port} ${QUORUM}`,
      `sentinel down-after-milliseconds ${NAME} ${downAfterMs}`,
      `sentinel failover-timeout ${NAME} 3000`,
    ];
    writeFileSync(file, `${lines.join('\n')}\n`);
    const child = spawnOwned(requireServer('redis-server'), [file, '--sentinel'], { stdio: 'ignore' });
    const sentinel: Sentinel = {
      port,
      cli: async (...command) => {
        const args = ['-h', '127.0.0.1', '-p', String(port), '-e', ...command];
        const { stdout } = await promisify(execFile)(requireServer('redis-cli'), args, { timeout: 10_000 });
        return stdout.replace(/\n$/, '');
      },
      freeze: () => freeze(child),
      thaw: () => void child.kill('SIGCONT'),
      stop: async () => {
        await end(child, 'SIGKILL');
        rmSync(dir, { recursive: true, force: true });
      },
    };
    try {
      await eventually('the sentinel answers', async () => {
        if (hasEnded(child)) return true;
        return (await sentinel.cli('SENTINEL', 'MYID')) !== '';
      });
      if (hasEnded(child)) throw new Error(`the sentinel on port ${port} ended`);
      // Its usual pace of one look in 2 s, 10 s for replicas, is for networks.
      await sentinel.cli('SENTINEL', 'DEBUG', 'PUBLISH-PERIOD', '100', 'INFO-PERIOD', '500', 'ASK-PERIOD', '200');
      // A stall of 2 s would make it mistrust its clock and stand by for 30 s.
      await sentinel.cli(
        'SENTINEL',
        'DEBUG',
        'TILT-TRIGGER',
        '20000',
        'TILT-PERIOD',
        '500',
        'ELECTION-TIMEOUT',
        '1000',
      );
      return sentinel;
    } catch (error) {
      await sentinel.stop();
      if (tried === TRIES) throw error;
    }
  }
}

/** Until it has met the other sentinels and the replicas: before, it could not lead a failover. */
async function acquainted(sentinel: Sentinel, replicas: number): Promise<void> {
  await eventually(
    'the sentinel knows everybody',
    async () => {
      const [, info = ''] = /^master0:(.*)$/m.exec(await sentinel.cli('INFO', 'sentinel')) ?? [];
      return info.includes(`status=ok`) && info.includes(`slaves=${replicas},sentinels=${SENTINELS}`);
    },
    { within: 20_000, every: 50 },
  );
}
