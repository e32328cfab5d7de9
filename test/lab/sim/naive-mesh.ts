/**
 * The simplest way of sharing there can be, to try the simulation with: each interval every host tells all others how many units
 * it has taken in the current window. Fixed windows only.
 */
import type { Channel } from '../../../src/cluster/channel.ts';
import type { Timer } from '../../../src/core/clock.ts';
import type { HostParts } from '../../../src/lab/sim/options.ts';
import type { Check, CounterView, GroupVerdict, Strategy } from '../../../src/sharing/strategy.ts';

interface Window {
  index: number;
  own: number;
  readonly others: Map<string, number>;
}

type Told = readonly (readonly [counter: string, index: number, taken: number])[];

export class NaiveMesh implements Strategy {
  readonly sharing = 'mesh';
  readonly #parts: HostParts;
  readonly #channel: Channel;
  readonly #intervalMs: number;
  readonly #windows = new Map<string, Window>();
  #ticks: Timer | undefined;

  constructor(parts: HostParts, intervalMs: number) {
    this.#parts = parts;
    this.#intervalMs = intervalMs;
    this.#channel = parts.channel('mesh');
    this.#channel.receive({
      message: (from, payload) => this.#hear(`${from.address} ${from.incarnation}`, payload),
      question: () => this.#own(),
    });
  }

  async start(): Promise<void> {
    const { clock, membership } = this.#parts;
    for (const { address, incarnation } of membership.peers.slice(0, 3)) {
      const answer = await this.#channel.exchange(address, new Uint8Array()).catch(() => undefined);
      if (answer !== undefined) this.#hear(`${address} ${incarnation}`, answer);
    }
    this.#ticks = clock.every(this.#intervalMs, () => {
      const payload = this.#own();
      if (payload.length <= 2) return;
      for (const { address } of membership.peers) this.#channel.send(address, payload);
    });
  }

  async close(): Promise<void> {
    this.#ticks?.cancel();
  }

  check(group: readonly Check[]): GroupVerdict {
    const at = this.#parts.clock.now();
    const [check] = group;
    if (check === undefined || check.policy.algorithm !== 'fixed-window') throw new RangeError('fixed windows only');
    const window = this.#window(check.counter, Math.floor(at / check.policy.windowMs));
    const share = check.share ?? 1;
    const remaining = Math.floor(check.policy.limit * share) - window.own - sum(window.others);
    const allowed = remaining >= check.cost;
    if (allowed) window.own += check.cost;
    return { allowed, verdicts: [{ allowed, remaining, retryAfterMs: 0, resetMs: 0 }], at };
  }

  async peek({ counter, policy }: Check): Promise<CounterView> {
    const windowMs = policy.algorithm === 'concurrency' ? 1 : policy.windowMs;
    const window = this.#window(counter, Math.floor(this.#parts.clock.now() / windowMs));
    return { present: true, remaining: policy.limit - window.own - sum(window.others), resetMs: 0 };
  }

  refund(): void {}
  release(): void {}
  async reset(): Promise<boolean> {
    return false;
  }
  visibleShare(): number {
    return this.#parts.membership.visibleShare;
  }

  #window(counter: string, index: number): Window {
    const known = this.#windows.get(counter);
    if (known !== undefined && known.index >= index) return known;
    const made: Window = { index, own: 0, others: new Map() };
    this.#windows.set(counter, made);
    return made;
  }

  #own(): Uint8Array {
    const told: Told = [...this.#windows].map(([counter, { index, own }]) => [counter, index, own]);
    return Buffer.from(JSON.stringify(told));
  }

  #hear(from: string, payload: Uint8Array): void {
    const told: Told = JSON.parse(Buffer.from(payload).toString());
    for (const [counter, index, taken] of told) {
      const window = this.#window(counter, index);
      if (window.index === index) window.others.set(from, Math.max(taken, window.others.get(from) ?? 0));
    }
  }
}

function sum(counts: ReadonlyMap<string, number>): number {
  let all = 0;
  for (const count of counts.values()) all += count;
  return all;
}
