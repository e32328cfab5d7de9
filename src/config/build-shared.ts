/** The parts of a configuration through which instances share: Redis, peers, etcd. Only for shapes without faults. */
import type { PemFiles } from './pem-files.ts';
import type { EtcdShape } from './schema-etcd.ts';
import type { PeersShape } from './schema-peers.ts';
import type { RedisShape } from './schema-redis.ts';
import type { TlsShape } from './schema-tls.ts';
import type { ClientTls, DiscoveryConfig, EtcdConfig, PeersConfig, RedisConfig, RedisServers } from './types.ts';

export function buildRedis(redis: RedisShape, pem: PemFiles): RedisConfig {
  const urls = redis.url === undefined ? (redis.cluster ?? []) : [redis.url];
  const named = urls.find(({ password }) => password !== undefined) ?? redis;
  return {
    servers: buildServers(redis),
    username: named.username,
    password: named.password,
    tls: redis.tls === undefined && urls[0]?.tls !== true ? undefined : buildTls(redis.tls, pem),
    keyPrefix: redis.keyPrefix,
    timeoutMs: redis.timeout,
    instances: redis.instances,
  };
}

function buildServers({ url, cluster, sentinel }: RedisShape): RedisServers {
  if (sentinel !== undefined) {
    const { name, nodes, username, password } = sentinel;
    return { kind: 'sentinel', name, nodes, username, password };
  }
  if (cluster !== undefined) return { kind: 'cluster', nodes: cluster.map(({ address }) => address) };
  return {
    kind: 'single',
    address: url?.address ?? { host: '127.0.0.1', port: 6379 },
    database: url?.database ?? 0,
  };
}

export function buildPeers(peers: PeersShape, pem: PemFiles): PeersConfig {
  const advertise = peers.advertise ?? peers.listen;
  return {
    listen: peers.listen,
    advertise,
    secret: peers.secret,
    transport: peers.transport,
    intervalMs: peers.interval,
    fanout: peers.fanout,
    leaders: peers.leaders,
    forgetAfterMs: peers.forgetAfter,
    discovery: buildDiscovery(peers.discovery, advertise.port, pem),
  };
}

function buildDiscovery(
  { file, registry, dns }: PeersShape['discovery'],
  port: number,
  pem: PemFiles,
): DiscoveryConfig {
  if (registry !== undefined) return { kind: 'registry', registry };
  if (dns !== undefined) return { kind: 'dns', name: dns.name, port: dns.port ?? port };
  return { kind: 'file', file: pem.resolve(file ?? '') };
}

export function buildEtcd(etcd: EtcdShape, pem: PemFiles): EtcdConfig {
  const { endpoints, username, password, tls, prefix } = etcd;
  const secured = endpoints[0]?.startsWith('https:') === true;
  return { endpoints, username, password, tls: secured ? buildTls(tls, pem) : undefined, prefix };
}

function buildTls(tls: TlsShape | undefined, pem: PemFiles): ClientTls {
  const text = (path: string | undefined): string | undefined => (path === undefined ? undefined : pem.text(path));
  return { ca: text(tls?.ca), cert: text(tls?.cert), key: text(tls?.key), servername: tls?.servername };
}
