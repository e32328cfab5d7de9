import type { Policy } from '../algorithms/algorithm.ts';
import type { SharingName } from '../core/types.ts';

/** One counter asked by one request. */
export interface Check {
  /** The limit's name, for reports; never part of the counter's identity by itself. */
  readonly limit: string;
  /** Identity of the counter, unique over limits, rates and keys; printable ASCII without spaces, at most 200 characters. */
  readonly counter: string;
  readonly policy: Policy;
  /** Units to take, whole and positive. */
  readonly cost: number;
  /** A shadow check never stops the others; it is charged only when it and all enforced ones are allowed. */
  readonly shadow: boolean;
  /** Units of this counter may be bought ahead and used from memory, where the strategy can. */
  readonly lease: boolean;
  /** For `concurrency`: names this holder, unique among all instances. */
  readonly holder: string | undefined;
  /**
   * The part of the policy's limit that the visible hosts may use, in (0, 1]; left out: all of it. Below 1 only for strategies with a
   * {@link Strategy.visibleShare}: hosts that cannot be seen may be using the rest.
   */
  readonly share?: number;
}

export interface Verdict {
  /** Whether this counter had room, whatever the others said. */
  readonly allowed: boolean;
  readonly remaining: number;
  readonly retryAfterMs: number;
  readonly resetMs: number;
}

/** The answer to a group of checks of one request. */
export interface GroupVerdict {
  /** True when every enforced check that was answered had room. Only then has anything been charged. */
  readonly allowed: boolean;
  /** One for each check, in order; undefined where the server that counts it gave no answer. */
  readonly verdicts: readonly (Verdict | undefined)[];
  /** Why some gave none, while others did: counters of one group may live on several servers. */
  readonly failure?: unknown;
  /** The strategy's time of the charge, for {@link Strategy.refund}. Milliseconds on the strategy's own timeline. */
  readonly at: number;
  /** The same for each check, where their counters live on servers with clocks of their own. */
  readonly ats?: readonly number[];
}

/** What an operator sees of one counter. */
export interface CounterView {
  readonly remaining: number;
  readonly resetMs: number;
  /** False when the counter holds nothing: never asked, or expired. */
  readonly present: boolean;
}

/**
 * A way of sharing counts between instances. Implementations get clock, randomness, transport, store and membership
 * handed in; they know no HTTP. The shared suite in test/conformance/strategy.ts holds for every implementation.
 */
export interface Strategy {
  readonly sharing: SharingName;
  /** Acquires what it needs. Resolves also when the store is not there yet: checks then fail until it is. */
  start(): Promise<void>;
  /** Gives everything back; no timer and no socket stays. Checks after it reject. */
  close(): Promise<void>;
  /**
   * Decides all checks of one request together: all enforced ones have room and everything that has room is charged, or
   * nothing is. Answers synchronously where no I/O is needed. Rejects with a StoreError when no count can be reached in
   * time, and leaves out the verdicts of those that cannot while others can; the caller then applies the limits' failure
   * policy to what has no verdict. Never waits longer than the store's timeout.
   */
  check(group: readonly Check[]): GroupVerdict | Promise<GroupVerdict>;
  /** Gives back what an allowed `verdict` on `group` charged. Best effort: never throws, failures only err towards refusing. */
  refund(group: readonly Check[], verdict: GroupVerdict): void;
  /** Ends the holding of an allowed `concurrency` check. Best effort; a lost release expires with its lease. */
  release(check: Check): void;
  /** Reads a counter without charging it. */
  peek(check: Check): Promise<CounterView>;
  /** Forgets a counter; true when there was one. */
  reset(check: Check): Promise<boolean>;
  /**
   * For strategies that decide on what other hosts tell: the part of the hosts last known that is visible now, in (0, 1]. Below
   * 1 counts may be missing, and the caller applies each limit's failure policy: `local` by {@link Check.share}.
   */
  visibleShare?(): number;
}
