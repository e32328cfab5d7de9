/** Several gateways with leases around one store that is the pure algorithm, over a virtual clock and a bad network. */
import type { WindowedPolicy } from '../../src/algorithms/algorithm.ts';
import { algorithmFor } from '../../src/algorithms/registry.ts';
import type { Clock, Timer } from '../../src/core/clock.ts';
import { StoreError } from '../../src/core/errors.ts';
import type { Random } from '../../src/core/random.ts';
import { seededRandom } from '../../src/core/random.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import { isLeasable, subWindowOf } from '../../src/sharing/lease.ts';
import { LeasedStrategy } from '../../src/sharing/leased.ts';
import { LocalStrategy } from '../../src/sharing/local.ts';
import type { Check, CounterView, GroupVerdict, Strategy } from '../../src/sharing/strategy.ts';

export interface Weather {
  /** Longest way to the store, and back, each; milliseconds. */
  readonly delayMs: number;
  /** Probability that a message, either way, is lost. */
  readonly loss: number;
  /** What a gateway waits for an answer. */
  readonly timeoutMs: number;
}

/** How often the gateways come to work on what has arrived. */
const STEP_MS = 8;

/** A gateway's own clocks: some origin, some wall time, ticking like the store's. */
class OwnClock implements Clock {
  readonly #base: VirtualClock;
  readonly #origin: number;
  readonly #wall: number;
  constructor(base: VirtualClock, random: Random) {
    this.#base = base;
    this.#origin = random.next() * 1e6;
    this.#wall = 1.7e12 + random.next() * 1e9;
  }
  now(): number {
    return Math.floor(this.#base.monotonic() + this.#wall);
  }
  monotonic(): number {
    return this.#base.monotonic() + this.#origin;
  }
  after(ms: number, fn: () => void): Timer {
    return this.#base.after(ms, fn);
  }
  every(ms: number, fn: () => void): Timer {
    return this.#base.every(ms, fn);
  }
  endOfTurn(fn: () => void): void {
    this.#base.endOfTurn(fn);
  }
}

/** Units that the store has charged and not got back, by the sub-window that they count in. */
class Ledger {
  readonly #charged = new Map<string, number>();

  note(check: Check, units: number, at: number): void {
    const entry = entryOf(check, at);
    this.#charged.set(entry, (this.#charged.get(entry) ?? 0) + units);
  }

  /** The first sub-window in which more was admitted than was paid for in it. */
  firstUnpaid(check: Check, admissions: readonly Admission[]): string | undefined {
    const used = new Map<string, number>();
    for (const { at, cost } of admissions) {
      const entry = entryOf(check, at);
      used.set(entry, (used.get(entry) ?? 0) + cost);
    }
    for (const [entry, units] of used) {
      const charged = this.#charged.get(entry) ?? 0;
      if (units > charged) return `${units} admitted, ${charged} paid in ${entry}`;
    }
    return undefined;
  }
}

function entryOf({ counter, policy }: Check, at: number): string {
  return isLeasable(policy) ? `${counter} ${Math.floor(at / subWindowOf(policy))}` : counter;
}

/** The store as one gateway sees it through the network. */
class RemoteStore implements Strategy {
  readonly sharing = 'redis';
  readonly #clock: VirtualClock;
  readonly #store: LocalStrategy;
  readonly #random: Random;
  readonly #weather: Weather;
  readonly #ledger: Ledger;
  alive = true;
  /** Checks asked of the store. */
  checks = 0;

  constructor({ clock, store, random, weather, ledger }: World) {
    this.#clock = clock;
    this.#store = store;
    this.#random = random;
    this.#weather = weather;
    this.#ledger = ledger;
  }

  async start(): Promise<void> {}
  async close(): Promise<void> {}

