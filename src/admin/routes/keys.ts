import { Type } from 'typebox';
import type { AdminDeps } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import { LimitName, PAGE, problems } from '../schemas.ts';
import type { AdminApp } from '../server.ts';
import { storeAnswer } from '../store-answer.ts';
import { unknownLimit } from '../unknown-limit.ts';

const Params = Type.Object({
  limit: LimitName,
  key: Type.String({
    description: 'The key as `POST /v1/explain` and `sluice explain` show it, percent-encoded (a slash as %2F).',
    minLength: 1,
  }),
});

const Counter = Type.Object({
  policy: Type.String({ description: '100/1m sliding-window, 2 buckets' }),
  limit: Type.Number({ description: 'Units per window, or in flight.' }),
  remaining: Type.Number({ description: 'Units left now.' }),
  resetMs: Type.Number({ description: 'Milliseconds until all units are back if none is taken.' }),
  present: Type.Boolean({ description: 'False when nothing is counted: never asked, or expired.' }),
});

export function keyRoutes(app: AdminApp, deps: AdminDeps): void {
  app.get(
    '/v1/limits/:limit/keys/:key',
    {
      config: { access: 'page' },
      schema: {
        ...PAGE,
        tags: ['limits'],
        operationId: 'peekKey',
        summary: 'How much a key has left',
        description: 'Charges nothing.',
        params: Params,
        response: {
          200: Type.Object(
            {
              limit: LimitName,
              key: Type.String(),
              counters: Type.Array(Counter, { description: 'One for each rate; none when the key is unlimited.' }),
            },
            { description: 'The key’s counters.' },
          ),
          ...problems(400, 401, 404, 503),
        },
      },
    },
    async ({ params: { limit, key } }) => {
      const counters = await storeAnswer(deps.keys.peek(limit, key));
      if (counters === undefined) throw new ProblemError(unknownLimit(limit, deps));
      return { limit, key, counters: [...counters] };
    },
  );

  app.delete(
    '/v1/limits/:limit/keys/:key',
    {
      schema: {
        tags: ['limits'],
        operationId: 'resetKey',
        summary: 'Forget what a key has used',
        params: Params,
        response: {
          200: Type.Object(
            {
              limit: LimitName,
              key: Type.String(),
              existed: Type.Boolean({ description: 'Whether anything was counted.' }),
            },
            { description: 'The key starts afresh.' },
          ),
          ...problems(400, 401, 404, 503),
        },
      },
    },
    async ({ params: { limit, key } }) => {
      const existed = await storeAnswer(deps.keys.reset(limit, key));
      if (existed === undefined) throw new ProblemError(unknownLimit(limit, deps));
      // The key itself stays out of the log: it may be a credential.
      deps.logger.info({ limit, existed }, 'key reset');
      return { limit, key, existed };
    },
  );
}
