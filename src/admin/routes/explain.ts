import { isIP } from 'node:net';
import { Type } from 'typebox';
import { reasonOf, SluiceError } from '../../core/errors.ts';
import type { AdminDeps } from '../deps.ts';
import { ProblemError } from '../problems.ts';
import { Mode, OnFailure, PAGE, problems, Sharing } from '../schemas.ts';
import type { AdminApp } from '../server.ts';

const Request = Type.Object(
  {
    method: Type.Optional(Type.String({ description: 'Default GET.', pattern: '^[A-Za-z-]{1,32}$' })),
    url: Type.String({ description: 'Absolute: http://api.example.com/v1/orders?page=2', maxLength: 8192 }),
    headers: Type.Optional(Type.Record(Type.String(), Type.String())),
    clientIp: Type.Optional(Type.String({ description: 'Address of the client. Default 127.0.0.1.', maxLength: 64 })),
  },
  { additionalProperties: false },
);

const LimitExplanation = Type.Object({
  limit: Type.String(),
  applies: Type.Boolean(),
  why: Type.Optional(Type.String({ description: 'Why it does not apply.' })),
  key: Type.Optional(Type.String({ description: 'As in /v1/limits/{limit}/keys/{key}, not encoded.' })),
  cost: Type.Number(),
  override: Type.Optional(Type.String({ description: 'Pattern of the override in force.' })),
  policies: Type.Array(Type.String()),
  sharing: Sharing,
  mode: Mode,
  onFailure: OnFailure,
  counters: Type.Array(Type.String(), { description: 'Names of the counters in the store.' }),
});

const Explanation = Type.Object(
  {
    method: Type.String(),
    host: Type.String(),
    path: Type.String({ description: 'Normalised.' }),
    clientIp: Type.String(),
    route: Type.Optional(Type.String({ description: 'Absent: no route matches.' })),
    upstream: Type.Optional(Type.String()),
    limits: Type.Array(LimitExplanation),
  },
  { description: 'Route, limits and keys.' },
);

export function explainRoutes(app: AdminApp, deps: AdminDeps): void {
  app.post(
    '/v1/explain',
    {
      config: { access: 'page' },
      schema: {
        ...PAGE,
        tags: ['limits'],
        operationId: 'explain',
        summary: 'What a request would meet',
        description: 'Route, limits and keys of one request. Counts nothing.',
        body: Request,
        response: { 200: Explanation, ...problems(400, 401, 413, 415) },
      },
    },
    ({ body }) => {
      if (body.clientIp !== undefined && isIP(body.clientIp) === 0) {
        throw new ProblemError({ status: 400, detail: 'clientIp is not an IP address', hint: 'for example 192.0.2.7' });
      }
      if (!/^https?:\/\//i.test(body.url) || !URL.canParse(body.url)) {
        throw new ProblemError({
          status: 400,
          detail: 'url is not an absolute http URL',
          hint: 'for example http://api.example.com/v1/orders',
        });
      }
      const headers: Record<string, string> = {};
      for (const [name, value] of Object.entries(body.headers ?? {})) headers[name.toLowerCase()] = value;
      try {
        return deps.explain({
          method: (body.method ?? 'GET').toUpperCase(),
          url: body.url,
          headers,
          clientIp: body.clientIp,
        });
      } catch (error) {
        if (error instanceof SluiceError && error.code === 'SLUICE_USAGE') {
          throw new ProblemError({ status: 400, detail: reasonOf(error) });
        }
        throw error;
      }
    },
  );
}
