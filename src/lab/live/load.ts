/** Requests to real gateways at the times that the scenario's arrivals say, whatever the answers (an open loop). */
import { Agent, request } from 'node:http';
import type { Clock } from '../../core/clock.ts';
import type { Arrival } from '../sim/workload.ts';
import { pause } from './processes.ts';

export interface Target {
  readonly port: number;
}

export interface LoadOptions {
  readonly clock: Clock;
  readonly arrivals: readonly Arrival[];
  readonly targets: readonly Target[];
  readonly path: string;
  readonly headers: (arrival: Arrival) => Readonly<Record<string, string>>;
  readonly signal: AbortSignal;
  /** Each request sent. */
  readonly onSent?: () => void;
}

/** One request and what came of it. Milliseconds since the load began. */
export interface Seen {
  readonly arrival: Arrival;
  readonly sentAt: number;
  readonly answeredAt: number;
  /** 0: no answer. */
  readonly status: number;
}

const TICK_MS = 2;
const MOST_CONNECTIONS = 64;
const ANSWER_WITHIN_MS = 20_000;

/** Resolves when all have been answered, or never will be. @throws what `signal` was aborted with */
export async function offer(options: LoadOptions): Promise<Seen[]> {
  const { clock, arrivals, targets, signal } = options;
  const agents = targets.map(() => new Agent({ keepAlive: true, maxSockets: MOST_CONNECTIONS, scheduling: 'lifo' }));
  const began = clock.monotonic();
  const waiting = new Set<Promise<void>>();
  const seen: Seen[] = [];
  const now = (): number => clock.monotonic() - began;
  try {
    for (let next = 0; next < arrivals.length; ) {
      signal.throwIfAborted();
      for (let arrival = arrivals[next]; arrival !== undefined && arrival.at <= now(); arrival = arrivals[++next]) {
        const [target, agent] = [targets[arrival.host], agents[arrival.host]];
        if (target === undefined || agent === undefined) continue;
        const own = arrival;
        const sentAt = now();
        const asked: Promise<void> = ask(target.port, agent, options, own)
          .then((status) => void seen.push({ arrival: own, sentAt, answeredAt: now(), status }))
          .finally(() => waiting.delete(asked));
        waiting.add(asked);
        options.onSent?.();
      }
      await pause(clock, TICK_MS);
    }
    await Promise.all(waiting);
  } finally {
    for (const agent of agents) agent.destroy();
  }
  return seen;
}

function ask(port: number, agent: Agent, options: LoadOptions, arrival: Arrival): Promise<number> {
  return new Promise((resolve) => {
    const asked = request(
      {
        host: '127.0.0.1',
        port,
        path: options.path,
        agent,
        headers: options.headers(arrival),
        timeout: ANSWER_WITHIN_MS,
      },
      (response) => {
        response.resume();
        response.once('close', () => resolve(response.statusCode ?? 0));
      },
    );
    asked.once('timeout', () => asked.destroy());
    asked.once('error', () => resolve(0));
    asked.end();
  });
}
