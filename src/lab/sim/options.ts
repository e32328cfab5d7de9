import type { Channel } from '../../cluster/channel.ts';
import type { Leadership } from '../../cluster/leadership.ts';
import type { Membership } from '../../cluster/membership.ts';
import type { Peer } from '../../cluster/peer.ts';
import type { Clock } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { PeerTraffic, Telemetry } from '../../core/telemetry.ts';
import type { Strategy } from '../../sharing/strategy.ts';
import type { Fault } from './faults.ts';
import type { Ground } from './gate.ts';
import type { DetectionTimes } from './ideal-view.ts';
import type { SharedLimit } from './shared-limit.ts';
import type { Weather } from './weather.ts';
import type { Workload } from './workload.ts';

/** What a way of sharing gets handed in on one simulated host. */
export interface HostParts {
  readonly self: Peer;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly membership: Membership;
  readonly leadership: Leadership;
  /** The shared cache, as this host reaches it. */
  readonly store: Strategy;
  channel(subject: PeerTraffic): Channel;
}

/** A membership that finds out by itself, over the network. */
export interface ProbingMembership {
  readonly membership: Membership;
  /** Begins; resolves when this host has joined the others, or has tried long enough. */
  start(): Promise<void>;
}

export interface ProbingParts {
  readonly self: Peer;
  readonly clock: Clock;
  readonly random: Random;
  readonly channel: Channel;
  /** Of all machines, as a host list says. */
  readonly addresses: readonly string[];
}

export interface SimulationOptions {
  /** One seed, one run. */
  readonly seed: number;
  readonly hosts: number;
  readonly limit: SharedLimit;
  readonly strategy: (parts: HostParts) => Strategy;
  /** Left out: membership is known without messages, in the times of `detection`. */
  readonly membership?: (parts: ProbingParts) => ProbingMembership;
  readonly detection: DetectionTimes;
  readonly weather: Weather;
  /** Greatest difference of a host's wall clock from true time, and of its rate. */
  readonly skewMs: number;
  readonly driftPpm: number;
  readonly workloads: readonly Workload[];
  readonly faults: readonly Fault[];
  /** Arrivals begin after so long: leaders are elected, hosts have found each other. Faults count from the same time. */
  readonly settleMs: number;
  /** How long requests arrive. */
  readonly durationMs: number;
  readonly coordination: { readonly slots: number; readonly ttlMs: number; readonly latencyMs: number };
  readonly store: { readonly weather: Weather; readonly timeoutMs: number };
  readonly audience: Audience;
}

/** One request that was decided. Times in milliseconds since the start of the simulation. */
export interface Decided {
  readonly key: number;
  readonly host: number;
  readonly cost: number;
  /** When the limiter was asked, and when the count was charged or not: later only where a store decides. */
  readonly askedAt: number;
  readonly at: number;
  readonly answeredAt: number;
  readonly allowed: boolean;
  readonly ground: Ground;
}

/** Who watches. */
export interface Audience {
  decided(decision: Decided): void;
  /** News of a host's counts arrived at another, so old. */
  stale?(seconds: number): void;
}
