import type { Membership } from '../../cluster/membership.ts';
import type { Random } from '../../core/random.ts';
import { seededRandom } from '../../core/random.ts';
import type { Telemetry } from '../../core/telemetry.ts';
import { silentTelemetry } from '../../core/telemetry.ts';
import type { VirtualClock } from '../../core/virtual-clock.ts';
import { Denials } from '../../limiter/denials.ts';
import { LocalStrategy } from '../../sharing/local.ts';
import type { Strategy } from '../../sharing/strategy.ts';
import { Coordination } from './coordination.ts';
import type { Faultable } from './faults.ts';
import { Gate } from './gate.ts';
import { HostClock } from './host-clock.ts';
import { IdealMembership } from './ideal-membership.ts';
import { Machine, Process } from './machine.ts';
import { VirtualNetwork } from './network.ts';
import type { HostParts, ProbingMembership, SimulationOptions } from './options.ts';
import { CentralStore } from './store.ts';
import type { Trace } from './trace.ts';
import type { Weather } from './weather.ts';

export interface ClusterOptions {
  readonly simulation: SimulationOptions;
  readonly clock: VirtualClock;
  readonly trace: Trace;
  readonly seed: number;
  readonly unsettled: () => void;
}

/** What runs on one host. */
interface Gateway {
  readonly process: Process;
  readonly strategy: Strategy;
  readonly gate: Gate;
  ready: boolean;
  /** Requests that wait for the process to go on. */
  waiting: number;
}

/** Requests that wait for a process that stands still (a listening socket's backlog). */
const BACKLOG = 511;
const ALONE_KEYS = 10_000;

/** All hosts, what runs on them, and what runs beside them; and all that can go wrong with these. */
export class Cluster implements Faultable {
  readonly network: VirtualNetwork;
  readonly store: CentralStore;
  readonly coordination: Coordination;
  readonly #options: ClusterOptions;
  readonly #machines: readonly Machine[];
  readonly #membership: IdealMembership;
  readonly #gateways: (Gateway | undefined)[] = [];
  readonly #clocks: { skewMs: number; readonly driftPpm: number }[];
  readonly #lives: number[] = [];
  readonly #telemetry: Telemetry;
  readonly #weather: Weather;

