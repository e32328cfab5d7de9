import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Telemetry } from '../core/telemetry.ts';
import type { CircuitState } from '../redis/circuit.ts';
import type { KeyLayout } from '../redis/keys.ts';
import type { LuaScript } from '../redis/lua-script-loader.ts';
import type { ScriptRunner } from '../redis/script-runner.ts';
import { RedisShard } from './redis-shard.ts';
import type { Check, GroupVerdict } from './strategy.ts';

export interface ShardsOptions {
  readonly clock: Clock;
  readonly runner: ScriptRunner;
  readonly script: LuaScript;
  readonly keys: KeyLayout;
  readonly timeoutMs: number;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly onCharged: (group: readonly Check[], verdict: GroupVerdict) => void;
  readonly onLost: (group: readonly Check[]) => void;
}

/** Numbers tried to find a key on a server: with 100 servers one is missed once in 10^17 searches. */
const PROBE_NUMBERS = 4_000;

/** A shard for each server that serves slots; they come and go with failovers and resharding. */
export class RedisShards {
  readonly #options: ShardsOptions;
  readonly #byServer = new Map<string, RedisShard>();

  constructor(options: ShardsOptions) {
    this.#options = options;
  }

  /** Finds out which servers there are and whether they count. Resolves in any case. */
  async start(): Promise<void> {
    const { runner, keys } = this.#options;
    for (let n = 0; n < PROBE_NUMBERS; n++) this.of(runner.slotOf(keys.probe(n)));
    const started = [...this.#byServer.values()];
    await Promise.all(started.map((shard) => shard.probe().catch(() => shard.assumeDown())));
    if (started.length === 0) this.#tell();
  }

  /** The shard of the server that serves the slot; undefined while none is known. */
  of(slot: number): RedisShard | undefined {
    const server = this.#options.runner.serverOf(slot);
    if (server === undefined) return undefined;
    const known = this.#byServer.get(server);
    if (known !== undefined) return known;
    const shard = this.#create(server);
    this.#byServer.set(server, shard);
    return shard;
  }

  flush(): void {
    this.#options.runner.together(this.#flushAll);
  }

  stop(): void {
    for (const shard of this.#byServer.values()) shard.stop();
  }

  readonly #flushAll = (): void => {
    for (const shard of this.#byServer.values()) shard.flush();
  };

  #create(server: string): RedisShard {
    const { clock, runner, script, keys, timeoutMs, telemetry, logger, onCharged, onLost } = this.#options;
    return new RedisShard({
      server,
      clock,
      runner,
      script,
      timeoutMs,
      telemetry,
      logger,
      onCharged,
      onLost,
      keyOf: (counter) => keys.counter(counter),
      probeKey: () => this.#keyOn(server),
      onState: () => this.#tell(),
    });
  }

  /** A key that lives on the server. When there is none, it has lost its slots and its shard is forgotten. */
  #keyOn(server: string): string | undefined {
    const { runner, keys } = this.#options;
    for (let n = 0; n < PROBE_NUMBERS; n++) {
      const key = keys.probe(n);
      if (runner.serverOf(runner.slotOf(key)) === server) return key;
    }
    this.#byServer.get(server)?.stop();
    this.#byServer.delete(server);
    return undefined;
  }

  /** One state for all: the worst, for it is what an operator must know of. */
  #tell(): void {
    const states = [...this.#byServer.values()].map((shard) => shard.state);
    const worst: CircuitState = states.includes('open')
      ? 'open'
      : states.includes('half_open')
        ? 'half_open'
        : 'closed';
    this.#options.telemetry.circuit(worst);
  }
}
