/**
 * A configuration after loading: every default filled in, durations in milliseconds, sizes in bytes, rates parsed,
 * environment substituted, cross-references checked. Plain data, frozen; what the rest of the process works from.
 */
import type { FailurePolicy, Mode, Rate, SharingName } from '../core/types.ts';

export interface Config {
  readonly listen: Address;
  readonly admin: AdminConfig;
  /** CIDR blocks whose X-Forwarded-For is believed. */
  readonly trustedProxies: readonly string[];
  readonly headers: HeaderStyle;
  readonly server: ServerConfig;
  /** Requests are still accepted for so long after readyz says 503. */
  readonly shutdownDelayMs: number;
  readonly shutdownTimeoutMs: number;
  readonly log: LogConfig;
  readonly memory: MemoryConfig;
  readonly redis: RedisConfig | undefined;
  readonly peers: PeersConfig | undefined;
  readonly etcd: EtcdConfig | undefined;
  /** undefined: requests are not traced. */
  readonly tracing: TracingConfig | undefined;
  readonly upstreams: ReadonlyMap<string, UpstreamConfig>;
  readonly routes: readonly RouteConfig[];
  readonly limits: ReadonlyMap<string, LimitConfig>;
}

/** Where to listen; port 0 asks the system for a free one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

export type HeaderStyle = 'draft' | 'legacy' | 'both' | 'none';

export interface AdminConfig {
  readonly listen: Address;
  /** Bearer token; required unless listening on loopback. */
  readonly token: string | undefined;
}

/** Bounds on every phase of a downstream connection. */
export interface ServerConfig {
  /** From the connection's (or the previous request's) end to the last header byte. Default 10s. */
  readonly headersTimeoutMs: number;
  /** Whole request, body included. Default 300s; 0 = none. */
  readonly requestTimeoutMs: number;
  /** Idle keep-alive connection. Default 65s (above the usual load balancer's 60s). */
  readonly keepAliveTimeoutMs: number;
  /** No byte moved in either direction of a running exchange. Default 300s; 0 = none. */
  readonly streamIdleTimeoutMs: number;
  /** Default 16 KiB. */
  readonly maxHeaderBytes: number;
  /** Default 100. */
  readonly maxHeaderCount: number;
  /** Request body; default none (undefined). Over it: 413. */
  readonly maxBodyBytes: number | undefined;
  /** Default 10000. */
  readonly maxConnections: number;
}

export interface LogConfig {
  readonly level: 'debug' | 'info' | 'warn' | 'error' | 'silent';
  /** `off`, or the fraction of allowed requests to log (refused and failed ones are always logged). Default 1. */
  readonly access: number | 'off';
}

export interface MemoryConfig {
  /** Most counters kept in memory by `local` (and by fallback); the least recently used go first. Default 1000000. */
  readonly maxKeys: number;
}

export interface RedisConfig {
  readonly servers: RedisServers;
  /** ACL user; undefined: the default one. */
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** undefined: plain TCP. */
  readonly tls: ClientTls | undefined;
  /** Starts every key. Default `sluice`. */
  readonly keyPrefix: string;
  /** No decision waits longer. Default 50ms. */
  readonly timeoutMs: number;
  /** Live instances to assume until Redis has told. Default 1. */
  readonly instances: number;
}

/** Where Redis is: one server, some nodes of a cluster, or sentinels that know the primary. */
export type RedisServers =
  | { readonly kind: 'single'; readonly address: Address; readonly database: number }
  | { readonly kind: 'cluster'; readonly nodes: readonly Address[] }
  | {
      readonly kind: 'sentinel';
      /** Name of the primary that the sentinels watch. */
      readonly name: string;
      readonly nodes: readonly Address[];
      /** Of the sentinels themselves. */
      readonly username: string | undefined;
      readonly password: string | undefined;
    };

/** PEM texts; undefined: what the system trusts, no certificate of our own, the name that is connected to. */
export interface ClientTls {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  /** Name that the server's certificate must have. */
  readonly servername: string | undefined;
}

/** How instances talk to each other. */
export interface PeersConfig {
  /** UDP and TCP. */
  readonly listen: Address;
  /** Where others reach this instance; also its name among them. */
  readonly advertise: Address;
  /** undefined only on loopback. */
  readonly secret: string | undefined;
  readonly transport: 'udp' | 'tcp';
  /** Between two reports of changed counts. Default 100ms. */
  readonly intervalMs: number;
  /** gossip: peers told in each interval. Default 3. */
  readonly fanout: number;
  /** undefined: 1 for leader, 2 for random-leaders. */
  readonly leaders: number | undefined;
  /** After how long a silent host no longer counts as cut off. Default 10m. */
  readonly forgetAfterMs: number;
  readonly discovery: DiscoveryConfig;
}

