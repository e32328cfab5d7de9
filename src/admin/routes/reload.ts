import { Type } from 'typebox';
import type { AdminDeps } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import { problems } from '../schemas.ts';
import type { AdminApp } from '../server.ts';

export function reloadRoutes(app: AdminApp, deps: AdminDeps): void {
  app.post(
    '/v1/reload',
    {
      schema: {
        tags: ['configuration'],
        operationId: 'reload',
        summary: 'Read the configuration again',
        response: {
          200: Type.Object(
            {
              result: Type.Union([Type.Literal('success'), Type.Literal('unchanged')]),
              changes: Type.Array(Type.String(), { description: 'What is different now.' }),
            },
            { description: 'The new configuration is in force, or nothing has changed.' },
          ),
          ...problems(400, 401, 413, 415, 422),
        },
      },
    },
    async () => {
      const { result, faults, changes } = await deps.reload();
      if (result === 'failure') {
        throw new ProblemError({
          status: 422,
          detail: 'the new configuration has faults; the old one stays in force',
          faults: faults ?? [],
        });
      }
      return { result, changes: [...(changes ?? [])] };
    },
  );
}
