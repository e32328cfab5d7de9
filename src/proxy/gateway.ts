import type { Buffer } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/logger.ts';
import type { Random } from '../core/random.ts';
import type { Telemetry } from '../core/telemetry.ts';
import { ActiveList } from './active-list.ts';
import { isToken } from './characters.ts';
import { ClientConnection } from './client-connection.ts';
import type { ClientError } from './client-error.ts';
import { answerUnreadable, faultOfClientError, isDisconnect } from './client-error.ts';
import type { DownstreamServer } from './downstream.ts';
import { createDownstream, listen } from './downstream.ts';
import { Exchange } from './exchange.ts';
import type { ExchangeHost } from './exchange-host.ts';
import type { Fault } from './faults.ts';
import { FAULTS } from './faults.ts';
import { HttpDate } from './http-date.ts';
import { LeanResponse } from './lean-http.ts';
import type { ProxySnapshot, ServerOptions } from './options.ts';
import { shutDown } from './shutdown.ts';
import type { CompiledSnapshot } from './snapshot.ts';
import { closeRemoved, compileSnapshot } from './snapshot.ts';
import { Ticker, tickPeriod } from './ticker.ts';

export interface GatewayDeps {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
  readonly logger: Logger;
  readonly server: ServerOptions;
  readonly snapshot: ProxySnapshot;
  /** Name of this instance in Via fields; a token. Default `sluice`. */
  readonly instance?: string;
}

const CONNECTION = Symbol('connection');
type TrackedSocket = Socket & { [CONNECTION]?: ClientConnection };

/** The data plane: takes requests, has them decided, forwards or refuses them. */
export class Gateway {
  readonly #deps: GatewayDeps;
  readonly #server: DownstreamServer;
  readonly #active = new ActiveList<Exchange>();
  readonly #connections = new Set<ClientConnection>();
  readonly #ticker: Ticker;
  readonly #host: ExchangeHost;
  #snapshot: CompiledSnapshot;
  #draining = false;
  #drained: Promise<boolean> | undefined;

  /** @throws SluiceError SLUICE_CONFIG_INVALID when the snapshot contradicts itself */
  constructor(deps: GatewayDeps) {
    this.#deps = deps;
    this.#snapshot = compileSnapshot(deps.snapshot, deps.clock, deps.random, undefined);
    this.#ticker = new Ticker(deps.clock, (now) => this.#active.each((exchange) => exchange.tick(now)));
    this.#ticker.periodMs = tickPeriod(deps.server, deps.snapshot);
    this.#host = this.#makeHost();
    this.#server = createDownstream(deps.server);
    this.#attach(this.#server);
  }

