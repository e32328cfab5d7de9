/** What the composition root hands to the data plane; the proxy knows nothing of configuration files. */
import type { LimitSet } from '../limiter/limiter.ts';

export interface ServerOptions {
  readonly headersTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly keepAliveTimeoutMs: number;
  readonly streamIdleTimeoutMs: number;
  readonly maxHeaderBytes: number;
  readonly maxHeaderCount: number;
  readonly maxBodyBytes: number | undefined;
  readonly maxConnections: number;
}

export interface UpstreamOptions {
  readonly name: string;
  readonly servers: readonly string[];
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly maxConnections: number;
  readonly retries: number;
  readonly ejectAfter: number;
  readonly ejectForMs: number;
  readonly preserveHost: boolean;
}

export interface RouteOptions {
  readonly name: string;
  readonly match: {
    /** Lower case; exact, or `*.suffix`. */
    readonly host: string | undefined;
    /** Exact, or a prefix that ends in `/*` (which also matches the prefix without it). */
    readonly path: string | undefined;
    readonly methods: readonly string[] | undefined;
  };
  readonly upstream: string;
  readonly limits: LimitSet;
}

/** One consistent set of routes and upstreams; swapped whole on reload. */
export interface ProxySnapshot {
  readonly routes: readonly RouteOptions[];
  readonly upstreams: readonly UpstreamOptions[];
  /** CIDR blocks. */
  readonly trustedProxies: readonly string[];
}
