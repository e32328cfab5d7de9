/** The ways of sharing as an experiment builds them, and two ways to share nothing that they are compared with. */
import { silentTelemetry } from '../core/telemetry.ts';
import type { ReplicatedSharing } from '../core/types.ts';
import { GossipStrategy } from '../sharing/gossip.ts';
import { LeaderStrategy } from '../sharing/leader.ts';
import { LocalStrategy } from '../sharing/local.ts';
import { MeshStrategy } from '../sharing/mesh.ts';
import { RandomLeadersStrategy } from '../sharing/random-leaders.ts';
import type { ReplicaHosts } from '../sharing/replica-hosts.ts';
import type { ReplicatedOptions } from '../sharing/replicated-strategy.ts';
import type { Strategy } from '../sharing/strategy.ts';
import type { HostParts } from './sim/options.ts';
import { sharedCodec } from './sim/shared-codec.ts';

/** `none`: each host enforces the whole limit alone. `split`: each enforces the limit ÷ hosts. */
export const WAYS = ['none', 'split', 'redis', 'mesh', 'gossip', 'leader', 'random-leaders'] as const;
export type Way = (typeof WAYS)[number];

/** Baselines share nothing. */
export function isBaseline(way: Way): way is 'none' | 'split' {
  return way === 'none' || way === 'split';
}

export interface WaySettings {
  readonly intervalMs: number;
  readonly fanout: number;
  readonly leaders: number;
}

const MAX_KEYS = 100_000;

/** @param hosts shared by all hosts of one simulation */
export function buildWay(way: Way, parts: HostParts, settings: WaySettings, hosts: ReplicaHosts): Strategy {
  switch (way) {
    case 'none':
    case 'split':
      return new LocalStrategy({ clock: parts.clock, maxKeys: MAX_KEYS, telemetry: silentTelemetry });
    case 'redis':
      return parts.store;
    case 'mesh':
      return new MeshStrategy(replicated(parts, way, settings, hosts));
    case 'gossip':
      return new GossipStrategy({ ...replicated(parts, way, settings, hosts), fanout: settings.fanout });
    case 'leader':
      return new LeaderStrategy({ ...replicated(parts, way, settings, hosts), leadership: parts.leadership });
    case 'random-leaders':
      return new RandomLeadersStrategy({
        ...replicated(parts, way, settings, hosts),
        leaders: Math.max(2, settings.leaders),
      });
  }
}

function replicated(
  parts: HostParts,
  sharing: ReplicatedSharing,
  { intervalMs }: WaySettings,
  hosts: ReplicaHosts,
): ReplicatedOptions {
  const { clock, random, membership, telemetry } = parts;
  const channel = parts.channel(sharing);
  return { clock, random, channel, membership, telemetry, codec: sharedCodec, intervalMs, maxKeys: MAX_KEYS, hosts };
}
