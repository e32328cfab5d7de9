import type { Clock, Timer } from '../../core/clock.ts';
import { withDeadline } from '../../core/deadline.ts';
import { reasonOf } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import { OutageLog } from '../../core/outage-log.ts';
import type { Discovery } from './discovery.ts';

/** A place where hosts write down that they live, for a while at a time. */
export interface RegistryStore {
  /**
   * Says that the host at `address` (`host:port`) lives for the next `leaseMs` milliseconds by the store's own clock, and
   * asks who else does.
   * @throws StoreError when the store does not answer in time or refuses
   */
  beat(address: string, leaseMs: number): Promise<Roll>;
  /**
   * Takes the host out.
   * @throws StoreError
   */
  leave(address: string): Promise<void>;
}

export interface Roll {
  /** Everybody who lives, whoever asks included, in no order. */
  readonly addresses: readonly string[];
  /** Whoever asks was not there any more, or not yet. */
  readonly joined: boolean;
}

export interface RegistryOptions {
  /** What the store is: `redis`, `etcd`. */
  readonly source: string;
  readonly store: RegistryStore;
  /** This host's `host:port`. */
  readonly address: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

const INTERVAL_MS = 1_000;
/** A host that has not been heard of for this long is out. */
const LEASE_MS = 5_000;
/** A store that answers nothing must not hold up the next beat for ever. */
const PATIENCE_MS = 3_000;

/**
 * Finds hosts that say each second, in a store that all of them know, that they live. One that falls silent is out after
 * five seconds, one that leaves at once.
 *
 * While the store is away what was known stays. When it comes back without its data, or after everybody's lease has ended,
 * hosts return one by one: for one lease, nobody is struck off the list for not being back yet.
 */
export class Registry implements Discovery {
  readonly source: string;
  readonly #options: RegistryOptions;
  readonly #log: OutageLog;
  #found: (addresses: readonly string[]) => void = () => {};
  #known: readonly string[] | undefined;
  #keepAllUntil = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #beating: Promise<void> | undefined;
  #stopped = false;

  constructor(options: RegistryOptions) {
    const { source, clock, logger } = options;
    this.source = source;
    this.#options = options;
    this.#log = new OutageLog({
      clock,
      logger,
      failing: `peers: the registry in ${source} does not answer; the hosts it told of last stay`,
      working: `peers: the registry in ${source} answers again`,
    });
  }

  async start(found: (addresses: readonly string[]) => void): Promise<void> {
    this.#found = found;
    this.#timer = this.#options.clock.every(INTERVAL_MS, () => {
      this.#beating ??= this.#beat();
    });
    this.#beating = this.#beat();
    await this.#beating;
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#beating;
    const { store, address, clock } = this.#options;
    // Without an answer the lease ends by itself.
    await withDeadline(clock, PATIENCE_MS, store.leave(address), late).catch(() => {});
  }

  async #beat(): Promise<void> {
    const { store, address, clock } = this.#options;
    try {
      const roll = await withDeadline(clock, PATIENCE_MS, store.beat(address, LEASE_MS), late);
      this.#log.works();
      if (!this.#stopped) this.#take(roll);
    } catch (error) {
      this.#log.failed(reasonOf(error));
    } finally {
      this.#beating = undefined;
    }
  }

  #take({ addresses, joined }: Roll): void {
    const now = this.#options.clock.monotonic();
    const before = this.#known ?? [];
    if (joined && this.#known !== undefined) this.#keepAllUntil = now + LEASE_MS;
    const all = now < this.#keepAllUntil ? [...addresses, ...before] : addresses;
    const known = [...new Set(all)].sort();
    if (this.#known !== undefined && known.join() === before.join()) return;
    this.#known = known;
    this.#found(known);
  }
}

function late(): Error {
  return new Error('it does not answer');
}
