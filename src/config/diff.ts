/** What changed between two configurations, for people: no secrets, no keys of clients. */
import { formatRate } from '../core/rate.ts';
import { withoutCredentials } from './addresses.ts';
import type { Settings } from './diff-settings.ts';
import { address, list, SettingsBuilder } from './diff-settings.ts';
import { etcdSettings, peersSettings, redisServers, redisSettings } from './diff-shared.ts';
import { formatPart } from './key-part.ts';
import { formatSize } from './size.ts';
import type { Config, LimitConfig, OverrideConfig, RouteConfig, TracingConfig, UpstreamConfig } from './types.ts';

export interface ConfigChange {
  /** One line: `limit per-client: rate 100/1m → 200/1m`. */
  readonly text: string;
  /** Takes effect only when the process starts anew, see `planReload` in plan.ts. */
  readonly needsRestart: boolean;
}

/** Everything that differs, in the order of the file. Empty when the two mean the same. */
export function diffConfigs(before: Config, after: Config): readonly ConfigChange[] {
  const changes: ConfigChange[] = [];
  const compare = (needsRestart: boolean, label: string, a: Settings, b: Settings): void => {
    for (const text of differences(a, b))
      changes.push({ text: label === '' ? text : `${label}: ${text}`, needsRestart });
  };
  compare(true, '', fixedSettings(before), fixedSettings(after));
  compare(false, '', liveSettings(before), liveSettings(after));
  const things = <T>(
    noun: string,
    a: ReadonlyMap<string, T>,
    b: ReadonlyMap<string, T>,
    settings: (t: T) => Settings,
  ): void => {
    for (const [name, thing] of b) {
      const old = a.get(name);
      if (old === undefined) changes.push({ text: `${noun} ${name} added`, needsRestart: false });
      else compare(false, `${noun} ${name}`, settings(old), settings(thing));
    }
    for (const name of a.keys())
      if (!b.has(name)) changes.push({ text: `${noun} ${name} removed`, needsRestart: false });
  };
  things('upstream', before.upstreams, after.upstreams, upstreamSettings);
  things('route', byName(before.routes), byName(after.routes), routeSettings);
  const kept = (from: Config, other: Config): string =>
    from.routes
      .map((r) => r.name)
      .filter((name) => other.routes.some((r) => r.name === name))
      .join(' ');
  if (kept(before, after) !== kept(after, before))
    changes.push({ text: 'routes in another order', needsRestart: false });
  things('limit', before.limits, after.limits, limitSettings);
  return changes;
}

function* differences(a: Settings, b: Settings): Generator<string> {
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    const old = a.get(name);
    const now = b.get(name);
    if (old?.value === now?.value) continue;
    if (old?.shown === null || now?.shown === null)
      yield `${name} ${old === undefined ? 'set' : now === undefined ? 'removed' : 'changed'}`;
    else yield `${name} ${old?.shown ?? 'default'} → ${now?.shown ?? 'default'}`;
  }
}

/** Settings that are built into listeners, connections, stores and the logger, and so stay until the process starts anew. */
function fixedSettings({ listen, admin, server, log, memory, redis, peers, etcd, tracing }: Config): Settings {
  const settings = new SettingsBuilder()
    .show('listen', address(listen))
    .show('admin.listen', address(admin.listen))
    .hide('admin.token', admin.token)
    .time('server.headersTimeout', server.headersTimeoutMs)
    .time('server.requestTimeout', server.requestTimeoutMs)
    .time('server.keepAliveTimeout', server.keepAliveTimeoutMs)
    .time('server.streamIdleTimeout', server.streamIdleTimeoutMs)
    .show('server.maxHeaderBytes', formatSize(server.maxHeaderBytes))
    .show('server.maxHeaderCount', server.maxHeaderCount)
    .show('server.maxBodyBytes', server.maxBodyBytes === undefined ? 'none' : formatSize(server.maxBodyBytes))
    .show('server.maxConnections', server.maxConnections)
    .show('log.level', log.level)
    .show('log.access', log.access)
    .show('memory.maxKeys', memory.maxKeys)
    .show('redis', redis === undefined ? 'none' : redisServers(redis.servers))
    .show('peers', peers === undefined ? 'none' : address(peers.listen))
    .show('etcd', etcd === undefined ? 'none' : list(etcd.endpoints))
    .show('tracing', tracing === undefined ? 'none' : tracing.endpoint);
  if (redis !== undefined) redisSettings(settings, redis);
  if (peers !== undefined) peersSettings(settings, peers);
  if (etcd !== undefined) etcdSettings(settings, etcd);
  if (tracing !== undefined) tracingSettings(settings, tracing);
  return settings.map;
}

