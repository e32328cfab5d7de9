/** Processes and a folder that never outlive the command that made them. */
import type { ChildProcess } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { Clock } from '../../core/clock.ts';

/** Linux: the kernel ends the child when this process dies, even of SIGKILL. It replaces itself, so the process id stays. */
const DEATH_PACT = '/usr/bin/setpriv';
const SAID_MOST = 4_000;

export interface Running {
  readonly name: string;
  /** The end of what it wrote, both streams. */
  readonly said: () => string;
  readonly ended: () => boolean;
  /** SIGKILL, and waits for the end. */
  kill(): Promise<void>;
  stand(still: boolean): void;
}

export class Processes {
  readonly folder = mkdtempSync(join(tmpdir(), 'sluice-lab-live-'));
  readonly #children = new Set<ChildProcess>();
  readonly #clock: Clock;
  #closed = false;
  readonly #atExit = (): void => {
    for (const child of this.#children) child.kill('SIGKILL');
    rmSync(this.folder, { recursive: true, force: true });
  };

  constructor(clock: Clock) {
    this.#clock = clock;
    process.on('exit', this.#atExit);
  }

  /** In a group of its own: a terminal's Ctrl-C reaches only the lab, which then ends everything in order. */
  start(name: string, program: string, args: readonly string[]): Running {
    // Whoever was about to start something when all had to end.
    if (this.#closed) throw new Error(`${name} is not started any more`);
    const [head, ...rest] = isFile(DEATH_PACT)
      ? [DEATH_PACT, '--pdeathsig', 'KILL', '--', program, ...args]
      : [program, ...args];
    const env = { ...process.env, NODE_OPTIONS: '', ETCD_UNSUPPORTED_ARCH: process.arch };
    const child = spawn(head ?? program, rest, { detached: true, env, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        said = (said + text).slice(-SAID_MOST);
      });
    }
    this.#children.add(child);
    child.once('exit', () => this.#children.delete(child));
    child.once('error', () => this.#children.delete(child));
    return {
      name,
      said: () => said,
      ended: () => hasEnded(child),
      kill: () => killed(child),
      stand: (still) => void child.kill(still ? 'SIGSTOP' : 'SIGCONT'),
    };
  }

  /** Waits until `ready` says so. @throws Error when the process ends first, or takes too long */
  async until(running: Running, ready: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
    const deadline = this.#clock.monotonic() + withinMs;
    while (!(await ready())) {
      if (running.ended()) throw new Error(`${running.name} ended before it was ready: ${lastLine(running.said())}`);
      if (this.#clock.monotonic() > deadline)
        throw new Error(`${running.name} was not ready within ${withinMs / 1_000} s: ${lastLine(running.said())}`);
      await pause(this.#clock, 20);
    }
  }

  /** Ends all that run and removes the folder. Any number of times. */
  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#children].map(killed));
    rmSync(this.folder, { recursive: true, force: true });
    process.off('exit', this.#atExit);
  }
}

/** Where a program lies on PATH; undefined: nowhere. */
export function onPath(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, program)).find(isFile);
}

/** A port of 127.0.0.1 that was free a moment ago, for TCP. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

export async function pause(clock: Clock, ms: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  clock.after(ms, resolve);
  await promise;
}

async function killed(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

function isFile(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? '';
}
