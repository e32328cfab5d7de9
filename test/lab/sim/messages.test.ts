/** How many messages each way of sharing costs, against the number of hosts, and against what can be calculated. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { ReplicatedSharing } from '../../../src/core/types.ts';
import { SharedLimit } from '../../../src/lab/sim/shared-limit.ts';
import { messagesPerSecond } from './analytic.ts';
import { scene } from './scene.ts';
import { WAYS } from './ways.ts';

const SETTLE_MS = 1_500;
const FANOUT = 3;
const LEADERS = 2;

interface Load {
  /** Requests a second, of each host or of all together. */
  readonly perHost?: number;
  readonly all?: number;
}

/** Messages a second, all hosts together, one limit with one key. */
async function measured(sharing: ReplicatedSharing, hosts: number, { perHost = 0, all = perHost * hosts }: Load) {
  // Exchanges of whole states are rare: few hosts are watched for longer, so that as many as there should be are seen.
  const measuredMs = hosts <= 30 ? 20_000 : 500;
  const way = WAYS.find(({ name }) => name === sharing);
  assert.ok(way);
  const { simulation } = scene({
    hosts,
    seed: hosts,
    limit: new SharedLimit({ algorithm: 'fixed-window', limit: 1_000_000, windowMs: 60_000 }, 'allow'),
    strategy: (parts) => way.strategy(parts, { intervalMs: 100, fanout: FANOUT, leaders: LEADERS }),
    workloads: [
      {
        arrivals: { kind: 'poisson', steps: [{ atMs: 0, perSecond: all }] },
        hosts: { kind: 'even' },
        keys: { kind: 'one' },
        cost: 1,
      },
    ],
    settleMs: 1_000,
    durationMs: SETTLE_MS - 1_000 + measuredMs,
  });
  await simulation.runUntil(SETTLE_MS);
  simulation.traffic.clear();
  await simulation.run();
  const { sent, hottest } = simulation.traffic.totals(sharing);
  return { perSecond: (sent * 1_000) / measuredMs, hottest: (hottest * 1_000) / measuredMs };
}

function calculated(sharing: ReplicatedSharing, hosts: number): number {
  // With one key there is one slot that has it.
  const leaders = sharing === 'leader' ? 1 : LEADERS;
  return messagesPerSecond({ sharing, hosts, intervalMs: 100, fanout: FANOUT, leaders });
}

function assertNear(actual: number, expected: number, within: number, what: string): void {
  assert.ok(Math.abs(actual / expected - 1) <= within, `${what}: ${actual} a second, calculated ${expected}`);
}

/** b of a × hosts^b, by least squares of the logarithms. */
function exponentOf(points: readonly { readonly hosts: number; readonly value: number }[]): number {
  const logs = points.map(({ hosts, value }) => ({ x: Math.log(hosts), y: Math.log(value) }));
  const mean = (of: (log: { x: number; y: number }) => number) => logs.reduce((s, log) => s + of(log), 0) / logs.length;
  const [x, y] = [mean((log) => log.x), mean((log) => log.y)];
  return mean((log) => (log.x - x) * (log.y - y)) / mean((log) => (log.x - x) ** 2);
}

describe('messages a second', () => {
  it('mesh: as the square of the hosts, within 1 % of what is calculated', async () => {
    for (const hosts of [2, 5, 10, 30, 100, 200]) {
      const { perSecond } = await measured('mesh', hosts, { perHost: 60 });
      assertNear(perSecond, calculated('mesh', hosts), 0.01, `${hosts} hosts`);
    }
  });

  // While all that is new fits into one packet: with more of it, gossip's bytes grow faster than its hosts.
  it('gossip: as the hosts, and all hosts alike', async () => {
    for (const hosts of [5, 30, 100, 300, 1_000]) {
      const { perSecond, hottest } = await measured('gossip', hosts, { all: 60 });
      assertNear(perSecond, calculated('gossip', hosts), 0.1, `${hosts} hosts`);
      assert.ok(hottest < 200, `${hosts} hosts: ${hottest} at one of them`);
    }
  });

  it('leader: as the hosts, and all of them at the leader', async () => {
    for (const hosts of [2, 10, 100, 1_000]) {
      const { perSecond, hottest } = await measured('leader', hosts, { perHost: 60 });
      assertNear(perSecond, calculated('leader', hosts), 0.02, `${hosts} hosts`);
      assertNear(hottest, perSecond, 0.01, `${hosts} hosts, the hottest`);
    }
  });

  it('random leaders: twice as many, with two of them', async () => {
    for (const hosts of [3, 10, 100, 1_000]) {
      const { perSecond } = await measured('random-leaders', hosts, { perHost: 60 });
      assertNear(perSecond, calculated('random-leaders', hosts), 0.05, `${hosts} hosts`);
    }
  });

  it('grow with the hosts by the powers that are said: 2 of a mesh, 1 of gossip and leaders', async () => {
    const fitted = async (sharing: ReplicatedSharing, sizes: readonly number[], load: Load): Promise<number> => {
      const points: { readonly hosts: number; readonly value: number }[] = [];
      for (const hosts of sizes) points.push({ hosts, value: (await measured(sharing, hosts, load)).perSecond });
      return exponentOf(points);
    };
    const mesh = await fitted('mesh', [10, 20, 40, 80, 160], { perHost: 60 });
    assert.ok(mesh > 1.98 && mesh < 2.06, `mesh: ${mesh}`);
    for (const [sharing, load] of [
      ['gossip', { all: 60 }],
      ['leader', { perHost: 60 }],
      ['random-leaders', { perHost: 60 }],
    ] as const) {
      const exponent = await fitted(sharing, [10, 50, 250, 1_000], load);
      assert.ok(exponent > 0.97 && exponent < 1.04, `${sharing}: ${exponent}`);
    }
    const steady = { intervalMs: 100, fanout: FANOUT, leaders: LEADERS, sharing: 'mesh' } as const;
    const counted = [100, 200, 500, 1_000].map((hosts) => ({ hosts, value: messagesPerSecond({ ...steady, hosts }) }));
    assert.ok(Math.abs(exponentOf(counted) - 2) < 0.005);
  });

  it('none while nothing is asked', async () => {
    for (const sharing of ['mesh', 'gossip', 'leader', 'random-leaders'] as const) {
      const { perSecond } = await measured(sharing, 10, { all: 0 });
      // Whole states are exchanged every 10 s at most.
      assert.ok(perSecond <= 40, `${sharing}: ${perSecond}`);
    }
  });
});
