/** Servers under measurement: starting, CPU time, ending. */
import { readFileSync } from 'node:fs';
import { end, hasEnded, spawnOwned } from '../test/support/child.ts';
import { eventually } from '../test/support/eventually.ts';
import { Connection, formatRequest } from '../test/support/http.ts';
import type { Running } from './contestant.ts';

/** Linux reports process times in ticks of 1/100 s, whatever the kernel's own rate. */
const MICROSECONDS_PER_TICK = 10_000;

const started = new Set<number>();

/** A server that is killed takes no leave of its workers. */
process.on('exit', () => {
  for (const pid of started) for (const each of processTree(pid).reverse()) kill(each);
});

/** Starts a server and waits until it answers an HTTP request on `port` with anything but a 5xx. */
export async function startServer(
  program: string,
  args: readonly string[],
  port: number,
  env: Readonly<Record<string, string>> = {},
): Promise<Running> {
  const child = spawnOwned(program, args, { stdio: ['ignore', 'ignore', 'pipe'], env: { ...process.env, ...env } });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${program} could not be started`);
  started.add(pid);
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log = (log + text).slice(-4_000);
  });
  const stop = async (): Promise<void> => {
    await end(child, 'SIGTERM', 3_000);
    started.delete(pid);
  };
  try {
    await eventually(`${program} answers on port ${port}`, async () => {
      if (hasEnded(child)) return true;
      return (await statusOf(port, 'ready-probe')) < 500;
    });
    if (hasEnded(child)) throw new Error(`${program} ended at once: ${log}`);
  } catch (error) {
    await stop();
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${log}`);
  }
  return { port, pid, stop };
}

/** The status of one request with this key. */
export async function statusOf(port: number, key: string): Promise<number> {
  await using connection = await Connection.open(port);
  connection.write(formatRequest({ port, headers: { 'x-api-key': key, Connection: 'close' } }));
  return (await connection.readReply()).status;
}

/** User and system CPU time that a process, its threads and its living descendants have used so far; microseconds. */
export function cpuMicroseconds(pid: number): number {
  let ticks = 0;
  for (const each of processTree(pid)) {
    // The second field, the program's name in brackets, may hold spaces and brackets itself.
    const stat = readFileSync(`/proc/${each}/stat`, 'latin1');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * MICROSECONDS_PER_TICK;
}

/** The process and its descendants, parents first; empty when it has ended. */
function processTree(pid: number): number[] {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1').split(' ').filter(Boolean);
    return [pid, ...children.flatMap((child) => processTree(Number(child)))];
  } catch {
    return [];
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended by itself.
  }
}
