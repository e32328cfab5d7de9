import type { Clock, Timer } from '../../core/clock.ts';
import type {
  UpstreamCall,
  UpstreamClient,
  UpstreamClientOptions,
  UpstreamHandler,
  UpstreamRequest,
} from './client.ts';
import { H1Call } from './h1-call.ts';
import type { ConnectionPool, Origin } from './h1-connection.ts';
import { H1Connection } from './h1-connection.ts';
import type { LastHead } from './h1-reader.ts';

/** How long an idle connection is kept when the server does not say: below Node's 5 s, the shortest common default. */
const KEEP_ALIVE_MS = 4_000;
const LONGEST_KEEP_ALIVE_MS = 60_000;
/** Idle connections are looked through so often. */
const SWEEP_MS = 500;
/** Requests that may wait for a connection; more are refused. */
const MAX_WAITING = 16_384;

/** HTTP/1.1 with one server over sockets of our own. Connections are used last in, first out, so that spare ones age. */
export class H1Client implements UpstreamClient, ConnectionPool {
  readonly clock: Clock;
  readonly lastHead: LastHead = { text: '', head: undefined };
  readonly #origin: Origin;
  readonly #maxConnections: number;
  readonly #connectTimeoutMs: number;
  readonly #all = new Set<H1Connection>();
  readonly #idle: H1Connection[] = [];
  readonly #waiting = new Set<H1Call>();
  readonly #forget = (call: H1Call): void => void this.#waiting.delete(call);
  #sweep: Timer | undefined;
  #closing = false;

  constructor(options: UpstreamClientOptions, clock: Clock) {
    this.clock = clock;
    const url = new URL(options.origin);
    const tls = url.protocol === 'https:';
    const hostname = url.hostname.startsWith('[') ? url.hostname.slice(1, -1) : url.hostname;
    this.#origin = { tls, hostname, port: url.port === '' ? (tls ? 443 : 80) : Number(url.port) };
    this.#maxConnections = options.maxConnections;
    this.#connectTimeoutMs = options.connectTimeoutMs;
  }

  dispatch(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const call = new H1Call(request, handler, this.#forget);
    // An upgraded connection never comes back, so it is one of its own.
    const fresh = request.fresh || request.upgrade !== undefined;
    const idle = fresh ? undefined : this.#takeIdle();
    if (idle !== undefined) idle.carry(call);
    else if (this.#all.size < this.#maxConnections || this.#dropIdle()) this.#connect(call);
    else if (this.#waiting.size < MAX_WAITING) this.#waiting.add(call);
    else call.fail('overloaded', false, `${MAX_WAITING} requests wait for a connection`);
    return call;
  }

  close(): void {
    this.#closing = true;
    this.#sweep?.cancel();
    for (const connection of this.#idle.splice(0)) connection.close();
  }

  released(connection: H1Connection, keepAliveSeconds: number | undefined): void {
    const next = this.#waiting.size === 0 ? undefined : this.#waiting.values().next().value;
    if (next !== undefined && next.request.upgrade === undefined && !next.request.fresh) {
      this.#waiting.delete(next);
      connection.carry(next);
      return;
    }
    if (next !== undefined || this.#closing) {
      // What waits needs a connection of its own, and gets it when this one is gone.
      connection.close();
      return;
    }
    // A second less than the server says, so that it is not closed while a request is under way to it.
    const hint = keepAliveSeconds === undefined ? KEEP_ALIVE_MS : (keepAliveSeconds - 1) * 1_000;
    if (hint <= 0) {
      connection.close();
      return;
    }
    connection.idleSweeps = Math.ceil(Math.min(hint, LONGEST_KEEP_ALIVE_MS) / SWEEP_MS);
    this.#idle.push(connection);
    this.#sweep ??= this.clock.every(SWEEP_MS, () => this.#closeAged());
  }

  removed(connection: H1Connection): void {
    this.#all.delete(connection);
    const at = this.#idle.indexOf(connection);
    if (at !== -1) this.#idle.splice(at, 1);
    const [next] = this.#waiting;
    if (next === undefined || this.#all.size >= this.#maxConnections) return;
    this.#waiting.delete(next);
    this.#connect(next);
  }

  #connect(call: H1Call): void {
    this.#all.add(new H1Connection(this, this.#origin, this.#connectTimeoutMs, call));
  }

  #takeIdle(): H1Connection | undefined {
    for (;;) {
      const last = this.#idle.pop();
      if (last === undefined) return undefined;
      if (!last.destroyed) return last;
    }
  }

  /** Makes room for a connection that must be fresh. */
  #dropIdle(): boolean {
    const oldest = this.#idle.shift();
    if (oldest === undefined) return false;
    oldest.close();
    return true;
  }

  #closeAged(): void {
    for (let i = this.#idle.length - 1; i >= 0; i--) {
      const idle = this.#idle[i];
      if (idle === undefined || --idle.idleSweeps > 0) continue;
      this.#idle.splice(i, 1);
      idle.close();
    }
    if (this.#idle.length > 0) return;
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }
}
