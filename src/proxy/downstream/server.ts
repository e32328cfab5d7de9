/** The listening side: a plain TCP server whose connections are read by `ClientConnection`. */
import type { AddressInfo, Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import { reasonOf, SluiceError } from '../../core/errors.ts';
import type { ServerOptions } from '../options.ts';
import type { ReadingLimits } from './client-connection.ts';

/** Connections beyond the bound that are still answered with 503; what comes on top is closed unread. */
const SURPLUS_CONNECTIONS = 64;
/** An idle connection is kept this much longer than the client was told, for a request that is already on its way. */
const IDLE_GRACE_MS = 1_000;

export function createDownstream(options: ServerOptions, connected: (socket: Socket) => void): Server {
  // Half-open: an upgraded connection may go on in one direction.
  const server = createServer({ noDelay: true, allowHalfOpen: true }, connected);
  server.maxConnections = options.maxConnections + SURPLUS_CONNECTIONS;
  return server;
}

export function readingLimits(options: ServerOptions): ReadingLimits {
  const { headersTimeoutMs, requestTimeoutMs, keepAliveTimeoutMs } = options;
  return {
    maxHeadBytes: options.maxHeaderBytes,
    headMs: requestTimeoutMs > 0 ? Math.min(headersTimeoutMs, requestTimeoutMs) : headersTimeoutMs,
    requestMs: requestTimeoutMs,
    idleMs: keepAliveTimeoutMs > 0 ? keepAliveTimeoutMs + IDLE_GRACE_MS : 0,
  };
}

/** How often the limits are looked after: often enough to keep the shortest to within a quarter. */
export function lookingIntervalMs({ headMs, requestMs, idleMs }: ReadingLimits): number {
  const shortest = Math.min(...[headMs, requestMs, idleMs].filter((ms) => ms > 0), 4_000);
  return Math.min(1_000, Math.max(20, Math.floor(shortest / 4)));
}

/** @throws SluiceError SLUICE_LISTEN in one line */
export function listen(
  server: Server,
  address: { host: string; port: number },
): Promise<{ host: string; port: number }> {
  const { host, port } = address;
  return new Promise((resolve, reject) => {
    const failed = (error: Error): void => {
      reject(new SluiceError('SLUICE_LISTEN', `cannot listen on ${hostPort(host, port)}: ${explain(error)}`));
    };
    server.once('error', failed);
    server.listen({ host, port, backlog: 4_096 }, () => {
      server.off('error', failed);
      const bound = server.address() as AddressInfo;
      resolve({ host: bound.address, port: bound.port });
    });
  });
}

function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function explain(error: Error): string {
  const code = 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return 'the port is in use (is another gateway running? choose another with --listen)';
  if (code === 'EACCES') return 'not permitted (ports below 1024 need a privilege)';
  if (code === 'EADDRNOTAVAIL') return 'the address is not of this machine';
  return reasonOf(error);
}
