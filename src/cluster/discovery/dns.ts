import { lookup } from 'node:dns/promises';
import type { Clock, Timer } from '../../core/clock.ts';
import { withDeadline } from '../../core/deadline.ts';
import { reasonOf } from '../../core/errors.ts';
import { canonicalIp } from '../../core/ip.ts';
import type { Logger } from '../../core/logger.ts';
import { OutageLog } from '../../core/outage-log.ts';
import type { Discovery } from './discovery.ts';

export interface DnsDiscoveryOptions {
  /** Its addresses are the hosts. */
  readonly name: string;
  /** Which all of them listen on. */
  readonly port: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Between two look-ups, milliseconds. Default 5000. */
  readonly intervalMs?: number;
}

/** Longest that {@link DnsDiscovery.start} waits. */
const FIRST_LOOK_MS = 2_000;

/**
 * Hosts behind one name, such as a headless service of Kubernetes: all of its A and AAAA records, looked up again and again as
 * the system does it (getaddrinfo), so that /etc/hosts, search domains and the like count as they do for any other program. A look-up
 * that fails, also because the name has no address any more, leaves what was known. Look-ups run one at a time, in a thread of
 * libuv's pool; a name server that does not answer holds that thread for as long as the system waits.
 */
export class DnsDiscovery implements Discovery {
  readonly source = 'dns';
  readonly #options: DnsDiscoveryOptions;
  readonly #log: OutageLog;
  #timer: Timer | undefined;
  #looking: Promise<void> | undefined;
  #known: string | undefined;
  #stopped = false;

  constructor(options: DnsDiscoveryOptions) {
    const { name, clock, logger } = options;
    this.#options = options;
    this.#log = new OutageLog({
      clock,
      logger,
      failing: `peers: ${name} cannot be looked up; the hosts known from it stay`,
      working: `peers: ${name} can be looked up again`,
    });
  }

  async start(found: (addresses: readonly string[]) => void): Promise<void> {
    const { clock, intervalMs = 5_000 } = this.#options;
    const look = (): Promise<void> => {
      this.#looking ??= this.#look(found).finally(() => {
        this.#looking = undefined;
      });
      return this.#looking;
    };
    this.#timer = clock.every(intervalMs, () => void look());
    // A gateway does not wait for a name server that does not answer; what it says later is taken then.
    await withDeadline(clock, FIRST_LOOK_MS, look(), () => new Error('late')).catch(() => {});
  }

  /** Does not wait for a look-up that is going on; what it finds is dropped. */
  stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    return Promise.resolve();
  }

  async #look(found: (addresses: readonly string[]) => void): Promise<void> {
    const { name, port } = this.#options;
    let answers: readonly { readonly address: string }[];
    try {
      answers = await lookup(name, { all: true });
    } catch (error) {
      this.#log.failed(reasonOf(error));
      return;
    }
    this.#log.works();
    const addresses = new Set<string>();
    for (const { address } of answers) {
      const canonical = canonicalIp(address);
      if (canonical !== undefined)
        addresses.add(canonical.includes(':') ? `[${canonical}]:${port}` : `${canonical}:${port}`);
    }
    // Name servers answer in another order each time.
    const sorted = [...addresses].sort();
    if (this.#stopped || sorted.length === 0 || sorted.join() === this.#known) return;
    this.#known = sorted.join();
    found(sorted);
  }
}
