import type { WindowedPolicy } from '../../algorithms/algorithm.ts';
import type { WindowedState } from '../../algorithms/registry.ts';
import { algorithmFor } from '../../algorithms/registry.ts';
import type { Audience, Decided } from './options.ts';

/** One key in one window: aligned to Unix time, as long as the policy's. */
export interface WindowCount {
  readonly key: number;
  /** Its number since the Unix epoch. */
  readonly index: number;
  /** Milliseconds since the start of the simulation, until before. */
  readonly fromMs: number;
  readonly untilMs: number;
  /** Units. */
  offered: number;
  admitted: number;
  /** Units that one all-knowing limiter would have admitted. */
  oracle: number;
  /** Units by which more was admitted than the limit allows at all (see {@link Accuracy}); 0 when none. */
  excess: number;
}

/** Sums over a whole run. */
export interface AccuracySums {
  readonly offered: number;
  readonly admitted: number;
  readonly oracle: number;
  /** Units refused that the all-knowing limiter admits, one by one: others may have been admitted in their place. */
  readonly falseDenials: number;
  /** Units that it admits beyond what was admitted, window by window. */
  readonly shortfall: number;
  /** The largest excess in any window. */
  readonly excess: number;
}

interface Key {
  readonly windows: Map<number, WindowCount>;
  oracle: WindowedState | undefined;
  /** Of a token bucket: what has flowed in beyond what flowed out; units. */
  debt: number;
  debtAt: number;
}

/**
 * Holds what hosts admitted together against a single limiter that sees all requests in true time, and against the limit itself:
 * - fixed-window: at most `limit` in each window;
 * - sliding-window: at most `limit` in each run of buckets − 1 sub-windows; the excess counts in the window of the last;
 * - token-bucket: at most burst + span × limit / window in any span: the level of a bucket that leaks as fast as theirs fills.
 */
export class Accuracy implements Audience {
  readonly #policy: WindowedPolicy;
  readonly #epochMs: () => number;
  readonly #sliceMs: number;
  /** Sub-windows that a limit holds for together. */
  readonly #run: number;
  readonly #keys = new Map<number, Key>();
  #falseDenials = 0;

  /** @param epochMs Unix time at the start of the simulation */
  constructor(policy: WindowedPolicy, epochMs: () => number) {
    this.#policy = policy;
    this.#epochMs = epochMs;
    this.#run = policy.algorithm === 'sliding-window' ? policy.buckets - 1 : 1;
    this.#sliceMs = Math.ceil(policy.windowMs / this.#run);
  }

  decided({ key: number, cost, at, allowed }: Decided): void {
    const key = this.#key(number);
    const window = this.#window(number, key, at);
    window.offered += cost;
    const policy = this.#policy;
    const oracle = algorithmFor(policy).decide(policy, key.oracle, cost, Math.floor(this.#epochMs() + at));
    if (oracle.allowed) {
      key.oracle = oracle.next;
      window.oracle += cost;
      if (!allowed) this.#falseDenials += cost;
    }
    if (!allowed) return;
    window.admitted += cost;
    if (policy.algorithm === 'token-bucket') {
      key.debt = Math.max(0, key.debt - ((at - key.debtAt) * policy.limit) / policy.windowMs) + cost;
      key.debtAt = at;
      // What was whole a moment before may be a hair less in floating point.
      window.excess = Math.max(window.excess, Math.floor(key.debt - policy.burst + 1e-6));
      return;
    }
    let together = 0;
    for (let i = 0; i < this.#run; i++) together += key.windows.get(window.index - i)?.admitted ?? 0;
    window.excess = Math.max(window.excess, together - policy.limit);
  }

  windows(): WindowCount[] {
    return [...this.#keys.values()].flatMap(({ windows }) => [...windows.values()]);
  }

  sums(): AccuracySums {
    const sums = { offered: 0, admitted: 0, oracle: 0, shortfall: 0, excess: 0 };
    for (const { offered, admitted, oracle, excess } of this.windows()) {
      sums.offered += offered;
      sums.admitted += admitted;
      sums.oracle += oracle;
      sums.shortfall += Math.max(0, oracle - admitted);
      sums.excess = Math.max(sums.excess, excess);
    }
    return { ...sums, falseDenials: this.#falseDenials };
  }

  #key(number: number): Key {
    const known = this.#keys.get(number);
    if (known !== undefined) return known;
    const made: Key = { windows: new Map(), oracle: undefined, debt: 0, debtAt: 0 };
    this.#keys.set(number, made);
    return made;
  }

  #window(number: number, key: Key, at: number): WindowCount {
    const epoch = this.#epochMs();
    const index = Math.floor((epoch + at) / this.#sliceMs);
    const known = key.windows.get(index);
    if (known !== undefined) return known;
    const fromMs = index * this.#sliceMs - epoch;
    const made = {
      key: number,
      index,
      fromMs,
      untilMs: fromMs + this.#sliceMs,
      offered: 0,
      admitted: 0,
      oracle: 0,
      excess: 0,
    };
    key.windows.set(index, made);
    return made;
  }
}
