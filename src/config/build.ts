/** From the file's shape to the configuration the process works from. Only for shapes without faults. */
import { buildEtcd, buildPeers, buildRedis } from './build-shared.ts';
import type { PemFiles } from './pem-files.ts';
import type { FileShape, RouteShape } from './schema.ts';
import type { LimitShape, OverrideShape } from './schema-limits.ts';
import type { TracingShape } from './schema-tracing.ts';
import type { Config, LimitConfig, OverrideConfig, RouteConfig, TracingConfig, UpstreamConfig } from './types.ts';

/** The name of the route at `index`, from 0. */
export function routeName(route: Pick<RouteShape, 'name'>, index: number): string {
  return route.name ?? `route-${index + 1}`;
}

/** How a limit is shared when it does not say so. */
export function sharingOf(limit: Pick<LimitShape, 'sharing'>, hasRedis: boolean): LimitConfig['sharing'] {
  return limit.sharing ?? (hasRedis ? 'redis' : 'local');
}

export function buildConfig(file: FileShape, pem: PemFiles): Config {
  const { server, redis, peers, etcd, tracing } = file;
  const limits = Object.entries(file.limits).map(([name, limit]) => [name, buildLimit(name, limit, file)] as const);
  const upstreams = Object.entries(file.upstreams).map(
    ([name, upstream]) => [name, buildUpstream(name, upstream)] as const,
  );
  return deepFreeze({
    listen: file.listen,
    admin: { listen: file.admin.listen, token: file.admin.token },
    trustedProxies: file.trustedProxies,
    headers: file.headers,
    server: {
      headersTimeoutMs: server.headersTimeout,
      requestTimeoutMs: server.requestTimeout,
      keepAliveTimeoutMs: server.keepAliveTimeout,
      streamIdleTimeoutMs: server.streamIdleTimeout,
      maxHeaderBytes: server.maxHeaderBytes,
      maxHeaderCount: server.maxHeaderCount,
      maxBodyBytes: server.maxBodyBytes,
      maxConnections: server.maxConnections,
    },
    shutdownDelayMs: file.shutdownDelay,
    shutdownTimeoutMs: file.shutdownTimeout,
    log: { level: file.log.level, access: file.log.access },
    memory: { maxKeys: file.memory.maxKeys },
    redis: redis === undefined ? undefined : buildRedis(redis, pem),
    peers: peers === undefined ? undefined : buildPeers(peers, pem),
    etcd: etcd === undefined ? undefined : buildEtcd(etcd, pem),
    tracing: tracing === undefined ? undefined : buildTracing(tracing),
    upstreams: new Map(upstreams),
    routes: file.routes.map(buildRoute),
    limits: new Map(limits),
  });
}

function buildTracing({ endpoint, sample, serviceName, headers, maxSpans, timeout }: TracingShape): TracingConfig {
  return { endpoint, sample, serviceName, headers, maxSpans, timeoutMs: timeout };
}

function buildUpstream(name: string, upstream: FileShape['upstreams'][string]): UpstreamConfig {
  return {
    name,
    servers: upstream.servers,
    timeoutMs: upstream.timeout,
    connectTimeoutMs: upstream.connectTimeout,
    bodyTimeoutMs: upstream.bodyTimeout,
    maxConnections: upstream.maxConnections,
    retries: upstream.retries,
    ejectAfter: upstream.ejectAfter,
    ejectForMs: upstream.ejectFor,
    preserveHost: upstream.preserveHost,
  };
}

function buildRoute(route: RouteShape, index: number): RouteConfig {
  const { host, path, method } = route.match;
  return {
    name: routeName(route, index),
    match: { host, path, methods: method },
    upstream: route.upstream,
    limits: route.limits,
  };
}

function buildLimit(name: string, limit: LimitShape, file: FileShape): LimitConfig {
  const { algorithm } = limit;
  const base = {
    name,
    key: limit.key,
    sharing: sharingOf(limit, file.redis !== undefined),
    onFailure: limit.onFailure,
    mode: limit.mode,
    whenMissing: limit.whenMissing,
    cost: limit.cost,
    overrides: limit.overrides.map(buildOverride),
  };
  if (algorithm === 'concurrency') return { ...base, algorithm, max: limit.max ?? 1, leaseMs: limit.leaseTime };
  const { rate, buckets, burst, lease } = limit;
  return { ...base, algorithm, rates: rate ?? [], buckets, burst, lease };
}

function buildOverride(override: OverrideShape): OverrideConfig {
  const { key, unlimited, rate, burst, max } = override;
  return { key, unlimited, rates: rate, burst, max };
}

/** Maps cannot be frozen; their type is read-only. */
function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const parts: Iterable<unknown> = value instanceof Map ? value.values() : Object.values(value);
  for (const part of parts) deepFreeze(part);
  return Object.freeze(value);
}
