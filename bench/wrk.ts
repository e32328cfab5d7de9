import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { requireServer } from '../test/support/servers.ts';

/** See load.lua. */
export type Load = 'many' | 'hot' | 'abusers';

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Answers with a status of 400 and above. */
  readonly refused: number;
  /** Connections that failed, and answers that did not come. */
  readonly failed: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Shape {
  readonly load: Load;
  readonly seconds: number;
  readonly connections: number;
  /** Requests per second to aim at; 0: as many as the gateway answers, one at a time on each connection. */
  readonly rate: number;
}

export async function runWrk(port: number, { load, seconds, connections, rate }: Shape): Promise<LoadResult> {
  const pauseMs = rate === 0 ? 0 : Math.round((connections / rate) * 1_000);
  const { stdout } = await promisify(execFile)(requireServer('wrk'), [
    ...['--threads', '1', '--connections', String(connections), '--duration', `${seconds}s`],
    ...['--script', join(import.meta.dirname, 'load.lua'), `http://127.0.0.1:${port}`, '--', load, String(pauseMs)],
  ]);
  const numbers = /^BENCH (.*)$/m.exec(stdout)?.[1]?.split(' ').map(Number) ?? [];
  const [requests = 0, microseconds = 0, refused = 0, failed = 0, p50 = 0, p99 = 0] = numbers;
  if (requests === 0) throw new Error(`wrk got no answer: ${stdout}`);
  return { requests, seconds: microseconds / 1e6, refused, failed, p50Ms: p50 / 1e3, p99Ms: p99 / 1e3 };
}