  check(group: readonly Check[]): Promise<GroupVerdict> {
    this.checks += group.length;
    return new Promise((resolve, reject) => {
      const late = () => reject(new StoreError('SLUICE_STORE_TIMEOUT', 'late'));
      const timer = this.#clock.after(this.#weather.timeoutMs, late);
      this.#travel(() => {
        const verdict = this.#store.check(group) as GroupVerdict;
        if (verdict.allowed) for (const check of group) this.#ledger.note(check, check.cost, verdict.at);
        this.#travel(() => {
          timer.cancel();
          resolve(verdict);
        });
      });
    });
  }

  refund(group: readonly Check[], verdict: GroupVerdict): void {
    this.#travel(() => {
      for (const check of group) this.#ledger.note(check, -check.cost, verdict.at);
      this.#store.refund(group, verdict);
    });
  }

  release(): void {}
  peek(check: Check): Promise<CounterView> {
    return this.#store.peek(check);
  }
  reset(check: Check): Promise<boolean> {
    return this.#store.reset(check);
  }

  #travel(arrive: () => void): void {
    if (!this.alive || this.#random.next() < this.#weather.loss) return;
    this.#clock.after(this.#random.next() * this.#weather.delayMs, arrive);
  }
}

export class WorldGateway {
  readonly strategy: LeasedStrategy;
  readonly clock: Clock;
  readonly remote: RemoteStore;
  readonly units = { bought: 0, used: 0, returned: 0, expired: 0 };

  constructor(world: World) {
    this.clock = new OwnClock(world.clock, world.random);
    this.remote = new RemoteStore(world);
    const { units } = this;
    this.strategy = new LeasedStrategy({
      clock: this.clock,
      inner: this.remote,
      timeoutMs: world.weather.timeoutMs,
      liveInstances: () => world.live,
      telemetry: {
        ...silentTelemetry,
        leased: (_limit, count) => {
          units.used += count;
        },
        leaseUnits: (_limit, result, count) => {
          units[result] += count;
        },
      },
    });
  }

  /** Units it holds by its own books. */
  get held(): number {
    return this.units.bought - this.units.used - this.units.returned - this.units.expired;
  }
}

export interface Admission {
  /** The store's time at which the gateway said yes, as it would have been written down there. */
  readonly at: number;
  readonly cost: number;
  readonly leased: boolean;
}

export class World {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly weather: Weather;
  readonly store: LocalStrategy;
  readonly live: number;
  readonly ledger = new Ledger();
  gateways: WorldGateway[] = [];

  constructor(seed: number, live: number, weather: Weather) {
    this.random = seededRandom(seed);
    this.clock = new VirtualClock(1_700_000_000_000 + this.random.next() * 100_000);
    this.weather = weather;
    this.live = live;
    this.store = new LocalStrategy({ clock: this.clock, maxKeys: 100, telemetry: silentTelemetry });
  }

  async start(): Promise<void> {
    for (let i = 0; i < this.live; i++) await this.#add(i);
  }

  /** The gateway vanishes with all that it holds and what is on its way, and comes back knowing nothing. */
  async crash(index: number): Promise<void> {
    const gone = this.gateways[index];
    if (gone !== undefined) {
      gone.remote.alive = false;
      // Stops its timers; nothing that it sends arrives.
      void gone.strategy.close();
    }
    await this.#add(index);
  }

  /** Lets time pass, then lets every answer that arrived be worked on. */
  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= STEP_MS) {
      this.clock.advance(Math.min(left, STEP_MS));
      // All promises settle before it comes.
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  async #add(index: number): Promise<void> {
    const gateway = new WorldGateway(this);
    await gateway.strategy.start();
    this.gateways[index] = gateway;
  }
}

/**
 * The first admission that the pure algorithm, counting each unit when it was used, would have refused. All bounds of the
 * algorithms follow from there being none.
 */
export function firstBeyond(policy: WindowedPolicy, admissions: readonly Admission[]): Admission | undefined {
  const algorithm = algorithmFor(policy);
  let state: Parameters<typeof algorithm.decide>[1];
  for (const admission of admissions.toSorted((a, b) => a.at - b.at)) {
    const decision = algorithm.decide(policy, state, admission.cost, admission.at);
    if (!decision.allowed) return admission;
    state = decision.next;
  }
  return undefined;
}