  /** @throws SluiceError SLUICE_LISTEN, in one line */
  async listen(address: { host: string; port: number }): Promise<{ host: string; port: number }> {
    const bound = await listen(this.#server, address);
    this.#ticker.start(this.#ticker.periodMs);
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
   * Stops accepting, lets what is under way finish with `Connection: close`, closes idle connections after a short grace.
   *
   * @returns true when all finished in time; after `timeoutMs` milliseconds the rest is cut off: false. A second call
   * joins the first.
   */
  drain(timeoutMs: number): Promise<boolean> {
    this.#drained ??= this.#drain(timeoutMs);
    return this.#drained;
  }

  async #drain(timeoutMs: number): Promise<boolean> {
    this.#draining = true;
    const clean = await shutDown(this.#server, this.#deps.clock, this.#connections, this.#active, timeoutMs);
    this.#ticker.stop();
    closeRemoved(this.#snapshot, undefined);
    return clean;
  }

  #makeHost(): ExchangeHost {
    const { clock, telemetry, logger, server, instance } = this.#deps;
    const name = instance !== undefined && isToken(instance) ? instance : 'sluice';
    const gateway = this;
    const date = new HttpDate();
    return {
      clock,
      telemetry,
      logger,
      server,
      via: [`1.0 ${name}`, `1.1 ${name}`],
      keepAliveFields: keepAliveFields(server.keepAliveTimeoutMs),
      httpDate: () => date.text(clock.now()),
      get coarseNow(): number {
        return gateway.#ticker.now;
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

  #attach(server: DownstreamServer): void {
    server.on('connection', (socket: TrackedSocket) => this.#connected(socket));
    server.on('request', (req, res) => this.#serve(req, res, false, undefined));
    server.on('checkContinue', (req, res) => this.#serve(req, res, true, undefined));
    server.on('checkExpectation', (req, res) => this.#exchange(req, res, true, undefined)?.refuse(FAULTS.expectation));
    server.on('upgrade', (req, socket, head) => this.#upgrade(req, socket, head));
    server.on('connect', (req, socket) => this.#refuseConnect(req, socket));
    server.on('clientError', (error: ClientError, socket) => this.#unreadable(error, socket));
    server.on('drop', () => this.#deps.logger.warn({}, 'connection closed unread: far more than accepted are open'));
  }

  #connected(socket: TrackedSocket): void {
    const connection = new ClientConnection(socket, this.#connections.size >= this.#deps.server.maxConnections);
    socket[CONNECTION] = connection;
    this.#connections.add(connection);
    socket.on('close', () => {
      this.#connections.delete(connection);
      connection.closed();
    });
  }

  #serve(req: IncomingMessage, res: LeanResponse, holdsBody: boolean, upgradeHead: Buffer | undefined): void {
    this.#exchange(req, res, holdsBody, upgradeHead)?.start();
  }

  #exchange(
    req: IncomingMessage,
    res: LeanResponse,
    holdsBody: boolean,
    upgradeHead: Buffer | undefined,
  ): Exchange | undefined {
    const connection = (req.socket as TrackedSocket)[CONNECTION];
    if (connection === undefined || connection.broken) {
      req.socket.destroy();
      return undefined;
    }
    return new Exchange(this.#host, this.#active, connection, req, res, holdsBody, upgradeHead);
  }

  #upgrade(req: IncomingMessage, socket: Duplex, head: Buffer): void {
    const connection = (socket as TrackedSocket)[CONNECTION];
    // An upgrade behind a request that is still being answered would mix two messages on one connection.
    if (connection === undefined || connection.users.length > 0) {
      socket.destroy();
      return;
    }
    const res = new LeanResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(connection.socket);
    connection.socket.on('drain', () => res.emit('drain'));
    connection.socket.on('error', () => connection.socket.destroy());
    res.once('finish', () => connection.socket.destroySoon());
    this.#serve(req, res, false, head);
  }

  #refuseConnect(req: IncomingMessage, socket: Duplex): void {
    const connection = (socket as TrackedSocket)[CONNECTION];
    if (connection === undefined) {
      socket.destroy();
      return;
    }
    connection.socket.on('error', () => connection.socket.destroy());
    this.#answerBare(connection, FAULTS.method, req.method ?? '');
  }

  #unreadable(error: ClientError, socket: Duplex): void {
    const connection = (socket as TrackedSocket)[CONNECTION];
    if (connection === undefined || connection.broken || isDisconnect(error)) {
      socket.destroy();
      return;
    }
    const fault = connection.surplus ? FAULTS.connections : faultOfClientError(error);
    const user = connection.users.at(-1);
    connection.broken = true;
    if (user !== undefined) user.requestBroken(fault === FAULTS.requestTimeout);
    else if (fault === FAULTS.requestTimeout && connection.socket.bytesRead === 0) socket.destroy();
    else this.#answerBare(connection, fault, '');
  }

  /** A request that never became one is counted all the same. */
  #answerBare(connection: ClientConnection, fault: Fault, method: string): void {
    const { clock, telemetry } = this.#deps;
    answerUnreadable(connection.socket, fault, clock.now());
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
    });
  }
}

/** As Node writes them on the responses that it makes itself. */
function keepAliveFields(timeoutMs: number): string {
  const hint = timeoutMs > 0 ? `Keep-Alive: timeout=${Math.floor(timeoutMs / 1_000)}\r\n` : '';
  return `Connection: keep-alive\r\n${hint}\r\n`;
}
