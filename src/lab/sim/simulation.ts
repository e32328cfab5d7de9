import { systemClock } from '../../core/clock.ts';
import { seededRandom } from '../../core/random.ts';
import { VirtualClock } from '../../core/virtual-clock.ts';
import type { CounterView } from '../../sharing/strategy.ts';
import { Cluster } from './cluster.ts';
import { schedule } from './faults.ts';
import type { SimulationOptions } from './options.ts';
import { Trace } from './trace.ts';
import type { Traffic } from './traffic.ts';
import type { Arrival } from './workload.ts';
import { arrivalsOf } from './workload.ts';

/** What one host says of one key. */
export interface HostView {
  readonly host: number;
  readonly view: CounterView;
}

const DECISION = 4;

/**
 * Many hosts, one network, one virtual time. Everything that happens comes from the options; the same ones give the same
 * run, event by event, which {@link digest} tells.
 */
export class Simulation {
  readonly clock: VirtualClock;
  readonly #options: SimulationOptions;
  readonly #trace = new Trace();
  readonly #cluster: Cluster;
  readonly #epochMs: number;
  #unsettled = true;
  #unserved = 0;

  constructor(options: SimulationOptions) {
    const random = seededRandom(options.seed);
    // Somewhere in a window, whatever its length.
    this.#epochMs = 1_700_000_000_000 + random.below(100_000_000);
    this.clock = new VirtualClock(this.#epochMs);
    this.#options = options;
    this.#cluster = new Cluster({
      simulation: options,
      clock: this.clock,
      trace: this.#trace,
      seed: options.seed,
      unsettled: () => {
        this.#unsettled = true;
      },
    });
    schedule(
      options.faults.map((fault) => ({ ...fault, atMs: fault.atMs + options.settleMs })),
      this.#cluster,
    );
    options.workloads.forEach((workload, i) => {
      const scene = {
        random: seededRandom(options.seed + 7_919 * (i + 1)),
        hosts: options.hosts,
        fromMs: options.settleMs,
        untilMs: options.settleMs + options.durationMs,
        epochMs: this.#epochMs,
      };
      this.#pump(arrivalsOf(workload, scene));
    });
  }

  /** Unix time at the start of the simulation. */
  get epochMs(): number {
    return this.#epochMs;
  }
  /** Names the run: the same for the same options and code. */
  get digest(): string {
    return this.#trace.digest;
  }
  get traffic(): Traffic {
    return this.#cluster.network.traffic;
  }
  /** Callbacks run and messages delivered so far. */
  get events(): number {
    return this.clock.ran + this.#cluster.network.deliveries;
  }
  /** Requests that came to a host that did not serve. */
  get unserved(): number {
    return this.#unserved;
  }
  get cluster(): Cluster {
    return this.#cluster;
  }

  /** Goes on until so many milliseconds after the start. */
  async runUntil(ms: number): Promise<void> {
    for (;;) {
      // Nothing that waits for a promise may be overtaken by later events.
      if (this.#unsettled) await this.#settle();
      if (!this.clock.step(ms)) return;
    }
  }

  /** Until the last request has been decided. */
  run(): Promise<void> {
    return this.runUntil(this.#options.settleMs + this.#options.durationMs);
  }

  /** What each serving host says of a key, all asked at the same moment. Lets time pass only where a host has to ask others. */
  async views(key: number): Promise<readonly HostView[]> {
    const check = this.#options.limit.check(key, 1);
    const views: HostView[] = [];
    const asked = this.#cluster.serving();
    for (const { host, strategy } of asked) void strategy.peek(check).then((view) => views.push({ host, view }));
    this.#unsettled = true;
    for (await this.#settle(); views.length < asked.length; ) await this.runUntil(this.clock.monotonic() + 1);
    return views;
  }

  async #settle(): Promise<void> {
    await new Promise<void>((resolve) => systemClock.endOfTurn(resolve));
    this.#unsettled = false;
  }

  #pump(arrivals: Iterator<Arrival, void>): void {
    const next = arrivals.next();
    if (next.done) return;
    this.clock.after(next.value.at - this.clock.monotonic(), () => {
      this.#pump(arrivals);
      this.#offer(next.value);
    });
  }

  #offer({ host, key, cost }: Arrival): void {
    const served = this.#cluster.serve(host, (gate) => {
      const askedAt = this.clock.monotonic();
      gate.ask(this.#options.limit.check(key, cost), (allowed, ground, at) => {
        const answeredAt = this.clock.monotonic();
        this.#trace.tell(answeredAt, DECISION, host, (key << 1) | (allowed ? 1 : 0));
        this.#options.audience.decided({
          key,
          host,
          cost,
          askedAt,
          at: at === undefined ? askedAt : at - this.#epochMs,
          answeredAt,
          allowed,
          ground,
        });
      });
    });
    if (!served) this.#unserved += 1;
  }
}
