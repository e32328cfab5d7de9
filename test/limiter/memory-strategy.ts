import type { Policy } from '../../src/algorithms/algorithm.ts';
import { StoreError } from '../../src/core/errors.ts';
import type { SharingName } from '../../src/core/types.ts';
import type { Check, CounterView, GroupVerdict, Strategy, Verdict } from '../../src/sharing/strategy.ts';

/**
 * A strategy in plain sight: every counter is one number that only charges and refunds move, and no window ever ends.
 * What a real one does in a store, it does in a Map, so that a test can read the books.
 */
export class MemoryStrategy implements Strategy {
  readonly sharing: SharingName;
  readonly used = new Map<string, number>();
  readonly holders = new Map<string, string>();
  readonly groups: (readonly Check[])[] = [];
  /** What a refused check is told. */
  retryAfterMs = 12_300;
  resetMs = 40_000;
  /** Thrown by the next checks, while set. */
  failing: Error | undefined;
  /** Counters whose server gives no answer. */
  lost: (counter: string) => boolean = () => false;
  refunds = 0;
  releases = 0;

  constructor(sharing: SharingName) {
    this.sharing = sharing;
  }

  async start(): Promise<void> {}
  async close(): Promise<void> {}

  check(group: readonly Check[]): GroupVerdict | Promise<GroupVerdict> {
    return this.decide(group);
  }

  decide(group: readonly Check[]): GroupVerdict {
    this.groups.push(group);
    if (this.failing !== undefined) throw this.failing;
    const answered = group.map(({ counter }) => !this.lost(counter));
    if (!answered.includes(true)) throw outage();
    const room = group.map(
      (check) => this.#used(check.counter) + check.cost <= capacity(check.policy) * (check.share ?? 1),
    );
    const allowed = group.every((check, i) => !answered[i] || check.shadow || room[i]);
    const verdicts = group.map((check, i): Verdict | undefined => {
      if (!answered[i]) return undefined;
      const had = room[i] === true;
      const left = Math.max(0, capacity(check.policy) - this.#used(check.counter));
      return {
        allowed: had,
        remaining: had ? left - check.cost : left,
        retryAfterMs: had ? 0 : this.retryAfterMs,
        resetMs: this.resetMs,
      };
    });
    if (allowed) for (const check of group.filter((_, i) => answered[i] && room[i])) this.#charge(check);
    const verdict = { allowed, verdicts, at: 1 };
    return answered.includes(false) ? { ...verdict, failure: outage() } : verdict;
  }

  refund(group: readonly Check[], verdict: GroupVerdict): void {
    this.refunds += 1;
    group.forEach((check, i) => {
      if (verdict.verdicts[i]?.allowed !== true) return;
      if (check.holder !== undefined) this.#end(check);
      this.used.set(check.counter, this.#used(check.counter) - check.cost);
    });
  }

  release(check: Check): void {
    this.releases += 1;
    this.#end(check);
    this.used.set(check.counter, this.#used(check.counter) - check.cost);
  }

  async peek(check: Check): Promise<CounterView> {
    if (this.failing !== undefined) throw this.failing;
    const present = this.used.has(check.counter);
    return {
      present,
      remaining: capacity(check.policy) - this.#used(check.counter),
      resetMs: present ? this.resetMs : 0,
    };
  }

  async reset(check: Check): Promise<boolean> {
    if (this.failing !== undefined) throw this.failing;
    return this.used.delete(check.counter);
  }

  /** Units taken under all counters together. */
  get total(): number {
    return [...this.used.values()].reduce((sum, units) => sum + units, 0);
  }

  #used(counter: string): number {
    return this.used.get(counter) ?? 0;
  }

  #charge(check: Check): void {
    if (check.holder !== undefined) {
      if (this.holders.has(check.holder)) throw new Error(`holder ${check.holder} came twice`);
      this.holders.set(check.holder, check.counter);
    }
    this.used.set(check.counter, this.#used(check.counter) + check.cost);
  }

  #end(check: Check): void {
    if (check.holder === undefined || this.holders.get(check.holder) !== check.counter) {
      throw new Error(`nobody holds ${check.counter} as ${check.holder}`);
    }
    this.holders.delete(check.holder);
  }
}

/** Answers in a later turn, as a store does; fails by rejecting. */
export class AsyncStrategy extends MemoryStrategy {
  override async check(group: readonly Check[]): Promise<GroupVerdict> {
    await Promise.resolve();
    return this.decide(group);
  }
}

/** Decides in memory on what other hosts tell, and may have lost sight of some. */
export class PeerStrategy extends MemoryStrategy {
  visible = 1;
  visibleShare(): number {
    return this.visible;
  }
}

export function outage(): StoreError {
  return new StoreError('SLUICE_STORE_TIMEOUT', 'the store did not answer in time');
}

function capacity(policy: Policy): number {
  return policy.algorithm === 'token-bucket' ? policy.burst : policy.limit;
}
