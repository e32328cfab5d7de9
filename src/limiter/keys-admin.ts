import type { CounterView } from '../sharing/strategy.ts';

/** One counter of a key, as the admin API shows it. */
export interface KeyCounterView extends CounterView {
  /** `100/1m sliding-window, 2 buckets` */
  readonly policy: string;
  readonly limit: number;
}

/** Looking at and resetting single keys, for operators. */
export interface KeyAdmin {
  /** undefined: no limit of that name. Rejects with a StoreError when the store cannot be asked. */
  peek(limit: string, key: string): Promise<readonly KeyCounterView[] | undefined>;
  /** Forgets the key's counters (and local denials of it); true when any existed, undefined: no limit of that name. */
  reset(limit: string, key: string): Promise<boolean | undefined>;
}
