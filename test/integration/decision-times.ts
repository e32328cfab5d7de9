/** How long a gateway that has much to do takes to decide, by a way of sharing and alone, as its own metrics say. */
import { Pool } from 'undici';
import type { ReplicatedSharing } from '../../src/core/types.ts';
import type { PeerHost } from './peers-fleet.ts';

/** Asks for `path` again and again, each time when the last answer is there. */
export function startAsking(url: string, path: string, key: string): { stop(): Promise<void> } {
  let running = true;
  const asking = (async () => {
    const pool = new Pool(url, { connections: 1, pipelining: 1 });
    while (running) {
      const { body } = await pool.request({ path, method: 'GET', headers: { 'x-api-key': key } });
      await body.dump();
    }
    await pool.destroy();
  })();
  return {
    stop: () => {
      running = false;
      return asking;
    },
  };
}

/** Upper bound of each bucket, seconds, to how many decisions took no longer, over all hosts. */
export type DecisionTimes = ReadonlyMap<number, number>;

export async function decisionTimes(hosts: readonly PeerHost[], sharing: string): Promise<DecisionTimes> {
  const times = new Map<number, number>();
  const sample = new RegExp(
    `^sluice_decision_duration_seconds_bucket\\{le="([^"]+)",sharing="${sharing}"\\} (\\d+)`,
    'gm',
  );
  for (const { gateway } of hosts) {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    for (const [, le = '', count = ''] of text.matchAll(sample)) {
      const bound = le === '+Inf' ? Number.POSITIVE_INFINITY : Number(le);
      times.set(bound, (times.get(bound) ?? 0) + Number(count));
    }
  }
  return times;
}

/** What 99 of 100 decisions between two readings took at most, seconds; interpolated within a bucket. */
export function p99Between(before: DecisionTimes, after: DecisionTimes): number {
  const total = (after.get(Number.POSITIVE_INFINITY) ?? 0) - (before.get(Number.POSITIVE_INFINITY) ?? 0);
  const wanted = 0.99 * total;
  let [below, lower] = [0, 0];
  for (const bound of [...after.keys()].sort((a, b) => a - b)) {
    const count = (after.get(bound) ?? 0) - (before.get(bound) ?? 0);
    if (count >= wanted) {
      return Number.isFinite(bound) ? below + ((bound - below) * (wanted - lower)) / (count - lower) : below;
    }
    [below, lower] = [bound, count];
  }
  return Number.NaN;
}

/** Of the shared limit and of one that each host has for itself, asked alike while `during` lasts. */
export async function p99s(
  hosts: readonly PeerHost[],
  sharing: ReplicatedSharing,
  during: () => Promise<void>,
): Promise<{ readonly shared: number; readonly alone: number }> {
  const read = () => Promise.all([decisionTimes(hosts, sharing), decisionTimes(hosts, 'local')]);
  const [sharedBefore, aloneBefore] = await read();
  await during();
  const [sharedAfter, aloneAfter] = await read();
  return { shared: p99Between(sharedBefore, sharedAfter), alone: p99Between(aloneBefore, aloneAfter) };
}
