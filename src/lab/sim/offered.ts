import type { Decided } from './options.ts';

/** Units and when they were asked for, in order of time. */
interface Series {
  readonly at: number[];
  readonly cost: number[];
}

/** What was offered of one key: over any time, and at most within a span. For runs that are short enough to be remembered. */
export class Offered {
  readonly #hosts = new Map<number, Series>();
  readonly #all: Series = { at: [], cost: [] };

  add({ host, at, cost }: Decided): void {
    let series = this.#hosts.get(host);
    if (series === undefined) {
      series = { at: [], cost: [] };
      this.#hosts.set(host, series);
    }
    for (const each of [series, this.#all]) {
      each.at.push(at);
      each.cost.push(cost);
    }
  }

  /** Most units within any span of `ms`, over all hosts together. */
  mostWithin(ms: number): number {
    return mostOf(this.#all, ms);
  }

  /** The sum, over hosts, of the most that was offered to each within any span of `ms`: those spans may lie apart. */
  mostOfEachWithin(ms: number): number {
    let sum = 0;
    for (const series of this.#hosts.values()) sum += mostOf(series, ms);
    return sum;
  }

  /** Units offered between two times, both included. */
  between(fromMs: number, untilMs: number): number {
    let sum = 0;
    this.#all.at.forEach((at, i) => {
      if (at >= fromMs && at <= untilMs) sum += this.#all.cost[i] ?? 0;
    });
    return sum;
  }
}

function mostOf({ at, cost }: Series, ms: number): number {
  let most = 0;
  let inside = 0;
  let first = 0;
  for (let i = 0; i < at.length; i++) {
    inside += cost[i] ?? 0;
    while ((at[first] ?? 0) < (at[i] ?? 0) - ms) inside -= cost[first++] ?? 0;
    most = Math.max(most, inside);
  }
  return most;
}
