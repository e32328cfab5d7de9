import type { Clock } from '../core/clock.ts';
import { withDeadline } from '../core/deadline.ts';
import { reasonOf, StoreError } from '../core/errors.ts';
import type { Logger } from '../core/logger.ts';
import { OutageLog } from '../core/outage-log.ts';
import type { StoreErrorKind, Telemetry } from '../core/telemetry.ts';
import type { CircuitState } from '../redis/circuit.ts';
import { Circuit } from '../redis/circuit.ts';
import type { LuaScript } from '../redis/lua-script-loader.ts';
import { RedirectedError, SlotMovingError } from '../redis/run-script.ts';
import type { ScriptRunner } from '../redis/script-runner.ts';
import { decodeReply, encodeBatch } from './redis-batch.ts';
import type { Check, GroupVerdict } from './strategy.ts';

export interface ShardOptions {
  /** Name of the server, for the log. */
  readonly server: string;
  readonly clock: Clock;
  readonly runner: ScriptRunner;
  readonly script: LuaScript;
  readonly keyOf: (counter: string) => string;
  /** A key on this server to find out with whether it counts; undefined when it serves no slot any more. */
  readonly probeKey: () => string | undefined;
  readonly timeoutMs: number;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly onState: (state: CircuitState) => void;
  /** A group was charged. */
  readonly onCharged: (group: readonly Check[], verdict: GroupVerdict) => void;
  /** Nobody knows whether this group was charged. */
  readonly onLost: (group: readonly Check[]) => void;
}

/** Checks in one script call at most: Redis answers nobody else meanwhile (about 6 µs a check). */
const MAX_CHECKS_PER_CALL = 256;
/** Groups waiting for one server at most; beyond it a check fails at once. */
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
  lease: false,
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

/** Checks on one server: gathered by slot, sent in batches, guarded by a circuit of its own. */
export class RedisShard {
  readonly #options: ShardOptions;
  readonly #circuit: Circuit;
  readonly #log: OutageLog;
  /** Groups of this turn, by slot. */
  #turn = new Map<number, Waiting[]>();
  #waiting = 0;
  #lastFailure = '';

  constructor(options: ShardOptions) {
    this.#options = options;
    const { clock, logger, server } = options;
    this.#log = new OutageLog({
      clock,
      logger,
      failing: `redis: ${server} cannot count; failure policies decide until it can`,
      working: `redis: ${server} counts again`,
    });
    this.#circuit = new Circuit({
      clock,
      failures: FAILURES_TO_OPEN,
      pauseMs: PROBE_PAUSE_MS,
      maxPauseMs: PROBE_PAUSE_MAX_MS,
      probe: () => this.probe(),
      onState: (state) => {
        options.onState(state);
        if (state === 'open') this.#log.failed(this.#lastFailure);
        if (state === 'closed') this.#log.works();
      },
    });
  }

  get usable(): boolean {
    return this.#circuit.state === 'closed';
  }

  get state(): CircuitState {
    return this.#circuit.state;
  }

  /** Nothing is known of the server yet: probes find out. */
  assumeDown(): void {
    for (let i = 0; i < FAILURES_TO_OPEN; i++) this.#circuit.failed();
  }

  stop(): void {
    this.#circuit.stop();
  }

  /** Adds a group, all of one slot, to this turn's batch. The caller sees to it that {@link flush} is called. */
  ask(slot: number, group: readonly Check[]): Promise<GroupVerdict> {
    if (!this.usable) {
      this.#options.telemetry.storeError('circuit_open');
      return Promise.reject(CIRCUIT_OPEN);
    }
    if (this.#waiting >= MAX_WAITING) {
      this.#options.telemetry.storeError('overloaded');
      return Promise.reject(OVERLOADED);
    }
    this.#waiting += 1;
    return new Promise((resolve, reject) => {
      const turn = this.#turn.get(slot);
      if (turn === undefined) this.#turn.set(slot, [{ group, resolve, reject }]);
      else turn.push({ group, resolve, reject });
    });
  }

  /** Sends what was asked in this turn. */
  flush(): void {
    if (this.#turn.size === 0) return;
    const turn = this.#turn;
    this.#turn = new Map();
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
  }

  /** Counts something, as a check would: a server that answers may still be unable to (a replica, no memory, no permission). */
  async probe(): Promise<void> {
    const { clock, runner, script, timeoutMs } = this.#options;
    const key = this.#options.probeKey();
    // A server without slots is asked nothing any more; whoever has them now has a circuit of its own.
    if (key === undefined) return;
    const { keys, args } = encodeBatch([[PROBE]], () => key);
    try {
      await withDeadline(clock, timeoutMs, runner.run(script, keys, args), late);
    } catch (error) {
      this.#lastFailure = reasonOf(error);
      throw error;
    }
  }

  /** @param deadline on the monotonic clock: nobody waits longer, also when it takes a second call */
  #send(waiting: readonly Waiting[], deadline = this.#options.clock.monotonic() + this.#options.timeoutMs): void {
    const { clock, runner, script, telemetry } = this.#options;
    const groups = waiting.map((w) => w.group);
    const batch = encodeBatch(groups, this.#options.keyOf);
    const sentAt = clock.monotonic();
    let open = true;
    const fail = (error: StoreError): void => {
      if (!open) return;
      open = false;
      const apart = error instanceof SlotMovingError ? byCounters(waiting) : [];
      if (apart.length > 1) {
        for (const each of apart) this.#send(each, deadline);
        return;
      }
      this.#waiting -= waiting.length;
      this.#lastFailure = error.message;
      // Where it sent us on to has a circuit of its own.
      if (!(error instanceof RedirectedError)) this.#circuit.failed();
      telemetry.storeError(kindOf(error));
      for (const w of waiting) {
        this.#options.onLost(w.group);
        w.reject(error);
      }
    };
    const timer = clock.after(Math.max(0, deadline - sentAt), () => fail(late()));
    runner.run(script, batch.keys, batch.args).then(
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
        for (let i = 0; i < waiting.length; i++) {
          const w = waiting[i];
          const verdict = verdicts[i];
          if (w === undefined || verdict === undefined) continue;
          if (verdict.allowed) this.#options.onCharged(w.group, verdict);
          w.resolve(verdict);
        }
      },
      (error: unknown) => {
        timer.cancel();
        fail(asStoreError(error));
      },
    );
  }
}

/** Requests for the same counters together, others apart. */
function byCounters(waiting: readonly Waiting[]): readonly (readonly Waiting[])[] {
  return [...Map.groupBy(waiting, ({ group }) => group.map(({ counter }) => counter).join(' ')).values()];
}

export function late(): StoreError {
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
