import type { WindowedPolicy } from '../../algorithms/algorithm.ts';
import type { WindowedState } from '../../algorithms/registry.ts';
import { algorithmFor } from '../../algorithms/registry.ts';
import { StoreError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { VirtualClock } from '../../core/virtual-clock.ts';
import type { Check, CounterView, GroupVerdict, Strategy } from '../../sharing/strategy.ts';
import type { Process } from './machine.ts';
import type { Weather } from './weather.ts';
import { drawReliableDelay } from './weather.ts';

export interface StoreOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  /** Between a host and the store, one way. */
  readonly weather: Weather;
  /** What a gateway waits for an answer. */
  readonly timeoutMs: number;
  readonly unsettled: () => void;
}

const NOTHING: GroupVerdict = { allowed: true, verdicts: [], at: 0 };
/** A circuit opens after so many failures in a row, and one check after so long tries whether it may close. */
const FAILURES = 3;
const PROBE_MS = 500;

/** The shared cache: counts exactly, in one place, on its own clock. Knows no `concurrency`. */
export class CentralStore {
  readonly #options: StoreOptions;
  readonly #states = new Map<string, WindowedState>();
  readonly #cut = new Set<number>();
  out = false;
  /** Questions that have reached it. */
  asked = 0;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  cutOff(hosts: readonly number[], cut: boolean): void {
    for (const host of hosts) {
      if (cut) this.#cut.add(host);
      else this.#cut.delete(host);
    }
  }

  reaches(host: number): boolean {
    return !this.out && !this.#cut.has(host);
  }

  decide(group: readonly Check[]): GroupVerdict {
    const now = this.#options.clock.now();
    this.asked += 1;
    const decisions = group.map((check) => {
      const policy = windowed(check);
      return algorithmFor(policy).decide(policy, this.#states.get(check.counter), check.cost, now);
    });
    const allowed = decisions.every((decision, i) => decision.allowed || group[i]?.shadow === true);
    decisions.forEach((decision, i) => {
      const check = group[i];
      if (allowed && decision.allowed && check !== undefined) this.#states.set(check.counter, decision.next);
    });
    return { allowed, verdicts: decisions, at: now };
  }

  refund(group: readonly Check[], { verdicts, at }: GroupVerdict): void {
    group.forEach((check, i) => {
      const state = this.#states.get(check.counter);
      if (verdicts[i]?.allowed !== true || state === undefined) return;
      const policy = windowed(check);
      this.#states.set(check.counter, algorithmFor(policy).refund(policy, state, check.cost, at));
    });
  }

  view(check: Check): CounterView {
    const state = this.#states.get(check.counter);
    const policy = windowed(check);
    const { remaining, resetMs } = algorithmFor(policy).decide(policy, state, 0, this.#options.clock.now());
    return { present: state !== undefined, remaining, resetMs };
  }

  forget(check: Check): boolean {
    return this.#states.delete(check.counter);
  }

  /** The store as one process sees it. */
  strategy(process: Process): Strategy {
    return new StoreStrategy(this, process, this.#options);
  }
}

/** Asks the store once for each group, waits a bounded time, and leaves a store that fails alone for a while. */
class StoreStrategy implements Strategy {
  readonly sharing = 'redis';
  readonly #store: CentralStore;
  readonly #process: Process;
  readonly #options: StoreOptions;
  #failures = 0;
  #probeAt = 0;

  constructor(store: CentralStore, process: Process, options: StoreOptions) {
    this.#store = store;
    this.#process = process;
    this.#options = options;
  }

  async start(): Promise<void> {}
  async close(): Promise<void> {}

  check(group: readonly Check[]): GroupVerdict | Promise<GroupVerdict> {
    if (group.length === 0) return NOTHING;
    return this.#ask(() => this.#store.decide(group));
  }
  refund(group: readonly Check[], verdict: GroupVerdict): void {
    this.#ask(() => this.#store.refund(group, verdict)).catch(() => {});
  }
  release(): void {}
  peek(check: Check): Promise<CounterView> {
    return this.#ask(() => this.#store.view(check));
  }
  reset(check: Check): Promise<boolean> {
    return this.#ask(() => this.#store.forget(check));
  }

  #ask<Answer>(question: () => Answer): Promise<Answer> {
    const { timeoutMs, unsettled } = this.#options;
    const { clock } = this.#process;
    unsettled();
    if (this.#failures >= FAILURES && clock.monotonic() < this.#probeAt) {
      return Promise.reject(new StoreError('SLUICE_STORE_CIRCUIT_OPEN', 'the store failed lately'));
    }
    this.#probeAt = clock.monotonic() + PROBE_MS;
    return new Promise((resolve, reject) => {
      let open = true;
      const close = (settle: () => void): void => {
        if (!open) return;
        open = false;
        deadline.cancel();
        unsettled();
        settle();
      };
      const deadline = clock.after(timeoutMs, () => {
        this.#failures += 1;
        close(() => reject(new StoreError('SLUICE_STORE_TIMEOUT', `no answer within ${timeoutMs} ms`)));
      });
      this.#travel(() => {
        const answer = question();
        this.#travel(() => {
          clock.run(() => {
            this.#failures = 0;
            close(() => resolve(answer));
          });
        });
      });
    });
  }

  #travel(arrived: () => void): void {
    const { clock, random, weather } = this.#options;
    const delay = drawReliableDelay(weather, random);
    if (!Number.isFinite(delay) || !this.#store.reaches(this.#process.host)) return;
    clock.after(delay, () => {
      if (this.#store.reaches(this.#process.host)) arrived();
    });
  }
}

function windowed({ policy }: Check): WindowedPolicy {
  if (policy.algorithm === 'concurrency') throw new RangeError('the simulated store keeps no holders');
  return policy;
}
