import type { Clock, Timer } from '../core/clock.ts';
import type { KeyLayout } from '../redis/keys.ts';
import type { LuaScript } from '../redis/lua-script-loader.ts';
import { SlotMovingError } from '../redis/run-script.ts';
import type { ScriptRunner } from '../redis/script-runner.ts';
import { PolicyTable } from './redis-batch.ts';
import type { Check } from './strategy.ts';

export interface SettleOptions {
  readonly clock: Clock;
  readonly runner: ScriptRunner;
  readonly script: LuaScript;
  readonly keys: KeyLayout;
  /** Whether the server of a slot is worth asking now. */
  readonly usable: (slot: number) => boolean;
}

type Operation =
  | { readonly name: 'give-back'; readonly check: Check; readonly takenAt: number }
  | { readonly name: 'release' | 'renew'; readonly check: Check };

interface Holding {
  readonly check: Check;
  readonly leaseMs: number;
  renewedAt: number;
}

/** How often failed releases are sent again. */
const RETRY_MS = 200;
/** How often to look whether leases are due; a quarter of the shortest lease that can be configured. */
const RENEW_MS = 25;
/** Operations waiting at most; the oldest are dropped, which errs towards refusing until leases and windows end. */
const MAX_WAITING = 20_000;
const MAX_PER_CALL = 256;

/**
 * What is owed to Redis after a decision: units given back, holdings ended, leases of running requests renewed. Travels
 * in batches beside the checks and is never waited for. A release that could not be delivered is sent again, for it can
 * be repeated without harm; a give-back is not, for it cannot.
 */
export class SettleQueue {
  readonly #options: SettleOptions;
  readonly #holdings = new Map<string, Holding>();
  readonly #timers: readonly Timer[];
  /** When the first lease is due, on the monotonic clock; a lower bound. */
  #renewAt = Number.POSITIVE_INFINITY;
  #waiting: Operation[] = [];
  #scheduled = false;

  constructor(options: SettleOptions) {
    this.#options = options;
    const { clock } = options;
    this.#timers = [clock.every(RETRY_MS, () => this.#retry()), clock.every(RENEW_MS, () => this.#renew())];
  }

  /** Takes charge of renewing this holder's lease until {@link release}. */
  hold(check: Check): void {
    if (check.policy.algorithm !== 'concurrency' || check.holder === undefined) return;
    const holding = { check, leaseMs: check.policy.leaseMs, renewedAt: this.#options.clock.monotonic() };
    this.#holdings.set(check.holder, holding);
    this.#renewAt = Math.min(this.#renewAt, dueAt(holding));
  }

  release(check: Check): void {
    if (check.holder !== undefined) this.#holdings.delete(check.holder);
    this.#add({ name: 'release', check });
  }

  giveBack(check: Check, takenAt: number): void {
    this.#add({ name: 'give-back', check, takenAt });
  }

  /** Sends what is left and stops. */
  async close(): Promise<void> {
    for (const timer of this.#timers) timer.cancel();
    await this.#sendAll();
  }

  #add(operation: Operation): void {
    if (this.#waiting.length >= MAX_WAITING) this.#waiting.splice(0, MAX_WAITING / 10);
    this.#waiting.push(operation);
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock.endOfTurn(() => {
      this.#scheduled = false;
      void this.#sendAll();
    });
  }

  #retry(): void {
    if (this.#waiting.length > 0 && !this.#scheduled) void this.#sendAll();
  }

  #renew(): void {
    const now = this.#options.clock.monotonic();
    if (now < this.#renewAt) return;
    this.#renewAt = Number.POSITIVE_INFINITY;
    for (const holding of this.#holdings.values()) {
      if (now >= dueAt(holding)) {
        holding.renewedAt = now;
        this.#add({ name: 'renew', check: holding.check });
      }
      this.#renewAt = Math.min(this.#renewAt, dueAt(holding));
    }
  }

  async #sendAll(): Promise<void> {
    const all = this.#waiting;
    this.#waiting = [];
    const { runner, usable } = this.#options;
    const slots = Map.groupBy(all, (op) => runner.slotOf(this.#keyOf(op)));
    const calls: Promise<void>[] = [];
    runner.together(() => {
      for (const [slot, operations] of slots) {
        if (!usable(slot)) {
          this.#keepForLater(operations);
          continue;
        }
        for (let from = 0; from < operations.length; from += MAX_PER_CALL) {
          calls.push(this.#send(operations.slice(from, from + MAX_PER_CALL)));
        }
      }
    });
    await Promise.all(calls);
  }

  async #send(operations: readonly Operation[]): Promise<void> {
    const policies = new PolicyTable();
    const args: (string | number)[] = [];
    for (const op of operations) {
      const holder = op.check.holder ?? '';
      if (op.name === 'give-back') args.push('g', policies.indexOf(op.check.policy), op.check.cost, op.takenAt);
      else if (op.name === 'release') args.push('r', holder);
      else args.push('n', policies.indexOf(op.check.policy), holder);
    }
    const keys = operations.map((op) => this.#keyOf(op));
    try {
      await this.#options.runner.run(this.#options.script, keys, policies.arguments.concat(args));
    } catch (error) {
      if (error instanceof SlotMovingError) return this.#sendApart(operations);
      // The check path reports the store's trouble; here it only decides what is worth sending again.
      this.#keepForLater(operations.filter((op) => op.name === 'release'));
    }
  }

  /** Nothing was settled, for some of the keys have moved to another server and some have not: each on its own is found. */
  async #sendApart(operations: readonly Operation[]): Promise<void> {
    const byKey = [...Map.groupBy(operations, (op) => this.#keyOf(op)).values()];
    if (byKey.length > 1) await Promise.all(byKey.map((each) => this.#send(each)));
    else this.#keepForLater(operations);
  }

  #keepForLater(operations: readonly Operation[]): void {
    this.#waiting = operations.concat(this.#waiting).slice(-MAX_WAITING);
  }

  #keyOf(operation: Operation): string {
    return this.#options.keys.counter(operation.check.counter);
  }
}

/** Early enough that two renewals may be lost. */
function dueAt({ renewedAt, leaseMs }: Holding): number {
  return renewedAt + leaseMs / 3;
}
