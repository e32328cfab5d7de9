import { Type } from 'typebox';
import type { AdminDeps } from '../deps.ts';
import { Algorithm, LimitName, Mode, OnFailure, problems, Sharing } from '../schemas.ts';
import type { AdminApp } from '../server.ts';

const Limit = Type.Object({
  name: LimitName,
  key: Type.Array(Type.String(), { description: 'Parts of the key; a|b is the first one present.' }),
  rates: Type.Array(Type.String(), { description: 'count/window; all must hold. Empty for concurrency.' }),
  max: Type.Optional(Type.Integer({ description: 'concurrency only: most in flight at once.' })),
  algorithm: Algorithm,
  sharing: Sharing,
  mode: Mode,
  onFailure: OnFailure,
  overrides: Type.Integer({ description: 'How many overrides it has.' }),
  routes: Type.Array(Type.String(), { description: 'Routes that use it.' }),
});

export function limitRoutes(app: AdminApp, deps: AdminDeps): void {
  app.get(
    '/v1/limits',
    {
      schema: {
        tags: ['limits'],
        operationId: 'listLimits',
        summary: 'The limits in force',
        response: {
          200: Type.Object({ limits: Type.Array(Limit) }, { description: 'In the order of the configuration.' }),
          ...problems(401),
        },
      },
    },
    () => ({ limits: deps.limits() }),
  );
}
