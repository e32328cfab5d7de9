import type { Clock } from '../core/clock.ts';
import { withDeadline } from '../core/deadline.ts';
import { StoreError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { Telemetry } from '../core/telemetry.ts';
import type { KeyLayout } from '../redis/keys.ts';
import type { LuaScript } from '../redis/lua-script-loader.ts';
import type { ScriptRunner } from '../redis/script-runner.ts';
import { policyArguments } from './redis-batch.ts';
import { SettleQueue } from './redis-settle.ts';
import { late } from './redis-shard.ts';
import { RedisShards } from './redis-shards.ts';
import type { Check, CounterView, GroupVerdict, Strategy, Verdict } from './strategy.ts';

export interface RedisScripts {
  readonly check: LuaScript;
  readonly settle: LuaScript;
  readonly peek: LuaScript;
  readonly reset: LuaScript;
  readonly announceReset: LuaScript;
}

export interface RedisStrategyOptions {
  readonly clock: Clock;
  readonly runner: ScriptRunner;
  readonly scripts: RedisScripts;
  readonly keys: KeyLayout;
  /** No check waits longer, in milliseconds. */
  readonly timeoutMs: number;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
}

/** The checks of one group that share a slot. */
interface Part {
  readonly slot: number;
  readonly checks: Check[];
  /** Their places in the group. */
  readonly places: number[];
}

const CLOSED = new StoreError('SLUICE_STORE_CONNECTION', 'the gateway is shutting down');
const NO_VERDICTS: GroupVerdict = { allowed: true, verdicts: [], at: 0 };

/**
 * Exact counting in Redis. All checks that arrive in one turn of the event loop and whose counters share a slot travel in
 * one script call, which decides each request's checks together and atomically, by the server's clock; calls to one
 * server share a write. A request whose counters lie in several slots is charged in all of them at once and gets back
 * what it took when one refuses: nothing is ever admitted above a limit, and for as long as a give-back is on its way
 * somebody else may be refused. Where one of the servers gives no answer, the others' answers stand.
 *
 * A check that timed out may still be counted when Redis comes back: the error is towards refusing, never towards
 * admitting more.
 */
export class RedisStrategy implements Strategy {
  readonly sharing = 'redis';
  readonly #options: RedisStrategyOptions;
  readonly #shards: RedisShards;
  readonly #settle: SettleQueue;
  #flushScheduled = false;
  #closed = false;

  constructor(options: RedisStrategyOptions) {
    this.#options = options;
    const { clock, runner, scripts, keys } = options;
    this.#settle = new SettleQueue({
      clock,
      runner,
      script: scripts.settle,
      keys,
      usable: (slot) => this.#shards.of(slot)?.usable === true,
    });
    this.#shards = new RedisShards({
      ...options,
      script: scripts.check,
      onCharged: (group, verdict) => this.#keepHolding(group, verdict),
      onLost: (group) => this.#abandon(group),
    });
  }

  async start(): Promise<void> {
    await this.#shards.start();
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#shards.stop();
    await withDeadline(this.#options.clock, this.#options.timeoutMs, this.#settle.close(), late).catch(() => {});
  }

  check(group: readonly Check[]): Promise<GroupVerdict> {
    if (this.#closed) return Promise.reject(CLOSED);
    const first = group[0];
    if (first === undefined) return Promise.resolve(NO_VERDICTS);
    const slot = this.#slotOf(first);
    for (let i = 1; i < group.length; i++) {
      const check = group[i];
      if (check !== undefined && this.#slotOf(check) !== slot) return this.#checkParts(group);
    }
    return this.#ask(slot, group);
  }

  refund(group: readonly Check[], verdict: GroupVerdict): void {
    group.forEach((check, i) => {
      if (verdict.verdicts[i]?.allowed !== true) return;
      if (check.policy.algorithm === 'concurrency') this.release(check);
      else this.#settle.giveBack(check, verdict.ats?.[i] ?? verdict.at);
    });
  }

  release(check: Check): void {
    this.#settle.release(check);
  }

  async peek(check: Check): Promise<CounterView> {
    const args = [1, ...policyArguments(check.policy)];
    const reply = await this.#run(this.#options.scripts.peek, this.#keyOf(check), args);
    const [present, remaining, resetMs] = Array.isArray(reply) ? (reply as unknown[]) : [];
    if (typeof present !== 'number' || typeof remaining !== 'number' || typeof resetMs !== 'number') {
      throw new StoreError('SLUICE_STORE_REPLY', 'redis answered a peek with something unexpected');
    }
    return { present: present === 1, remaining, resetMs };
  }

  async reset(check: Check): Promise<boolean> {
    const { scripts, keys } = this.#options;
    const existed = await this.#run(scripts.reset, this.#keyOf(check), []);
    await this.#run(scripts.announceReset, keys.resets, []);
    return existed === 1;
  }

  #keyOf(check: Check): string {
    return this.#options.keys.counter(check.counter);
  }

  #slotOf(check: Check): number {
    return this.#options.runner.slotOf(this.#keyOf(check));
  }

  #ask(slot: number, group: readonly Check[]): Promise<GroupVerdict> {
    const shard = this.#shards.of(slot);
    if (shard === undefined) {
      this.#options.telemetry.storeError('connection');
      return Promise.reject(NO_SERVER);
    }
    if (!this.#flushScheduled) {
      this.#flushScheduled = true;
      this.#options.clock.endOfTurn(this.#flush);
    }
    return shard.ask(slot, group);
  }

  readonly #flush = (): void => {
    this.#flushScheduled = false;
    this.#shards.flush();
  };

  /** Charges every part where it lives, at the same time; what cannot stand as a whole is given back. */
  async #checkParts(group: readonly Check[]): Promise<GroupVerdict> {
    const parts = new Map<number, Part>();
    group.forEach((check, place) => {
      const slot = this.#slotOf(check);
      const part = parts.get(slot);
      if (part === undefined) parts.set(slot, { slot, checks: [check], places: [place] });
      else {
        part.checks.push(check);
        part.places.push(place);
      }
    });
    const all = [...parts.values()];
    const answers = await Promise.allSettled(all.map((part) => this.#ask(part.slot, part.checks)));
    const answered = answers.filter((answer) => answer.status === 'fulfilled');
    const allowed = answered.every(({ value }) => value.allowed);
    const verdicts: (Verdict | undefined)[] = group.map(() => undefined);
    const ats: number[] = [];
    let failure: unknown;
    answers.forEach((answer, i) => {
      const part = all[i];
      if (part === undefined) return;
      if (answer.status === 'rejected') {
        failure = answer.reason;
        return;
      }
      if (!allowed && answer.value.allowed) this.refund(part.checks, answer.value);
      part.places.forEach((place, j) => {
        verdicts[place] = answer.value.verdicts[j];
        ats[place] = answer.value.at;
      });
    });
    if (answered.length === 0) throw failure;
    const verdict = { allowed, verdicts, at: ats[0] ?? 0, ats };
    return failure === undefined ? verdict : { ...verdict, failure };
  }

  /** Starts renewing the leases of what this group now holds. */
  #keepHolding(group: readonly Check[], verdict: GroupVerdict): void {
    for (let i = 0; i < group.length; i++) {
      const check = group[i];
      if (check?.policy.algorithm === 'concurrency' && verdict.verdicts[i]?.allowed === true) this.#settle.hold(check);
    }
  }

  /** Nobody knows whether these holdings were taken; if they were, they must not last until their lease ends. */
  #abandon(group: readonly Check[]): void {
    for (const check of group) if (check.policy.algorithm === 'concurrency') this.#settle.release(check);
  }

  #run(script: LuaScript, key: string, args: readonly (string | number)[]): Promise<unknown> {
    if (this.#closed) return Promise.reject(CLOSED);
    const { clock, runner, timeoutMs } = this.#options;
    return withDeadline(clock, timeoutMs, runner.run(script, [key], args), late);
  }
}

const NO_SERVER = new StoreError('SLUICE_STORE_CONNECTION', 'redis: no server is known for the slot of this key');
