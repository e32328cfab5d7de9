import type { Buffer } from 'node:buffer';
import type { Server, Socket } from 'node:net';
import type { Clock, Timer } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import type { Telemetry } from '../core/telemetry.ts';
import type { Tracer } from '../core/tracing.ts';
import { ActiveList } from './active-list.ts';
import { isToken } from './characters.ts';
import type { ConnectionOwner } from './downstream/client-connection.ts';
import { ClientConnection } from './downstream/client-connection.ts';
import type { ClientRequest } from './downstream/client-request.ts';
import type { ClientResponse } from './downstream/client-response.ts';
import { createDownstream, listen, lookingIntervalMs, readingLimits } from './downstream/server.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeHost } from './exchange-host.ts';
import type { Fault } from './faults.ts';
import { FAULTS, rawFaultResponse } from './faults.ts';
import { HttpDate } from './http-date.ts';
import type { ProxySnapshot, ServerOptions } from './options.ts';
import { shutDown } from './shutdown.ts';
import type { CompiledSnapshot } from './snapshot.ts';
import { closeRemoved, compileSnapshot } from './snapshot.ts';
import { Ticker, tickPeriod } from './ticker.ts';

export interface GatewayDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  /** Left out: requests are not traced. */
  readonly tracer?: Tracer | undefined;
  readonly logger: Logger;
  readonly server: ServerOptions;
  readonly snapshot: ProxySnapshot;
  /** Name of this instance in Via fields; a token. Default `sluice`. */
  readonly instance?: string;
}

/** The data plane: takes requests, has them decided, forwards or refuses them. */
export class Gateway {
  readonly #deps: GatewayDeps;
  readonly #server: Server;
  readonly #active = new ActiveList<Exchange>();
  readonly #connections = new Set<ClientConnection>();
  readonly #ticker: Ticker;
  readonly #host: ExchangeHost & ConnectionOwner;
  #snapshot: CompiledSnapshot;
  #watch: Timer | undefined;
  #lookedAt: number;
  #draining = false;
  #drained: Promise<boolean> | undefined;

  /** @throws SluiceError SLUICE_CONFIG_INVALID when the snapshot contradicts itself */
  constructor(deps: GatewayDeps) {
    this.#deps = deps;
    this.#snapshot = compileSnapshot(deps.snapshot, deps.clock, deps.random, undefined);
    this.#ticker = new Ticker(deps.clock, (now) => this.#active.each((exchange) => exchange.tick(now)));
    this.#ticker.periodMs = tickPeriod(deps.server, deps.snapshot);
    this.#lookedAt = deps.clock.monotonic();
    this.#host = this.#makeHost();
    this.#server = createDownstream(deps.server, (socket) => this.#connected(socket));
    this.#server.on('drop', () => deps.logger.warn({}, 'connection closed unread: far more than accepted are open'));
  }

