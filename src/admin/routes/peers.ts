import type { AdminDeps } from '../deps.ts';
import { PeersReport, peersReport } from '../peers-report.ts';
import { problems } from '../schemas.ts';
import type { AdminApp } from '../server.ts';

export function peerRoutes(app: AdminApp, deps: AdminDeps): void {
  app.get(
    '/v1/peers',
    {
      schema: {
        tags: ['peers'],
        operationId: 'listPeers',
        summary: 'The other hosts, and who leads',
        response: { 200: PeersReport, ...problems(401) },
      },
    },
    () => peersReport(deps),
  );
}
