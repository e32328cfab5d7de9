/** The admin listener: what operators, Prometheus, Kubernetes and other proxies talk to. Never on the gateway's own port. */
import type { Address } from '../config/types.ts';
import { reasonOf, SluiceError } from '../core/errors.ts';
import type { AdminDeps } from './deps.ts';
import { checkRoutes } from './routes/check.ts';
import { eventRoutes } from './routes/events.ts';
import { explainRoutes } from './routes/explain.ts';
import { healthRoutes } from './routes/health.ts';
import { keyRoutes } from './routes/keys.ts';
import { limitRoutes } from './routes/limits.ts';
import { metricsRoutes } from './routes/metrics.ts';
import { openApiRoutes } from './routes/openapi.ts';
import { pageRoutes } from './routes/page.ts';
import { peerRoutes } from './routes/peers.ts';
import { reloadRoutes } from './routes/reload.ts';
import { topRoutes } from './routes/top.ts';
import { createServer } from './server.ts';

export interface Admin {
  /**
   * Starts listening; resolves with the address, the port as chosen when 0 was asked for.
   * @throws SluiceError SLUICE_LISTEN
   */
  listen(address: Address): Promise<Address>;
  /** Stops listening, lets running requests finish. */
  close(): Promise<void>;
}

export async function createAdmin(deps: AdminDeps): Promise<Admin> {
  const app = await createServer(deps);
  pageRoutes(app);
  eventRoutes(app, deps);
  healthRoutes(app, deps);
  metricsRoutes(app, deps);
  limitRoutes(app, deps);
  keyRoutes(app, deps);
  peerRoutes(app, deps);
  topRoutes(app, deps);
  explainRoutes(app, deps);
  reloadRoutes(app, deps);
  await checkRoutes(app, deps);
  openApiRoutes(app);
  await app.ready();
  return {
    async listen({ host, port }) {
      try {
        await app.listen({ host, port });
      } catch (error) {
        throw new SluiceError('SLUICE_LISTEN', `cannot listen on ${addressText({ host, port })}: ${why(error)}`, {
          cause: error,
        });
      }
      const bound = app.server.address();
      return bound === null || typeof bound === 'string' ? { host, port } : { host: bound.address, port: bound.port };
    },
    close: () => app.close(),
  };
}

function addressText({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function why(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'EADDRINUSE') return 'address in use (another Sluice? choose another with --admin)';
  if (code === 'EACCES') return 'permission denied (ports below 1024 need a privilege; choose another with --admin)';
  if (code === 'EADDRNOTAVAIL') return 'this machine has no such address (choose another with --admin)';
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return 'no such host name (choose another with --admin)';
  return reasonOf(error);
}
