import type { Logger } from '../../core/logger.ts';
import type { Telemetry } from '../../core/telemetry.ts';
import { countsAgainstServer, mayRetry } from '../retry.ts';
import type { UpstreamFailure } from './client.ts';
import type { Upstream, UpstreamServer } from './upstream.ts';

/** The attempts to get one request answered: which server is asked, what its failures mean, whether another follows. */
export class Attempts {
  readonly #upstream: Upstream;
  readonly #telemetry: Telemetry;
  readonly #logger: Logger;
  #raced = false;
  /** The server asked last. */
  server: UpstreamServer | undefined = undefined;
  count = 0;

  constructor(upstream: Upstream, telemetry: Telemetry, logger: Logger) {
    this.#upstream = upstream;
    this.#telemetry = telemetry;
    this.#logger = logger;
  }

  /**
   * The server to ask now, never the one that just failed when there is another.
   *
   * @param race a connection was closed under the request: the server itself has not failed
   */
  next(now: number, race: boolean): UpstreamServer | undefined {
    this.count++;
    this.server = this.#upstream.pick(now, race ? undefined : this.server);
    return this.server;
  }

  succeeded(): void {
    this.server?.health.succeeded();
  }

  /** The server failed on this request. */
  blame(now: number): void {
    const { server } = this;
    if (server === undefined || !this.#upstream.failed(server, now)) return;
    const upstream = this.#upstream.options.name;
    this.#telemetry.upstreamEjected(upstream, server.origin);
    this.#logger.warn({ upstream, server: server.origin }, 'upstream server ejected after repeated failures');
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
    this.#telemetry.upstreamRetry(name);
    return { race };
  }
}
