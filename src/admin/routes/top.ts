import { Type } from 'typebox';
import type { Summary } from '../../core/space-saving.ts';
import type { AdminDeps } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import { LimitName, problems } from '../schemas.ts';
import type { AdminApp } from '../server.ts';
import { unknownLimit } from '../unknown-limit.ts';

const MOST_KEYS = 100;
const USUAL_KEYS = 10;

const Query = Type.Object(
  {
    limit: LimitName,
    count: Type.Optional(
      Type.String({
        description: `Keys in each list, 1 to ${MOST_KEYS}; left out: ${USUAL_KEYS}.`,
        pattern: '^([1-9][0-9]?|100)$',
      }),
    ),
  },
  { additionalProperties: false },
);

const Keys = Type.Array(
  Type.Object({
    key: Type.String({ description: 'As `POST /v1/explain` shows it; a long one by its hash.' }),
    count: Type.Integer({ description: 'Requests; at most so many.' }),
    error: Type.Integer({ description: 'The true number is lower by at most so many.' }),
  }),
);

export function topRoutes(app: AdminApp, deps: AdminDeps): void {
  app.get(
    '/v1/top',
    {
      schema: {
        tags: ['limits'],
        operationId: 'topKeys',
        summary: 'The keys that ask most and are refused most',
        description: 'On this instance, over the last one to two minutes, in bounded memory (Space-Saving).',
        querystring: Query,
        response: {
          200: Type.Object(
            {
              limit: LimitName,
              seconds: Type.Number({ description: 'Time that the counts cover.' }),
              asked: Keys,
              refused: Keys,
              others: Type.Object(
                { asked: Type.Integer(), refused: Type.Integer() },
                { description: 'A key that was not followed can have at most so many.' },
              ),
            },
            { description: 'Most first.' },
          ),
          ...problems(400, 401, 404),
        },
      },
    },
    ({ query: { limit, count } }) => {
      const top = deps.top(limit);
      if (top === undefined) throw new ProblemError(unknownLimit(limit, deps));
      const most = count === undefined ? USUAL_KEYS : Number(count);
      const shown = ({ keys }: Summary) => keys.slice(0, most);
      return {
        limit,
        seconds: top.seconds,
        asked: shown(top.asked),
        refused: shown(top.refused),
        others: { asked: top.asked.floor, refused: top.refused.floor },
      };
    },
  );
}
