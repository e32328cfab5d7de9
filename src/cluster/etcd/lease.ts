import type { Clock } from '../../core/clock.ts';
import type { EtcdClient } from './client.ts';

export interface EtcdLeaseOptions {
  readonly client: EtcdClient;
  readonly clock: Clock;
  /** What is asked for; etcd may grant more. */
  readonly ttlMs: number;
}

/**
 * A lease of one host, and how long it is sure to live. Counted from before etcd was asked, on the monotonic clock, and less
 * a tenth for clocks that run apart and for whoever acts on the answer a little later: then it ends here before it ends at
 * etcd. The margin does not cover a machine that was suspended as a whole, whose monotonic clock stands still, nor an etcd
 * whose old leader still renews leases after a new one was elected (etcd#15247); there the fencing term of what the lease
 * stands for has to help.
 */
export class EtcdLease {
  readonly #options: EtcdLeaseOptions;
  #id: string | undefined;
  #sureUntil = Number.NEGATIVE_INFINITY;

  constructor(options: EtcdLeaseOptions) {
    this.#options = options;
  }

  /** As etcd writes its number; undefined before the first and after the last. */
  get id(): string | undefined {
    return this.#id;
  }

  /** Until when, on the monotonic clock, it certainly lives. */
  get sureUntil(): number {
    return this.#sureUntil;
  }

  /**
   * Keeps it alive, or takes a new one when etcd knows it no more. One that has ended by our own clock may still live at
   * etcd, which renews all when it restarts; with what was kept under it, it is then ours again.
   * @returns whether it is the same as before
   * @throws StoreError
   */
  async renew(): Promise<boolean> {
    const { client, clock, ttlMs } = this.#options;
    if (this.#id !== undefined) {
      const asked = clock.monotonic();
      const lives = await client.keepAlive(this.#id);
      if (lives > 0) {
        this.#granted(asked, lives);
        return true;
      }
      this.#drop();
    }
    const asked = clock.monotonic();
    const granted = await client.grant(ttlMs);
    this.#id = granted.id;
    this.#granted(asked, granted.ttlMs);
    return false;
  }

  /** Forgets it at once, and tells etcd; then it is gone for others too. Throws StoreError when etcd does not answer. */
  async end(): Promise<void> {
    const id = this.#id;
    this.#drop();
    if (id !== undefined) await this.#options.client.revoke(id);
  }

  #drop(): void {
    this.#id = undefined;
    this.#sureUntil = Number.NEGATIVE_INFINITY;
  }

  #granted(asked: number, ttlMs: number): void {
    this.#sureUntil = asked + ttlMs * 0.9;
  }
}
