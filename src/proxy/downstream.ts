/** The `node:http` server, set up for a proxy. */
import type { IncomingMessage, ServerOptions as NodeServerOptions, Server } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { reasonOf, SluiceError } from '../core/errors.ts';
import { LeanRequest, LeanResponse } from './lean-http.ts';
import type { ServerOptions } from './options.ts';

/** Connections beyond the bound that are still answered with 503; what comes on top is closed unread. */
const SURPLUS_CONNECTIONS = 64;

export type DownstreamServer = Server<typeof LeanRequest, typeof LeanResponse>;

export function createDownstream(options: ServerOptions): DownstreamServer {
  const requestTimeout = options.requestTimeoutMs;
  const headersTimeout =
    requestTimeout > 0 ? Math.min(options.headersTimeoutMs, requestTimeout) : options.headersTimeoutMs;
  const nodeOptions: NodeServerOptions<typeof LeanRequest, typeof LeanResponse> = {
    keepAliveTimeout: options.keepAliveTimeoutMs,
    headersTimeout,
    requestTimeout,
    connectionsCheckingInterval: checkingInterval(headersTimeout, requestTimeout),
    maxHeaderSize: options.maxHeaderBytes,
    // Checked here, with an answer that says why.
    requireHostHeader: false,
    insecureHTTPParser: false,
    noDelay: true,
    IncomingMessage: LeanRequest,
    ServerResponse: LeanResponse,
    optimizeEmptyRequests: true,
    // h2c is nothing we speak, and a request with a body does not give up its framing: both are served as if the field were not there.
    shouldUpgradeCallback: mayUpgrade,
  };
  const server = createServer(nodeOptions);
  // Node would silently drop the fields beyond its own bound: an API key among them. Ours answers 431.
  server.maxHeadersCount = 0;
  server.maxConnections = options.maxConnections + SURPLUS_CONNECTIONS;
  return server;
}

function mayUpgrade(req: IncomingMessage): boolean {
  const { upgrade, 'transfer-encoding': coding, 'content-length': length } = req.headers;
  if (upgrade === undefined || coding !== undefined || (length !== undefined && length !== '0')) return false;
  return req.httpVersion === '1.1' && !/(^|[\s,])h2c?([\s,]|$)/i.test(upgrade);
}

/** Often enough to keep the shorter limit to within a quarter. */
function checkingInterval(headersTimeoutMs: number, requestTimeoutMs: number): number {
  const shorter = requestTimeoutMs > 0 ? Math.min(headersTimeoutMs, requestTimeoutMs) : headersTimeoutMs;
  return Math.min(1_000, Math.max(20, Math.floor(shorter / 4)));
}

/** @throws SluiceError SLUICE_LISTEN in one line */
export function listen(
  server: DownstreamServer,
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
