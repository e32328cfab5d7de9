/** A real redis-server for one test: own port, own folder, ended with the test. */
import type { ChildProcess } from 'node:child_process';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { RedisAccess } from '../../src/redis/client-options.ts';
import { end, freeze, hasEnded, spawnOwned } from './child.ts';
import { freePort } from './free-port.ts';
import { requireServer } from './servers.ts';

export interface RedisOptions {
  /** Default: a free one. */
  readonly port?: number;
  /** More arguments, such as `['--maxmemory', '1mb']`; the last of a name wins. Nothing is kept on disk by default. */
  readonly args?: readonly string[];
}

export interface Redis extends AsyncDisposable {
  readonly port: number;
  /** `redis://127.0.0.1:PORT` */
  readonly url: string;
  /** Of the process that runs now; changes with `restart`. */
  readonly pid: number;
  /** Its own folder; gone after `stop`. */
  readonly dir: string;
  /** Ends it for good and removes its folder. Any number of times, in any state. */
  stop(): Promise<void>;
  /** Crash: ends it at once; `restart` brings it back. */
  kill9(): Promise<void>;
  /** SIGSTOP: connections stay open, nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Ends it if it runs and starts it again on the same port and folder. Without persistence its data is gone. */
  restart(): Promise<void>;
  /** What `redis-cli ARGS` prints, without the last line break. Rejects after 10 s or when the server answers with an error. */
  cli(...args: readonly string[]): Promise<string>;
}

/** As a test's own server wants it: no user, no password, plain TCP. */
export const NO_ACCESS: RedisAccess = { username: undefined, password: undefined, tls: undefined };

const TRIES = 10;
const READY_WITHIN_MS = 10_000;

/** Starts a redis-server that answers PING. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-redis-'));
  const args = options.args ?? [];
  try {
    for (let tried = 1; ; tried++) {
      const port = options.port ?? (await freePort());
      const started = await launch(port, dir, args);
      if (started instanceof Error) {
        if (tried >= TRIES || options.port !== undefined) throw started;
        continue;
      }
      return redisOn(port, dir, args, started);
    }
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

function redisOn(port: number, dir: string, args: readonly string[], first: ChildProcess): Redis {
  let child = first;
  const kill9 = async (): Promise<void> => {
    await end(child, 'SIGKILL');
  };
  const stop = async (): Promise<void> => {
    await kill9();
    rmSync(dir, { recursive: true, force: true });
  };
  return {
    port,
    dir,
    url: `redis://127.0.0.1:${port}`,
    get pid(): number {
      if (child.pid === undefined) throw new Error('redis-server did not start');
      return child.pid;
    },
    stop,
    kill9,
    freeze: () => freeze(child),
    thaw: () => void child.kill('SIGCONT'),
    restart: async () => {
      child.kill('SIGCONT');
      await end(child, 'SIGTERM');
      for (let tried = 1; ; tried++) {
        const started = await launch(port, dir, args);
        if (!(started instanceof Error)) {
          child = started;
          return;
        }
        if (tried >= TRIES) throw started;
      }
    },
    cli: async (...command) => {
      const { stdout } = await promisify(execFile)(
        requireServer('redis-cli'),
        ['-h', '127.0.0.1', '-p', String(port), '-e', ...command],
        { timeout: 10_000, maxBuffer: 64 * 1024 * 1024 },
      );
      return stdout.replace(/\n$/, '');
    },
    [Symbol.asyncDispose]: stop,
  };
}

/** The running process, or the error when it ended before it was ready (its port was taken, a bad option). */
async function launch(port: number, dir: string, args: readonly string[]): Promise<ChildProcess | Error> {
  const child = spawnOwned(
    requireServer('redis-server'),
    [
      ...['--port', String(port), '--bind', '127.0.0.1', '--dir', dir],
      ...['--save', '', '--appendonly', 'no', '--enable-debug-command', 'local'],
      ...args,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4_000);
    });
  }
  const deadline = performance.now() + READY_WITHIN_MS;
  while (performance.now() < deadline && !hasEnded(child)) {
    // The answer must come from this child, not from a stranger who had the port first: then this child has ended.
    if ((await answersPing(port)) && log.includes('Ready to accept connections')) return child;
  }
  await end(child, 'SIGKILL');
  return new Error(`redis-server on port ${port} did not become ready; its log ends: ${log.trim()}`);
}

async function answersPing(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  socket.setTimeout(250, () => socket.destroy(new Error('no answer')));
  try {
    await once(socket, 'connect');
    socket.write('PING\r\n');
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString('latin1').startsWith('+PONG');
  } catch {
    await new Promise((resume) => setTimeout(resume, 5));
    return false;
  } finally {
    socket.destroy();
  }
}
