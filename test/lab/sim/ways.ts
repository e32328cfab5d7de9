/** The ways of sharing that random runs choose from. */
import type { WindowedPolicy } from '../../../src/algorithms/algorithm.ts';
import { silentTelemetry } from '../../../src/core/telemetry.ts';
import type { SharingName } from '../../../src/core/types.ts';
import type { HostParts } from '../../../src/lab/sim/options.ts';
import { LocalStrategy } from '../../../src/sharing/local.ts';
import type { Strategy } from '../../../src/sharing/strategy.ts';
import { NaiveMesh } from './naive-mesh.ts';

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
  /** All hosts come to know the same. */
  readonly converges: boolean;
  strategy(parts: HostParts, settings: WaySettings): Strategy;
}

const ALL = ['fixed-window', 'sliding-window', 'token-bucket'] as const;

export const WAYS: readonly Way[] = [
  {
    name: 'local',
    sharing: 'local',
    algorithms: ALL,
    converges: false,
    strategy: ({ clock }) => new LocalStrategy({ clock, maxKeys: 10_000, telemetry: silentTelemetry }),
  },
  { name: 'redis', sharing: 'redis', algorithms: ALL, converges: true, strategy: ({ store }) => store },
  {
    name: 'naive-mesh',
    sharing: 'mesh',
    algorithms: ['fixed-window'],
    // A new life does not learn what earlier ones of other hosts have counted.
    converges: false,
    strategy: (parts, { intervalMs }) => new NaiveMesh(parts, intervalMs),
  },
];
