import type { Clock } from '../core/clock.ts';
import { withDeadline } from '../core/deadline.ts';
import { reasonOf, StoreError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import type { StoreErrorKind, Telemetry } from '../core/telemetry.ts';
import { Circuit } from '../redis/circuit.ts';
import type { ScriptRunner } from '../redis/connection.ts';
import type { KeyLayout } from '../redis/keys.ts';
import type { LuaScript } from '../redis/lua-script-loader.ts';
import { OutageLog } from '../redis/outage-log.ts';
import { decodeReply, encodeBatch, policyArguments } from './redis-batch.ts';
import { SettleQueue } from './redis-settle.ts';
import type { Check, CounterView, GroupVerdict, Strategy } from './strategy.ts';

export interface RedisScripts {
  readonly check: LuaScript;
  readonly settle: LuaScript;
  readonly peek: LuaScript;
  readonly reset: LuaScript;
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

/** Checks in one script call at most: Redis answers nobody else meanwhile (about 10 µs a check). */
const MAX_CHECKS_PER_CALL = 256;
/** Checks waiting for Redis at most; beyond it a check fails at once. */
const MAX_WAITING = 20_000;
const FAILURES_TO_OPEN = 3;
const PROBE_PAUSE_MS = 100;
const PROBE_PAUSE_MAX_MS = 1_000;

const PROBE: Check = {
  limit: '',
  counter: '',
  policy: { algorithm: 'fixed-window', limit: 1_000_000_000, windowMs: 1_000 },
  cost: 1,
  shadow: false,
  holder: undefined,
};

interface Waiting {
  readonly group: readonly Check[];
  readonly resolve: (verdict: GroupVerdict) => void;
  readonly reject: (error: StoreError) => void;
}

// One instance serves every refused check: building an error, with its stack, costs more than a decision.
const CIRCUIT_OPEN = new StoreError('SLUICE_STORE_CIRCUIT_OPEN', 'redis failed repeatedly and is left alone for now');
const OVERLOADED = new StoreError('SLUICE_STORE_OVERLOADED', `more than ${MAX_WAITING} checks are waiting for redis`);
const CLOSED = new StoreError('SLUICE_STORE_CONNECTION', 'the gateway is shutting down');

/**
 * Exact counting in Redis. All checks that arrive in one turn of the event loop travel in one script call, which decides
 * each request's checks together and atomically, by the server's clock.
 *
 * A check that timed out may still be counted when Redis comes back: the error is towards refusing, never towards
 * admitting more.
 */
export class RedisStrategy implements Strategy {
  readonly sharing = 'redis';
  readonly #options: RedisStrategyOptions;
  readonly #circuit: Circuit;
  readonly #settle: SettleQueue;
  readonly #log: OutageLog;
  /** Groups of this turn, by the shard that holds their counters. */
  #turn = new Map<number, Waiting[]>();
  #turnScheduled = false;
  #waiting = 0;
  #lastFailure = '';
  #closed = false;

  constructor(options: RedisStrategyOptions) {
    this.#options = options;
    this.#log = new OutageLog({
      clock: options.clock,
      logger: options.logger,
      failing: 'redis: cannot count; failure policies decide until it can',
      working: 'redis: counts again',
    });
    this.#circuit = new Circuit({
      clock: options.clock,
      failures: FAILURES_TO_OPEN,
      pauseMs: PROBE_PAUSE_MS,
      maxPauseMs: PROBE_PAUSE_MAX_MS,
      probe: () => this.#probe(),
      onState: (state) => {
        options.telemetry.circuit(state);
        if (state === 'open') this.#log.failed(this.#lastFailure);
        if (state === 'closed') this.#log.works();
      },
    });
    this.#settle = new SettleQueue({
      clock: options.clock,
      runner: options.runner,
      script: options.scripts.settle,
      keys: options.keys,
      usable: () => this.#circuit.state === 'closed',
    });
  }

  async start(): Promise<void> {
    try {
      await this.#probe();
    } catch {
      for (let i = 0; i < FAILURES_TO_OPEN; i++) this.#circuit.failed();
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#circuit.stop();
    await withDeadline(this.#options.clock, this.#options.timeoutMs, this.#settle.close(), late).catch(() => {});
  }

  check(group: readonly Check[]): Promise<GroupVerdict> {
    if (this.#closed) return Promise.reject(CLOSED);
    if (this.#circuit.state !== 'closed') {
      this.#options.telemetry.storeError('circuit_open');
      return Promise.reject(CIRCUIT_OPEN);
    }
    if (this.#waiting >= MAX_WAITING) {
      this.#options.telemetry.storeError('overloaded');
      return Promise.reject(OVERLOADED);
    }
    this.#waiting += 1;
    return new Promise((resolve, reject) => {
      const first = group[0];
      const shard = first === undefined ? 0 : this.#options.runner.shardOf(this.#keyOf(first.counter));
      const turn = this.#turn.get(shard);
      if (turn === undefined) this.#turn.set(shard, [{ group, resolve, reject }]);
      else turn.push({ group, resolve, reject });
      if (!this.#turnScheduled) {
        this.#turnScheduled = true;
        this.#options.clock.endOfTurn(this.#flush);
      }
    });
  }

  refund(group: readonly Check[], verdict: GroupVerdict): void {
    group.forEach((check, i) => {
      if (verdict.verdicts[i]?.allowed !== true) return;
      if (check.policy.algorithm === 'concurrency') this.release(check);
      else this.#settle.giveBack(check, verdict.at);
    });
  }

  release(check: Check): void {
    this.#settle.release(check);
  }

  async peek(check: Check): Promise<CounterView> {
    const reply = await this.#ask(
      this.#options.scripts.peek,
      [this.#keyOf(check.counter)],
      [1, ...policyArguments(check.policy)],
    );
    const [present, remaining, resetMs] = Array.isArray(reply) ? (reply as unknown[]) : [];
    if (typeof present !== 'number' || typeof remaining !== 'number' || typeof resetMs !== 'number') {
      throw new StoreError('SLUICE_STORE_REPLY', 'redis answered a peek with something unexpected');
    }
    return { present: present === 1, remaining, resetMs };
  }

  async reset(check: Check): Promise<boolean> {
    const { scripts, keys } = this.#options;
    return (await this.#ask(scripts.reset, [this.#keyOf(check.counter), keys.resets], [])) === 1;
  }

  readonly #keyOf = (counter: string): string => this.#options.keys.counter(counter);

  readonly #flush = (): void => {
    const turn = this.#turn;
    this.#turn = new Map();
    this.#turnScheduled = false;
    for (const waiting of turn.values()) {
      let from = 0;
      let checks = 0;
      for (let i = 0; i < waiting.length; i++) {
        checks += waiting[i]?.group.length ?? 0;
        if (checks >= MAX_CHECKS_PER_CALL || i === waiting.length - 1) {
          this.#send(from === 0 && i === waiting.length - 1 ? waiting : waiting.slice(from, i + 1));
          from = i + 1;
          checks = 0;
        }
      }
    }
  };

  #send(waiting: readonly Waiting[]): void {
    const { clock, runner, scripts, telemetry, timeoutMs } = this.#options;
    const groups = waiting.map((w) => w.group);
    const batch = encodeBatch(groups, this.#keyOf);
    const sentAt = clock.monotonic();
    let open = true;
    const fail = (error: StoreError): void => {
      if (!open) return;
      open = false;
      this.#waiting -= waiting.length;
      this.#lastFailure = error.message;
      this.#circuit.failed();
      telemetry.storeError(kindOf(error));
      for (const w of waiting) {
        this.#abandon(w.group);
        w.reject(error);
      }
    };
    const timer = clock.after(timeoutMs, () => fail(late()));
    runner.run(scripts.check, batch.keys, batch.args).then(
      (reply) => {
        timer.cancel();
        if (!open) return;
        let verdicts: GroupVerdict[];
        try {
          verdicts = decodeReply(reply, groups);
        } catch (error) {
          fail(asStoreError(error));
          return;
        }
        open = false;
        this.#waiting -= waiting.length;
        this.#circuit.succeeded();
        telemetry.storeRoundtrip((clock.monotonic() - sentAt) / 1_000, batch.checks);
        waiting.forEach((w, i) => {
          const verdict = verdicts[i];
          if (verdict === undefined) return;
          this.#keepHolding(w.group, verdict);
          w.resolve(verdict);
        });
      },
      (error: unknown) => {
        timer.cancel();
        fail(asStoreError(error));
      },
    );
  }

  /** Starts renewing the leases of what this group now holds. */
  #keepHolding(group: readonly Check[], verdict: GroupVerdict): void {
    if (!verdict.allowed) return;
    for (let i = 0; i < group.length; i++) {
      const check = group[i];
      if (check?.policy.algorithm === 'concurrency' && verdict.verdicts[i]?.allowed === true) this.#settle.hold(check);
    }
  }

  /** Nobody knows whether these holdings were taken; if they were, they must not last until their lease ends. */
  #abandon(group: readonly Check[]): void {
    for (const check of group) if (check.policy.algorithm === 'concurrency') this.#settle.release(check);
  }

  /** Counts something, as a check would: a server that answers may still be unable to (a replica, no memory, no permission). */
  async #probe(): Promise<void> {
    const { keys, args } = encodeBatch([[PROBE]], () => this.#options.keys.probe);
    try {
      await this.#ask(this.#options.scripts.check, keys, args);
    } catch (error) {
      this.#lastFailure = reasonOf(error);
      throw error;
    }
  }

  #ask(script: LuaScript, keys: readonly string[], args: readonly (string | number)[]): Promise<unknown> {
    if (this.#closed) return Promise.reject(CLOSED);
    const { clock, runner, timeoutMs } = this.#options;
    return withDeadline(clock, timeoutMs, runner.run(script, keys, args), late);
  }
}

function late(): StoreError {
  return new StoreError('SLUICE_STORE_TIMEOUT', 'redis: it does not answer in time');
}

function asStoreError(error: unknown): StoreError {
  return error instanceof StoreError ? error : new StoreError('SLUICE_STORE_REPLY', reasonOf(error), { cause: error });
}

function kindOf(error: StoreError): StoreErrorKind {
  switch (error.code) {
    case 'SLUICE_STORE_TIMEOUT':
      return 'timeout';
    case 'SLUICE_STORE_CONNECTION':
      return 'connection';
    default:
      return 'reply';
  }
}
