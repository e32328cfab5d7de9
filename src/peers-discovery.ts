/** Where a host looks for others, from its part of the configuration. The only switch over ways to find them. */
import type { Discovery } from './cluster/discovery/discovery.ts';
import { DnsDiscovery } from './cluster/discovery/dns.ts';
import { EtcdRegistry } from './cluster/discovery/etcd-registry.ts';
import { FileDiscovery } from './cluster/discovery/file.ts';
import type { RegistryStore } from './cluster/discovery/registry.ts';
import { Registry } from './cluster/discovery/registry.ts';
import type { EtcdClient } from './cluster/etcd/client.ts';
import type { DiscoveryConfig } from './config/types.ts';
import type { Clock } from './core/clock.ts';
import { SluiceError } from './core/errors.ts';
import type { Logger } from './core/logger.ts';

export interface DiscoveryDeps {
  readonly clock: Clock;
  readonly logger: Logger;
  /** This host's `host:port`. */
  readonly self: string;
  readonly redisRegistry: RegistryStore | undefined;
  readonly etcd: EtcdClient | undefined;
  readonly etcdPrefix: string;
}

/** @throws SluiceError SLUICE_CONFIG_INVALID for a registry without its store, which a checked configuration does not have */
export function createDiscovery(config: DiscoveryConfig, deps: DiscoveryDeps): Discovery {
  const { clock, logger, self } = deps;
  switch (config.kind) {
    case 'file':
      return new FileDiscovery({ file: config.file, clock, logger });
    case 'dns':
      return new DnsDiscovery({ name: config.name, port: config.port, clock, logger });
    case 'registry':
      return new Registry({
        source: config.registry,
        store: storeOf(config.registry, deps),
        address: self,
        clock,
        logger,
      });
  }
}

function storeOf(registry: 'redis' | 'etcd', { clock, redisRegistry, etcd, etcdPrefix }: DiscoveryDeps): RegistryStore {
  if (registry === 'redis' && redisRegistry !== undefined) return redisRegistry;
  if (registry === 'etcd' && etcd !== undefined) return new EtcdRegistry({ client: etcd, prefix: etcdPrefix, clock });
  throw new SluiceError('SLUICE_CONFIG_INVALID', `peers are listed in ${registry}, and there is none`);
}
