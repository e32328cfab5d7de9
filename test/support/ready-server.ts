/** Starts a server that is a program of its own, and waits until it is ready. */
import { rmSync } from 'node:fs';
import { end, hasEnded, spawnOwned } from './child.ts';

export interface ReadyServerOptions {
  /** As it is called in complaints. */
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Its own folder; removed with it. */
  readonly dir: string;
  /** Added to this process's environment. */
  readonly env?: Readonly<Record<string, string>>;
  readonly ready: () => Promise<boolean>;
  readonly withinMs: number;
  /** Default SIGKILL: nothing of it is kept. */
  readonly endBy?: NodeJS.Signals;
}

const LOOK_EVERY_MS = 20;

/** Rejects with the end of its log when it ends first or is not ready in time; nothing of it is left then. */
export async function startReadyServer(options: ReadyServerOptions): Promise<AsyncDisposable> {
  const { name, program, args, dir, env, ready, withinMs, endBy } = options;
  const child = spawnOwned(program, args, {
    cwd: dir,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let log = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (text: string) => {
      log = (log + text).slice(-4_000);
    });
  }
  const dispose = async (): Promise<void> => {
    await end(child, endBy ?? 'SIGKILL', 5_000);
    rmSync(dir, { recursive: true, force: true });
  };
  const deadline = performance.now() + withinMs;
  while (!(await ready().catch(() => false))) {
    if (hasEnded(child) || performance.now() > deadline) {
      await dispose();
      throw new Error(`${name} did not become ready; its log ends: ${log.trim()}`);
    }
    await new Promise((resume) => setTimeout(resume, LOOK_EVERY_MS));
  }
  return { [Symbol.asyncDispose]: dispose };
}

/** Does this URL answer with 2xx? */
export async function answers(url: string): Promise<boolean> {
  return (await fetch(url)).ok;
}
