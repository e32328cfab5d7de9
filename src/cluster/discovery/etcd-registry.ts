import type { Clock } from '../../core/clock.ts';
import type { EtcdClient } from '../etcd/client.ts';
import { EtcdLease } from '../etcd/lease.ts';
import type { RegistryStore, Roll } from './registry.ts';

export interface EtcdRegistryOptions {
  readonly client: EtcdClient;
  /** Keys are `<prefix>/hosts/<address>`. */
  readonly prefix: string;
  readonly clock: Clock;
}

/** Hosts as keys in etcd, each under a lease of its host's, which etcd ends when it is not kept alive. */
export class EtcdRegistry implements RegistryStore {
  readonly #client: EtcdClient;
  readonly #clock: Clock;
  readonly #prefix: string;
  #lease: EtcdLease | undefined;

  constructor({ client, prefix, clock }: EtcdRegistryOptions) {
    this.#client = client;
    this.#clock = clock;
    this.#prefix = `${prefix}/hosts/`;
  }

  async beat(address: string, leaseMs: number): Promise<Roll> {
    this.#lease ??= new EtcdLease({ client: this.#client, clock: this.#clock, ttlMs: leaseMs });
    await this.#lease.renew();
    const there = await this.#list();
    if (there.some((entry) => entry.address === address && entry.lease === this.#lease?.id)) {
      return { addresses: there.map((entry) => entry.address), joined: false };
    }
    // Not there any more, or under the lease of an earlier life, which will end.
    await this.#client.put(this.#prefix + address, '', this.#lease.id ?? '0');
    return { addresses: [...new Set([...there.map((entry) => entry.address), address])], joined: true };
  }

  async leave(): Promise<void> {
    await this.#lease?.end();
  }

  async #list(): Promise<readonly { readonly address: string; readonly lease: string }[]> {
    const { entries } = await this.#client.read(this.#prefix);
    return entries.map(({ key, lease }) => ({ address: key.slice(this.#prefix.length), lease }));
  }
}