  constructor(options: ClusterOptions) {
    const { clock, trace, seed, unsettled, simulation } = options;
    const { hosts, weather, detection, coordination, store, skewMs, driftPpm, audience } = simulation;
    this.#options = options;
    this.#weather = weather;
    const random = (purpose: number): Random => seededRandom(mix(seed, purpose));
    this.#machines = Array.from({ length: hosts }, (_, i) => new Machine(i));
    const ofClocks = random(1);
    this.#clocks = this.#machines.map(() => ({
      skewMs: skewMs * (2 * ofClocks.next() - 1),
      driftPpm: driftPpm * (2 * ofClocks.next() - 1),
    }));
    const machines = this.#machines;
    this.network = new VirtualNetwork({ clock, random: random(2), machines, weather, trace, unsettled });
    this.#membership = new IdealMembership({
      clock,
      random: random(3),
      machines,
      routes: this.network.routes,
      times: detection,
    });
    this.coordination = new Coordination({ clock, random: random(4), ...coordination });
    this.store = new CentralStore({ clock, random: random(5), unsettled, ...store });
    this.#telemetry = { ...silentTelemetry, staleness: (_sharing, seconds) => audience.stale?.(seconds) };
    this.start(machines.map(({ index }) => index));
  }

  /** Gateways that take requests. */
  serving(): readonly { readonly host: number; readonly strategy: Strategy }[] {
    return this.#gateways
      .filter((gateway) => gateway?.ready === true && !gateway.process.clock.paused)
      .flatMap((gateway) =>
        gateway === undefined ? [] : [{ host: gateway.process.host, strategy: gateway.strategy }],
      );
  }

  /** Has a host decide, now or when it goes on; false when nobody serves there. */
  serve(host: number, ask: (gate: Gate) => void): boolean {
    const gateway = this.#gateways[host];
    if (gateway?.ready !== true) return false;
    const { process, gate } = gateway;
    if (!process.clock.paused) {
      ask(gate);
      return true;
    }
    if (gateway.waiting >= BACKLOG) return false;
    gateway.waiting += 1;
    process.clock.run(() => {
      gateway.waiting -= 1;
      ask(gate);
    });
    return true;
  }

  after(ms: number, fn: () => void): void {
    this.#options.clock.after(ms, fn);
  }

  start(hosts: readonly number[]): void {
    const begun: Process[] = [];
    for (const host of hosts) {
      const machine = this.#machines[host];
      if (machine === undefined || !machine.on || machine.process !== undefined) continue;
      const clock = new HostClock({ base: this.#options.clock, ...(this.#clocks[host] ?? { skewMs: 0, driftPpm: 0 }) });
      const before = this.#lives[host] ?? 0;
      const incarnation = Math.max(clock.now(), before + 1);
      this.#lives[host] = incarnation;
      machine.process = new Process(host, { address: machine.address, incarnation }, clock);
      begun.push(machine.process);
    }
    // All of them are there before any of them looks round.
    for (const process of begun) this.#begin(process);
    this.#membership.changed();
  }

  #begin(process: Process): void {
    const { simulation, seed, unsettled } = this.#options;
    const { hosts, limit } = simulation;
    const random = seededRandom(mix(seed, 1_000 + process.host, process.self.incarnation));
    const probing = this.#probing(process, random);
    const membership: Membership = probing?.membership ?? this.#membership.join(process);
    process.heard = probing === undefined ? undefined : (from) => probing.membership.heard(from);
    const { self, clock } = process;
    const parts: HostParts = {
      self,
      clock,
      random,
      telemetry: this.#telemetry,
      membership,
      leadership: this.coordination.enter(process),
      store: this.store.strategy(process),
      channel: (subject) => this.network.channel(process, subject),
    };
    const strategy = simulation.strategy(parts);
    const alone = new LocalStrategy({ clock, maxKeys: ALONE_KEYS, telemetry: silentTelemetry });
    const denials = strategy.sharing === 'redis' ? new Denials(clock) : undefined;
    const now = (): number => clock.monotonic();
    const gate = new Gate({ strategy, denials, now, alone, onFailure: limit.onFailure, hosts });
    const gateway: Gateway = { process, strategy, gate, ready: false, waiting: 0 };
    this.#gateways[process.host] = gateway;
    unsettled();
    const begin = async (): Promise<void> => {
      await probing?.start();
      await strategy.start();
      gateway.ready = true;
    };
    void begin();
  }

  #probing(process: Process, random: Random): ProbingMembership | undefined {
    return this.#options.simulation.membership?.({
      self: process.self,
      clock: process.clock,
      random,
      channel: this.network.channel(process, 'membership'),
      addresses: this.#machines.map(({ address }) => address),
    });
  }

  crash(hosts: readonly number[]): void {
    for (const host of hosts) {
      const machine = this.#machines[host];
      if (machine?.process === undefined) continue;
      machine.process.clock.kill();
      machine.process = undefined;
      this.#gateways[host] = undefined;
      this.#membership.leave(host);
    }
    this.#membership.changed();
  }

  machines(hosts: readonly number[], on: boolean): void {
    for (const host of hosts) {
      const machine = this.#machines[host];
      if (machine !== undefined) machine.on = on;
    }
    if (!on) this.crash(hosts);
  }

  pause(hosts: readonly number[], paused: boolean): void {
    for (const host of hosts) {
      const clock = this.#machines[host]?.process?.clock;
      if (paused) clock?.pause();
      else clock?.resume();
    }
    this.#membership.changed();
  }

  leaderOf(slot: number): number | undefined {
    const address = this.coordination.holder(slot)?.address;
    return this.#machines.find((machine) => machine.address === address)?.index;
  }

  partition(sides: readonly (readonly number[])[]): void {
    this.network.routes.partition(sides);
    const cutOff = sides.flat();
    this.store.cutOff(cutOff, true);
    this.coordination.cutOff(cutOff, true);
    this.#membership.changed();
  }

  cut(from: readonly number[], to: readonly number[]): void {
    this.network.routes.cut(from, to);
    this.#membership.changed();
  }

  heal(): void {
    this.network.routes.heal();
    const all = this.#machines.map(({ index }) => index);
    this.store.cutOff(all, false);
    this.coordination.cutOff(all, false);
    this.#membership.changed();
  }

  weather(weather: Weather | undefined): void {
    this.network.routes.weather = weather ?? this.#weather;
  }

  storeOut(out: boolean): void {
    this.store.out = out;
  }

  coordinationOut(out: boolean): void {
    this.coordination.outage(out);
  }

  stepClocks(hosts: readonly number[], byMs: number): void {
    for (const host of hosts) {
      const clock = this.#clocks[host];
      if (clock !== undefined) clock.skewMs += byMs;
      this.#machines[host]?.process?.clock.stepWall(byMs);
    }
  }
}

/** A seed for one purpose, unlike those of all others. */
function mix(seed: number, purpose: number, life = 0): number {
  const text = seededRandom(seed ^ Math.imul(purpose + 1, 0x9e37_79b1) ^ (life % 0x7fff_ffff));
  return Math.floor(text.next() * 0xffff_ffff);
}
