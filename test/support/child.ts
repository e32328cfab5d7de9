/** Child processes that never outlive the test that started them. */
import type { ChildProcess, SpawnOptions } from 'node:child_process';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, readdirSync, readFileSync } from 'node:fs';

const running = new Set<ChildProcess>();

/** SIGKILL also ends a stopped (SIGSTOP) process. */
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** Linux: the kernel kills the child when its parent dies, even of SIGKILL. It replaces itself, so the process id stays. */
const DEATH_PACT = ['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--'] as const;
const hasDeathPact = process.platform === 'linux' && exists(DEATH_PACT[0]);

/** Starts `program`; it dies with this process, however this process ends. */
export function spawnOwned(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const [head = program, ...rest] = hasDeathPact ? [...DEATH_PACT, program, ...args] : [program, ...args];
  const child = spawn(head, rest, options);
  running.add(child);
  child.once('exit', () => running.delete(child));
  child.once('error', () => running.delete(child));
  return child;
}

export function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

/** How long a process may take until it stands still. */
const FREEZE_MS = 2_000;

/** SIGSTOP; returns when the process stands still. The signal alone lets a busy machine's process go on for a moment. */
export function freeze(child: ChildProcess): void {
  child.kill('SIGSTOP');
  if (process.platform !== 'linux' || child.pid === undefined) return;
  const deadline = performance.now() + FREEZE_MS;
  while (performance.now() < deadline) {
    const threads = readdirSync(`/proc/${child.pid}/task`);
    if (threads.every((thread) => stateOf(`/proc/${child.pid}/task/${thread}/stat`) === 'T')) return;
  }
}

/** Sends `signal`, waits for the end, and after `graceMs` sends SIGKILL. Resolves with the exit code, null when a signal ended it. */
export async function end(child: ChildProcess, signal: NodeJS.Signals, graceMs = 10_000): Promise<number | null> {
  if (hasEnded(child)) return child.exitCode;
  const ended = once(child, 'exit');
  child.kill(signal);
  const killer = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await ended;
  clearTimeout(killer);
  return child.exitCode;
}

/** `T` for a thread that is stopped (proc(5): behind the name, which is in brackets). */
function stateOf(file: string): string | undefined {
  try {
    const stat = readFileSync(file, 'utf8');
    return stat[stat.lastIndexOf(')') + 2];
  } catch {
    return 'T';
  }
}

function exists(path: string): boolean {
  try {
    accessSync(path);
    return true;
  } catch {
    return false;
  }
}