function tracingSettings(settings: SettingsBuilder, tracing: TracingConfig): void {
  settings
    .show('tracing.sample', tracing.sample)
    .show('tracing.serviceName', tracing.serviceName)
    .hide('tracing.headers', JSON.stringify(tracing.headers))
    .show('tracing.maxSpans', tracing.maxSpans)
    .time('tracing.timeout', tracing.timeoutMs);
}

function liveSettings({ trustedProxies, headers, shutdownDelayMs, shutdownTimeoutMs }: Config): Settings {
  return new SettingsBuilder()
    .show('trustedProxies', list(trustedProxies))
    .show('headers', headers)
    .time('shutdownDelay', shutdownDelayMs)
    .time('shutdownTimeout', shutdownTimeoutMs).map;
}

function upstreamSettings(upstream: UpstreamConfig): Settings {
  return new SettingsBuilder()
    .show('servers', list(upstream.servers.map(withoutCredentials)))
    .time('timeout', upstream.timeoutMs)
    .time('connectTimeout', upstream.connectTimeoutMs)
    .time('bodyTimeout', upstream.bodyTimeoutMs)
    .show('maxConnections', upstream.maxConnections)
    .show('retries', upstream.retries)
    .show('ejectAfter', upstream.ejectAfter)
    .time('ejectFor', upstream.ejectForMs)
    .show('preserveHost', upstream.preserveHost).map;
}

function routeSettings({ match, upstream, limits }: RouteConfig): Settings {
  return new SettingsBuilder()
    .show('host', match.host ?? 'any')
    .show('path', match.path ?? 'any')
    .show('method', match.methods === undefined ? 'any' : list(match.methods))
    .show('upstream', upstream)
    .show('limits', list(limits)).map;
}

function limitSettings(limit: LimitConfig): Settings {
  const settings = new SettingsBuilder()
    .show('key', list(limit.key.map(formatPart)))
    .show('algorithm', limit.algorithm)
    .show('sharing', limit.sharing)
    .show('onFailure', limit.onFailure)
    .show('mode', limit.mode)
    .show('whenMissing', limit.whenMissing)
    .show('cost', typeof limit.cost === 'number' ? limit.cost : `header:${limit.cost.header}`);
  if (limit.algorithm === 'concurrency') settings.show('max', limit.max).time('leaseTime', limit.leaseMs);
  else
    settings
      .show('rate', list(limit.rates.map(formatRate)))
      .show('burst', limit.burst)
      .show('lease', limit.lease);
  if (limit.algorithm === 'sliding-window') settings.show('buckets', limit.buckets);
  // The keys of overrides are clients’ keys: that they changed is all that is said.
  return settings.hide(
    'overrides',
    limit.overrides.length === 0 ? undefined : JSON.stringify(limit.overrides.map(plain)),
  ).map;
}

const plain = ({ key, unlimited, rates, burst, max }: OverrideConfig): unknown => [key, unlimited, rates, burst, max];
const byName = (routes: readonly RouteConfig[]): ReadonlyMap<string, RouteConfig> =>
  new Map(routes.map((r) => [r.name, r]));
