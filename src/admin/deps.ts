/** What the admin listener needs from the rest of the process: small views, implemented by the composition root. */
import type { IncomingHttpHeaders } from 'node:http';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { FleetTopAnswer } from '../core/top-summary.ts';
import type { Totals } from '../core/totals.ts';
import type { AlgorithmName, FailurePolicy, Mode, SharingName } from '../core/types.ts';
import type { Explanation } from '../limiter/explanation.ts';
import type { KeyAdmin } from '../limiter/keys-admin.ts';
import type { Outcome } from '../limiter/outcome.ts';
import type { TopOfLimit } from '../limiter/top-keys.ts';

export interface AdminDeps {
  /** Bearer token that every request except healthz, readyz and metrics must show; undefined: none is asked for (loopback only). */
  readonly token: string | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly version: string;
  /** This instance, unique among those that share a store. */
  readonly instance: string;
  /** When the process started: milliseconds since the Unix epoch. */
  readonly startedAt: number;
  readonly metrics: MetricsView;
  readonly keys: KeyAdmin;
  readiness(): Readiness;
  /** The limits in force, in the order of the configuration. */
  limits(): readonly LimitSummary[];
  /** Charges nothing. Throws a SluiceError SLUICE_USAGE when the URL or the client address is none. */
  explain(request: ExplainRequest): Explanation;
  /** The limit's busiest keys on this instance; undefined: no limit of that name. */
  top(limit: string): TopOfLimit | undefined;
  /** Asks the other instances for theirs as well; undefined: there is no way to. */
  readonly fleetTop: FleetTop | undefined;
  reload(): Promise<ReloadReport>;
  /** The last reload that was asked for; undefined: none yet. */
  lastReload(): TimedReload | undefined;
  /** The store; undefined: this process has none. */
  store(): StoreReport | undefined;
  /** Who else is there; undefined: this process talks to no other hosts. */
  peers(): PeersReport | undefined;
  /**
   * Decides and charges a request that another proxy holds, as if it had come through the gateway. A request that no
   * route matches is under no limit: UNLIMITED. A URI that cannot be understood is a rejection with status 400. Never rejects.
   */
  check(original: OriginalRequest): Promise<Outcome>;
}

export interface MetricsView {
  totals(): Totals;
  /** @param accept the request's Accept field */
  render(accept?: string): Promise<{ readonly contentType: string; readonly body: string }>;
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not, one line each; empty when ready. */
  readonly reasons: readonly string[];
}

export interface LimitSummary {
  readonly name: string;
  /** Key parts as in the configuration: `header:x-api-key|ip`. */
  readonly key: readonly string[];
  /** `100/1m`; empty for `concurrency`. */
  readonly rates: readonly string[];
  /** `concurrency` only: most in flight at once. */
  readonly max: number | undefined;
  readonly algorithm: AlgorithmName;
  readonly sharing: SharingName;
  readonly mode: Mode;
  readonly onFailure: FailurePolicy;
  /** How many overrides it has. */
  readonly overrides: number;
  /** Names of the routes that use it. */
  readonly routes: readonly string[];
}

export interface ExplainRequest {
  /** Upper case. */
  readonly method: string;
  /** Absolute, `http://api.example.com/v1/orders?limit=3`. */
  readonly url: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** An IP address; undefined: 127.0.0.1. */
  readonly clientIp: string | undefined;
}

export interface ReloadReport {
  readonly result: 'success' | 'unchanged' | 'failure';
  /** What is wrong with the new configuration, one line each. */
  readonly faults?: readonly string[];
  /** What is different now, one line each. */
  readonly changes?: readonly string[];
}

export interface TimedReload extends ReloadReport {
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

export interface StoreReport {
  readonly kind: 'single' | 'cluster' | 'sentinel';
  /** Live instances that share it, this one included, as last heard. */
  readonly instances: number;
}

/** The busiest keys of a limit over all instances. */
export interface FleetTop {
  /**
   * Adds up what answers in time; who does not is named.
   * @throws StoreError when nobody can be asked
   */
  ask(limit: string): Promise<FleetTopAnswer>;
}

/** What this host knows of the others. */
export interface PeersReport {
  /** Its own name among them. */
  readonly self: PeerReport;
  /** Where others are looked for: file, dns, redis, etcd. */
  readonly discovery: string;
  /** The part of the hosts last known that is visible now, this one included. */
  readonly visibleShare: number;
  readonly peers: readonly MemberReport[];
  readonly leaders: readonly LeaderReport[];
}

export interface PeerReport {
  readonly address: string;
  /** When that process started, milliseconds since the Unix epoch. */
  readonly incarnation: number;
}

export interface MemberReport extends PeerReport {
  readonly state: 'alive' | 'suspect' | 'dead' | 'gone';
  /** Since when it has been in that state: milliseconds since the Unix epoch. */
  readonly since: number;
}

export interface LeaderReport {
  readonly sharing: 'leader' | 'random-leaders';
  /** Part of the keys that it leads; of random-leaders each leads all of them. */
  readonly slot: number;
  /** undefined: nobody is known to lead the slot now. */
  readonly address: string | undefined;
  /** Fencing term; undefined for a leader that nobody elected. */
  readonly term: number | undefined;
}

/** A request that another proxy asks about. */
export interface OriginalRequest {
  readonly method: string;
  readonly proto: string;
  /** As the client sent it, with or without port. */
  readonly host: string;
  /** Path and query, as the client sent them. */
  readonly uri: string;
  /**
   * X-Forwarded-For. Its last address was written by the proxy that asks, which is trusted: it is the client, unless that
   * is a trusted proxy itself.
   */
  readonly forwardedFor: string;
  /** Address of the proxy that asks. */
  readonly peer: string;
  /** The original request's fields as far as the proxy passed them on, with its Host; without the admin token. */
  readonly headers: Readonly<IncomingHttpHeaders>;
}