  /** @throws SluiceError SLUICE_LISTEN, in one line */
  async listen(address: { host: string; port: number }): Promise<{ host: string; port: number }> {
    const bound = await listen(this.#server, address);
    this.#ticker.start(this.#ticker.periodMs);
    this.#watch = this.#watchConnections();
    this.#server.on('error', (error) => this.#deps.logger.error({ reason: error.message }, 'listening failed'));
    return bound;
  }

  /**
   * Serves by other routes and upstreams from the next request on. Servers that stay keep their connections and health;
   * the others are closed when their last exchange is over.
   *
   * @throws SluiceError SLUICE_CONFIG_INVALID, and the old snapshot stays
   */
  apply(snapshot: ProxySnapshot): void {
    const old = this.#snapshot;
    this.#snapshot = compileSnapshot(snapshot, this.#deps.clock, this.#deps.random, old);
    this.#ticker.start(tickPeriod(this.#deps.server, snapshot));
    closeRemoved(old, this.#snapshot);
  }

  /** Requests under way. */
  get inFlight(): number {
    return this.#active.size;
  }

  /** Client connections, idle ones included. */
  get connections(): number {
    return this.#connections.size;
  }

  /**
   * From now on every response says `Connection: close`. After `delayMs`, in which a load balancer learns to send no
   * more, stops accepting, lets what is under way finish, and closes idle connections after a short grace.
   *
   * @returns true when all finished in time; `timeoutMs` milliseconds after the delay the rest is cut off: false. A
   * second call joins the first.
   */
  drain(timeoutMs: number, delayMs = 0): Promise<boolean> {
    this.#drained ??= this.#drain(timeoutMs, delayMs);
    return this.#drained;
  }

  async #drain(timeoutMs: number, delayMs: number): Promise<boolean> {
    this.#draining = true;
    const { clock } = this.#deps;
    if (delayMs > 0) await new Promise<void>((resume) => clock.after(delayMs, resume));
    const clean = await shutDown(this.#server, clock, this.#connections, this.#active, timeoutMs);
    this.#ticker.stop();
    this.#watch?.cancel();
    closeRemoved(this.#snapshot, undefined);
    return clean;
  }

  /** Looks after the time limits of reading requests. */
  #watchConnections(): Timer {
    const { clock } = this.#deps;
    const everyMs = lookingIntervalMs(this.#host.limits);
    return clock.every(everyMs, () => {
      this.#lookedAt = clock.monotonic();
      for (const connection of this.#connections) connection.look(this.#lookedAt, everyMs);
    });
  }

  #makeHost(): ExchangeHost & ConnectionOwner {
    const { clock, telemetry, tracer, logger, server, instance } = this.#deps;
    const name = instance !== undefined && isToken(instance) ? instance : 'sluice';
    const gateway = this;
    const date = new HttpDate();
    return {
      clock,
      telemetry,
      tracer,
      logger,
      server,
      via: [`1.0 ${name}`, `1.1 ${name}`],
      keepAliveFields: keepAliveFields(server.keepAliveTimeoutMs),
      limits: readingLimits(server),
      httpDate: () => date.text(clock.now()),
      serve: (connection, req, res, upgradeHead) => this.#serve(connection, req, res, upgradeHead),
      unreadable: (connection, fault, method) => this.#answerBare(connection, fault, method),
      get coarseNow(): number {
        return gateway.#ticker.now;
      },
      get lookedAt(): number {
        return gateway.#lookedAt;
      },
      get tickMs(): number {
        return gateway.#ticker.periodMs;
      },
      get draining(): boolean {
        return gateway.#draining;
      },
      get snapshot(): CompiledSnapshot {
        return gateway.#snapshot;
      },
    };
  }

  #connected(socket: Socket): void {
    const surplus = this.#connections.size >= this.#deps.server.maxConnections;
    const connection = new ClientConnection(socket, surplus, this.#host);
    this.#connections.add(connection);
    socket.on('close', () => {
      this.#connections.delete(connection);
      connection.closed();
    });
  }

  #serve(connection: ClientConnection, req: ClientRequest, res: ClientResponse, upgradeHead: Buffer | undefined): void {
    const expects = req.minor === 1 ? req.head.expect : undefined;
    const holdsBody = expects !== undefined;
    const exchange = new Exchange(this.#host, this.#active, connection, req, res, holdsBody, upgradeHead);
    if (expects !== undefined && !/(?:^|\W)100-continue(?:$|\W)/i.test(expects)) exchange.refuse(FAULTS.expectation);
    else exchange.start();
  }

  /** A request that never became one is counted all the same. */
  #answerBare(connection: ClientConnection, fault: Fault, method: string): void {
    const { telemetry } = this.#deps;
    const { socket } = connection;
    if (socket.writable) socket.write(rawFaultResponse(fault, this.#host.httpDate()), 'latin1');
    socket.destroySoon();
    telemetry.requestFinished({
      route: '',
      outcome: 'error',
      status: fault.status,
      method,
      path: '',
      clientIp: connection.peer,
      violated: [],
      upstream: undefined,
      durationMs: 0,
      decisionMs: 0,
      upstreamMs: undefined,
      bytesIn: 0,
      bytesOut: fault.body.length,
      fault: fault.code,
      traceId: undefined,
    });
  }
}

/** As Node writes them on the responses that it makes itself. */
function keepAliveFields(timeoutMs: number): string {
  const hint = timeoutMs > 0 ? `Keep-Alive: timeout=${Math.floor(timeoutMs / 1_000)}\r\n` : '';
  return `Connection: keep-alive\r\n${hint}\r\n`;
}