export type DiscoveryConfig =
  /** The path is absolute. */
  | { readonly kind: 'file'; readonly file: string }
  | { readonly kind: 'registry'; readonly registry: 'redis' | 'etcd' }
  /** All hosts behind the name listen on `port`. */
  | { readonly kind: 'dns'; readonly name: string; readonly port: number };

export interface EtcdConfig {
  /** `http://host:port`, or `https://host:port` in all of them. At least one. */
  readonly endpoints: readonly string[];
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** undefined: plain TCP. */
  readonly tls: ClientTls | undefined;
  /** Starts every key. Default `sluice`. */
  readonly prefix: string;
}

/** Where spans of requests go. */
export interface TracingConfig {
  /** Base URL of a collector, without a slash at its end. */
  readonly endpoint: string;
  /** Part of the traces started here that is recorded, 0 to 1. Default 1. */
  readonly sample: number;
  /** Default `sluice`. */
  readonly serviceName: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Finished spans that may wait. Default 4096. */
  readonly maxSpans: number;
  /** For a batch. Default 10s. */
  readonly timeoutMs: number;
}

export interface UpstreamConfig {
  readonly name: string;
  /** Origins, `http://host:port` or `https://host:port`, no path. At least one. */
  readonly servers: readonly string[];
  /** To the response's head. Default 30s. */
  readonly timeoutMs: number;
  /** To an open connection. Default 2s. */
  readonly connectTimeoutMs: number;
  /** Between two pieces of the response's body. Default 300s. */
  readonly bodyTimeoutMs: number;
  /** Connections to each server. Default 256. */
  readonly maxConnections: number;
  /** How often a request that is safe to repeat is sent to another server. Default 1. */
  readonly retries: number;
  /** Consecutive failures that eject a server, and for how long. Defaults 5, 10s. The last one standing is never ejected. */
  readonly ejectAfter: number;
  readonly ejectForMs: number;
  /** Send the client's Host on (true, the default) or the server's own. */
  readonly preserveHost: boolean;
}

export interface RouteConfig {
  /** `name:` in the file, or `route-1`, `route-2`, … by position. Unique. */
  readonly name: string;
  readonly match: RouteMatch;
  readonly upstream: string;
  /** Names of limits, in the order to check. */
  readonly limits: readonly string[];
}

export interface RouteMatch {
  /** Host pattern as written, lower case: exact, or `*.suffix`; undefined = any. */
  readonly host: string | undefined;
  /** Path pattern as written: exact, or a prefix that ends in `/*` (which also matches the prefix itself); undefined = any. */
  readonly path: string | undefined;
  /** Upper case; undefined = any. */
  readonly methods: readonly string[] | undefined;
}

/** One alternative of a key part. */
export type KeySource =
  | { readonly kind: 'ip' | 'path' | 'method' | 'host' | 'route' | 'global' }
  | { readonly kind: 'header' | 'cookie' | 'query'; readonly name: string };

interface LimitBase {
  readonly name: string;
  /** Parts, each a list of alternatives (first present one counts). */
  readonly key: readonly (readonly KeySource[])[];
  readonly sharing: SharingName;
  readonly onFailure: FailurePolicy;
  readonly mode: Mode;
  /** `deny`: a request without the key is refused; `skip`: the limit does not apply. Default skip. */
  readonly whenMissing: 'skip' | 'deny';
  readonly cost: number | { readonly header: string };
  readonly overrides: readonly OverrideConfig[];
}

export interface WindowLimitConfig extends LimitBase {
  readonly algorithm: 'sliding-window' | 'fixed-window' | 'token-bucket';
  /** At least one; all must hold. Windows differ. */
  readonly rates: readonly Rate[];
  /** sliding-window: 2 to 60. Default 2. */
  readonly buckets: number;
  /** token-bucket; undefined = the rate's count. Only with a single rate. */
  readonly burst: number | undefined;
  /** `auto`: instances buy units of hot keys ahead. Only with sharing redis, not for token-bucket. */
  readonly lease: 'none' | 'auto';
}

export interface ConcurrencyLimitConfig extends LimitBase {
  readonly algorithm: 'concurrency';
  readonly max: number;
  /** Default 30s. */
  readonly leaseMs: number;
}

export type LimitConfig = WindowLimitConfig | ConcurrencyLimitConfig;

/** The first override whose pattern matches the key replaces the limit's numbers. */
export interface OverrideConfig {
  /** Exact key, or a glob with `*`. */
  readonly key: string;
  readonly unlimited: boolean;
  /** Replaces the rates; undefined = keep. */
  readonly rates: readonly Rate[] | undefined;
  readonly burst: number | undefined;
  readonly max: number | undefined;
}
