/** The ways of sharing that random runs choose from. */
import type { WindowedPolicy } from '../../../src/algorithms/algorithm.ts';
import { silentTelemetry } from '../../../src/core/telemetry.ts';
import type { ReplicatedSharing, SharingName } from '../../../src/core/types.ts';
import type { HostParts } from '../../../src/lab/sim/options.ts';
import { sharedCodec } from '../../../src/lab/sim/shared-codec.ts';
import { GossipStrategy } from '../../../src/sharing/gossip.ts';
import { LeaderStrategy } from '../../../src/sharing/leader.ts';
import { LocalStrategy } from '../../../src/sharing/local.ts';
import { MeshStrategy } from '../../../src/sharing/mesh.ts';
import { RandomLeadersStrategy } from '../../../src/sharing/random-leaders.ts';
import type { ReplicatedOptions } from '../../../src/sharing/replicated-strategy.ts';
import type { Strategy } from '../../../src/sharing/strategy.ts';
import { UNTOLD } from '../../../src/sharing/totals.ts';

export interface WaySettings {
  readonly intervalMs: number;
  readonly fanout: number;
  readonly leaders: number;
}

export interface Way {
  readonly name: string;
  /** Whose formula holds for it. */
  readonly sharing: SharingName;
  readonly algorithms: readonly WindowedPolicy['algorithm'][];
  /** All hosts come to know the same, once nothing is asked any more for so long. Left out: they need not. */
  readonly quietMs?: (hosts: number) => number;
  /** What a crashed host told some only, and what of it was lost, never gets to all. */
  readonly forgetsTheDead?: true;
  /** Units of a key that others may not be told of until somebody else asks for it. */
  readonly untold?: number;
  strategy(parts: HostParts, settings: WaySettings): Strategy;
}

const ALL = ['fixed-window', 'sliding-window', 'token-bucket'] as const;

/** What every way of sharing with a replica takes. */
function replicated(parts: HostParts, sharing: ReplicatedSharing, intervalMs: number): ReplicatedOptions {
  const { clock, random, membership, telemetry } = parts;
  const channel = parts.channel(sharing);
  return { clock, random, channel, membership, telemetry, codec: sharedCodec, intervalMs, maxKeys: 10_000 };
}

export const WAYS: readonly Way[] = [
  {
    name: 'local',
    sharing: 'local',
    algorithms: ALL,
    strategy: ({ clock }) => new LocalStrategy({ clock, maxKeys: 10_000, telemetry: silentTelemetry }),
  },
  { name: 'redis', sharing: 'redis', algorithms: ALL, quietMs: () => 1_000, strategy: ({ store }) => store },
  {
    name: 'mesh',
    sharing: 'mesh',
    algorithms: ALL,
    // What was lost twice waits until either of two hosts has picked the other among all, every 10 s: the chance that none has is e^-14.
    quietMs: (hosts) => 7 * hosts * 10_000,
    forgetsTheDead: true,
    strategy: (parts, { intervalMs }) => new MeshStrategy(replicated(parts, 'mesh', intervalMs)),
  },
  {
    name: 'gossip',
    sharing: 'gossip',
    algorithms: ALL,
    quietMs: () => 120_000,
    strategy: (parts, { intervalMs, fanout }) =>
      new GossipStrategy({ ...replicated(parts, 'gossip', intervalMs), fanout }),
  },
  {
    name: 'leader',
    sharing: 'leader',
    algorithms: ALL,
    quietMs: () => 60_000,
    forgetsTheDead: true,
    untold: UNTOLD,
    strategy: (parts, { intervalMs }) =>
      new LeaderStrategy({ ...replicated(parts, 'leader', intervalMs), leadership: parts.leadership }),
  },
  {
    name: 'random-leaders',
    sharing: 'random-leaders',
    algorithms: ALL,
    quietMs: () => 60_000,
    forgetsTheDead: true,
    untold: UNTOLD,
    strategy: (parts, { intervalMs, leaders }) =>
      new RandomLeadersStrategy({ ...replicated(parts, 'random-leaders', intervalMs), leaders }),
  },
];
