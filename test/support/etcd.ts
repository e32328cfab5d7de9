/** A real etcd for one test: own ports, own folder, ended with the test. */
import type { ChildProcess } from 'node:child_process';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Certificates } from './certificates.ts';
import { end, hasEnded, spawnOwned } from './child.ts';
import { freePort } from './free-port.ts';
import { requireServer } from './servers.ts';

export interface EtcdOptions {
  /** More arguments, such as `['--heartbeat-interval', '50']`. */
  readonly args?: readonly string[];
  /** Address to serve clients on, an IPv4 address of this machine. Default 127.0.0.1. */
  readonly host?: string;
  /** Serves TLS with the server certificate. */
  readonly tls?: Certificates;
}

export interface Etcd extends AsyncDisposable {
  readonly port: number;
  /** `http://HOST:PORT`, or `https://` with TLS. */
  readonly endpoint: string;
  /** Of the process that runs now; changes with `restart`. */
  readonly pid: number;
  /** Ends it for good and removes its folder. Any number of times, in any state. */
  stop(): Promise<void>;
  /** Crash: ends it at once; `restart` brings it back. */
  kill9(): Promise<void>;
  /** SIGSTOP: connections stay open, new ones are made by the kernel, nothing answers. */
  freeze(): void;
  thaw(): void;
  /** Ends it if it runs and starts it again on the same ports: with its data, or without. */
  restart(options?: { readonly empty?: boolean }): Promise<void>;
  /** What `etcdctl ARGS` prints, without the last line break. Rejects after 10 s or when etcd answers with an error. */
  ctl(...args: readonly string[]): Promise<string>;
}

const TRIES = 10;
const READY_WITHIN_MS = 20_000;

/** Starts a single etcd that serves requests. Its data is on disk but not synchronised: it outlives the process, not the machine. */
export async function startEtcd(options: EtcdOptions = {}): Promise<Etcd> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-etcd-'));
  try {
    for (let tried = 1; ; tried++) {
      const place: Place = { dir, port: await freePort(), peerPort: await freePort(), options };
      const started = await launch(place);
      if (!(started instanceof Error)) return etcdAt(place, started);
      if (tried >= TRIES) throw started;
    }
  } catch (error) {
    rmSync(dir, { recursive: true, force: true });
    throw error;
  }
}

interface Place {
  readonly dir: string;
  readonly port: number;
  readonly peerPort: number;
  readonly options: EtcdOptions;
}

function etcdAt(place: Place, first: ChildProcess): Etcd {
  let child = first;
  const kill9 = async (): Promise<void> => {
    await end(child, 'SIGKILL');
  };
  const stop = async (): Promise<void> => {
    await kill9();
    rmSync(place.dir, { recursive: true, force: true });
  };
  return {
    port: place.port,
    endpoint: endpointOf(place),
    get pid(): number {
      if (child.pid === undefined) throw new Error('etcd did not start');
      return child.pid;
    },
    stop,
    kill9,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    restart: async ({ empty = false } = {}) => {
      await kill9();
      if (empty) rmSync(dataOf(place), { recursive: true, force: true });
      for (let tried = 1; ; tried++) {
        const started = await launch(place);
        if (!(started instanceof Error)) {
          child = started;
          return;
        }
        if (tried >= TRIES) throw started;
      }
    },
    ctl: (...args) => ctl(place, args),
    [Symbol.asyncDispose]: stop,
  };
}

/** The running process, or the error when it ended before it was ready (a port was taken, a bad option). */
async function launch(place: Place): Promise<ChildProcess | Error> {
  const { tls, args = [] } = place.options;
  const [client, peer] = [endpointOf(place), `http://127.0.0.1:${place.peerPort}`];
  const child = spawnOwned(
    requireServer('etcd'),
    [
      ...['--name', 'test', '--data-dir', dataOf(place), '--logger', 'zap', '--log-level', 'warn'],
      ...['--listen-client-urls', client, '--advertise-client-urls', client],
      ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `test=${peer}`],
      // Tests share a disk with others: what is acknowledged must not wait for it.
      '--unsafe-no-fsync',
      ...(tls === undefined ? [] : ['--cert-file', tls.cert, '--key-file', tls.key]),
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
    // A stranger who had the port first answers too, but then this child has ended.
    if ((await isHealthy(place)) && !hasEnded(child)) return child;
    await new Promise((resume) => setTimeout(resume, 20));
  }
  await end(child, 'SIGKILL');
  return new Error(`etcd on port ${place.port} did not become ready; its log ends: ${log.trim()}`);
}

async function isHealthy(place: Place): Promise<boolean> {
  try {
    // Without a user where users are wanted: then it answers that, which is health enough.
    await ctl(place, ['get', 'health', '--dial-timeout=1s', '--command-timeout=1s']);
    return true;
  } catch (error) {
    return error instanceof Error && /user name is empty|permission denied/.test(error.message);
  }
}

async function ctl(place: Place, args: readonly string[]): Promise<string> {
  const { tls } = place.options;
  const { stdout } = await promisify(execFile)(
    requireServer('etcdctl'),
    [`--endpoints=${endpointOf(place)}`, ...(tls === undefined ? [] : [`--cacert=${tls.ca}`]), ...args],
    { timeout: 10_000, maxBuffer: 64 * 1024 * 1024, env: { ...process.env, ETCDCTL_API: '3' } },
  );
  return stdout.replace(/\n$/, '');
}

function endpointOf({ port, options }: Place): string {
  return `${options.tls === undefined ? 'http' : 'https'}://${options.host ?? '127.0.0.1'}:${port}`;
}

function dataOf({ dir }: Place): string {
  return join(dir, 'data');
}
