import { Type } from 'typebox';
import type { Summary } from '../../core/space-saving.ts';
import type { AdminDeps } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import { LimitName, PAGE, problems } from '../schemas.ts';
import type { AdminApp } from '../server.ts';
import { storeAnswer } from '../store-answer.ts';
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
    fleet: Type.Optional(Type.String({ description: 'true: added up over all instances.', pattern: '^(true|false)$' })),
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

const Fleet = Type.Object(
  {
    instances: Type.Array(
      Type.Object({
        id: Type.String({ description: 'Unique: `sluice-<id>` in Redis’s CLIENT LIST, or the address of a peer.' }),
        host: Type.String({ description: 'What its machine is called.' }),
        seconds: Type.Number({ description: 'Time that its counts cover.' }),
      }),
      { description: 'Instances whose counts are in it.' },
    ),
    missing: Type.Array(Type.String(), {
      description: 'Ids of instances that are known to live, or are only out of sight, and did not answer in time.',
    }),
  },
  { description: 'With fleet=true.' },
);

export function topRoutes(app: AdminApp, deps: AdminDeps): void {
  app.get(
    '/v1/top',
    {
      config: { access: 'page' },
      schema: {
        ...PAGE,
        tags: ['limits'],
        operationId: 'topKeys',
        summary: 'The keys that ask most and are refused most',
        description:
          'On this instance, or over all that share its Redis or are its peers; over the last one to two minutes, in bounded memory (Space-Saving).',
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
              fleet: Type.Optional(Fleet),
            },
            { description: 'Most first.' },
          ),
          ...problems(400, 401, 404, 409, 503),
        },
      },
    },
    async ({ query: { limit, count, fleet } }) => {
      const own = deps.top(limit);
      if (own === undefined) throw new ProblemError(unknownLimit(limit, deps));
      const report = fleet === 'true' ? await askAll(limit, deps) : undefined;
      const { seconds, asked, refused } = report ?? own;
      const most = count === undefined ? USUAL_KEYS : Number(count);
      const shown = ({ keys }: Summary) => keys.slice(0, most);
      return {
        limit,
        seconds,
        asked: shown(asked),
        refused: shown(refused),
        others: { asked: asked.floor, refused: refused.floor },
        ...(report && { fleet: { instances: report.instances, missing: report.missing } }),
      };
    },
  );
}

function askAll(limit: string, { fleetTop }: AdminDeps) {
  if (fleetTop !== undefined) return storeAnswer(fleetTop.ask(limit));
  throw new ProblemError({
    status: 409,
    detail: 'this instance has no way to ask others for their busiest keys',
    hint: 'they are exchanged through Redis or between peers: configure redis or peers, or leave fleet out',
  });
}
