import type { RequestTrace } from '../../core/tracing.ts';
import type { ExchangeHost } from '../exchange-host.ts';
import { countsAgainstServer, faultOf, mayRetry } from '../retry.ts';
import type { UpstreamFailure } from './client.ts';
import type { Upstream, UpstreamServer } from './upstream.ts';

/** The attempts to get one request answered: which server is asked, what its failures mean, whether another follows. */
export class Attempts {
  readonly #upstream: Upstream;
  readonly #host: ExchangeHost;
  readonly #trace: RequestTrace | undefined;
  #raced = false;
  /** The server asked last. */
  server: UpstreamServer | undefined = undefined;
  /** What the request to it has to say of the trace; undefined when requests are not traced. */
  traceFields: readonly string[] | undefined = undefined;
  count = 0;

  constructor(upstream: Upstream, host: ExchangeHost, trace: RequestTrace | undefined) {
    this.#upstream = upstream;
    this.#host = host;
    this.#trace = trace;
  }

  /**
   * The server to ask now, never the one that just failed when there is another.
   *
   * @param race a connection was closed under the request: the server itself has not failed
   */
  next(now: number, race: boolean): UpstreamServer | undefined {
    this.count++;
    this.server = this.#upstream.pick(now, race ? undefined : this.server);
    if (this.server !== undefined) this.traceFields = this.#trace?.attempt(this.server.origin, now);
    return this.server;
  }

  /** Nothing more comes of the last one. @param status of its response; 0: none came @param fault what cut it short */
  ended(now: number, status: number, fault: string | undefined): void {
    this.#trace?.attemptEnded(now, status, fault);
  }

  succeeded(): void {
    this.server?.health.succeeded();
  }

  /** The server failed on this request. */
  blame(now: number): void {
    const { server } = this;
    if (server === undefined || !this.#upstream.failed(server, now)) return;
    const upstream = this.#upstream.options.name;
    this.#host.telemetry.upstreamEjected(upstream, server.origin);
    this.#host.logger.warn({ upstream, server: server.origin }, 'upstream server ejected after repeated failures');
  }

  /** @returns undefined: no further attempt; otherwise whether it was the keep-alive race and needs a fresh connection */
  retry(
    failure: UpstreamFailure,
    method: string,
    replayable: boolean,
    now: number,
  ): { readonly race: boolean } | undefined {
    if (countsAgainstServer(failure)) this.blame(now);
    const { retries, name } = this.#upstream.options;
    const left = retries - (this.count - 1 - (this.#raced ? 1 : 0));
    const race = failure.kind === 'lost' && failure.reused;
    // Alone, a server that failed would only be asked the same again.
    if (this.#upstream.servers.length === 1 && !race) return undefined;
    if (!mayRetry(failure, method, replayable, left, this.#raced)) return undefined;
    if (race) this.#raced = true;
    this.#host.telemetry.upstreamRetry(name);
    this.ended(now, 0, faultOf(failure).code);
    return { race };
  }
}
