/** Settings of what instances share through, as `diff.ts` compares them: Redis, peers, etcd. */
import type { SettingsBuilder } from './diff-settings.ts';
import { address, list } from './diff-settings.ts';
import type { ClientTls, DiscoveryConfig, EtcdConfig, PeersConfig, RedisConfig, RedisServers } from './types.ts';

export function redisServers(servers: RedisServers): string {
  switch (servers.kind) {
    case 'single':
      return `${address(servers.address)}/${servers.database}`;
    case 'cluster':
      return `cluster ${list(servers.nodes.map(address))}`;
    case 'sentinel':
      return `${servers.name} of sentinel ${list(servers.nodes.map(address))}`;
  }
}

export function redisSettings(settings: SettingsBuilder, redis: RedisConfig): void {
  const { servers, username, password, tls } = redis;
  if (servers.kind === 'sentinel') {
    settings
      .show('redis.sentinel.username', servers.username ?? 'none')
      .hide('redis.sentinel.password', servers.password);
  }
  settings.show('redis.username', username ?? 'none').hide('redis.password', password);
  tlsSettings(settings, 'redis', tls);
  settings
    .show('redis.keyPrefix', redis.keyPrefix)
    .time('redis.timeout', redis.timeoutMs)
    .show('redis.instances', redis.instances);
}

export function peersSettings(settings: SettingsBuilder, peers: PeersConfig): void {
  settings
    .show('peers.advertise', address(peers.advertise))
    .hide('peers.secret', peers.secret)
    .show('peers.transport', peers.transport)
    .time('peers.interval', peers.intervalMs)
    .show('peers.fanout', peers.fanout)
    .show('peers.leaders', peers.leaders)
    .time('peers.forgetAfter', peers.forgetAfterMs)
    .show('peers.discovery', discovery(peers.discovery));
}

function discovery(from: DiscoveryConfig): string {
  switch (from.kind) {
    case 'file':
      return `file ${from.file}`;
    case 'registry':
      return `registry ${from.registry}`;
    case 'dns':
      return `dns ${from.name}:${from.port}`;
  }
}

export function etcdSettings(settings: SettingsBuilder, etcd: EtcdConfig): void {
  settings.show('etcd.username', etcd.username ?? 'none').hide('etcd.password', etcd.password);
  tlsSettings(settings, 'etcd', etcd.tls);
  settings.show('etcd.prefix', etcd.prefix);
}

function tlsSettings(settings: SettingsBuilder, block: string, tls: ClientTls | undefined): void {
  settings
    .show(`${block}.tls`, tls === undefined ? 'off' : 'on')
    .hide(`${block}.tls.ca`, tls?.ca)
    .hide(`${block}.tls.cert`, tls?.cert)
    .hide(`${block}.tls.key`, tls?.key)
    .show(`${block}.tls.servername`, tls?.servername ?? 'none');
}
