import { Type } from 'typebox';
import type { AdminDeps } from '../deps.ts';
import { LimitSummary, problems } from '../schemas.ts';
import type { AdminApp } from '../server.ts';

export function limitRoutes(app: AdminApp, deps: AdminDeps): void {
  app.get(
    '/v1/limits',
    {
      schema: {
        tags: ['limits'],
        operationId: 'listLimits',
        summary: 'The limits in force',
        response: {
          200: Type.Object({ limits: Type.Array(LimitSummary) }, { description: 'In the order of the configuration.' }),
          ...problems(401),
        },
      },
    },
    () => ({ limits: deps.limits() }),
  );
}
