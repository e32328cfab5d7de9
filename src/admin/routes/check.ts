/**
 * Decisions for other proxies, in the forward-auth convention: 2xx lets the original request pass. What each proxy sends
 * is in forwarded.ts; what each makes of the answer:
 *
 * - Traefik and Caddy hand any other answer to the client as it is: status, fields and body.
 * - nginx knows 401 and 403 only. On 429 it answers 500 and logs an error. So it can ask with `?refusal=403`, and turn that
 *   into a 429 in an `error_page 403` (docs and test/admin/nginx.test.ts have the configuration).
 *
 * A `concurrency` limit cannot hold here: nobody tells when the original request ends. It counts the check alone.
 */
import { METHODS } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { AdminDeps } from '../deps.ts';
import { originalRequest } from '../forwarded.ts';
import { PROBLEM_TYPE } from '../problems.ts';
import { problems } from '../schemas.ts';
import type { AdminApp } from '../server.ts';

const Query = Type.Object({
  refusal: Type.Optional(
    Type.Literal('403', { description: 'Answer every refusal with this status, for nginx, which knows no 429.' }),
  ),
});

const Headers = Type.Object({
  'x-forwarded-method': Type.Optional(Type.String({ description: 'Or X-Original-Method. One of them is needed.' })),
  'x-forwarded-host': Type.Optional(Type.String({ description: 'Or X-Original-URL. One of them is needed.' })),
  'x-forwarded-uri': Type.Optional(
    Type.String({ description: 'Path and query. Or X-Original-URI or X-Original-URL. One of them is needed.' }),
  ),
  'x-forwarded-for': Type.Optional(Type.String({ description: 'Needed. The last address is the client.' })),
  'x-forwarded-proto': Type.Optional(Type.String()),
  'x-sluice-token': Type.Optional(Type.String({ description: 'The admin token, where one is configured.' })),
});

const schema = {
  tags: ['decisions'],
  summary: 'May this request pass?',
  description:
    'Decides and charges the request that a proxy asks about. The answer has the same RateLimit fields and body as the gateway’s own.',
  security: [{ proxyToken: [] }, {}],
  querystring: Query,
  headers: Headers,
  response: {
    200: { description: 'It may.', type: 'null' },
    ...problems(400, 401, 429, 503),
  },
};

export async function checkRoutes(parent: AdminApp, deps: AdminDeps): Promise<void> {
  const decide = async (
    request: FastifyRequest<{ Querystring: { refusal?: string } }>,
    reply: FastifyReply,
  ): Promise<FastifyReply> => {
    const refusal = request.query.refusal === undefined ? undefined : Number(request.query.refusal);
    const outcome = await deps.check(originalRequest(request.raw));
    try {
      for (let i = 0; i + 1 < outcome.headers.length; i += 2) {
        reply.header(outcome.headers[i] ?? '', outcome.headers[i + 1]);
      }
      const { rejection } = outcome;
      if (rejection === undefined) return reply.code(200).send();
      return reply
        .code(refusal ?? rejection.status)
        .header('content-type', PROBLEM_TYPE)
        .send(rejection.body);
    } finally {
      outcome.release?.();
    }
  };

  await parent.register((app, _options, registered) => {
    // A body is the original request's, passed along. It is nothing to us: let it run out.
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, payload, done) => {
      payload.resume();
      done(null);
    });
    const common = { config: { access: 'proxy' as const }, handler: decide };
    app.route({ ...common, url: '/v1/check', method: 'GET', schema: { ...schema, operationId: 'check' } });
    app.route({ ...common, url: '/v1/check', method: 'POST', schema: { ...schema, operationId: 'checkPost' } });
    // Traefik can be told to keep the original method, whatever it is.
    const others = METHODS.filter((method) => !['GET', 'HEAD', 'POST', 'CONNECT'].includes(method));
    for (const method of others) if (!app.supportedMethods.includes(method)) app.addHttpMethod(method);
    app.route({ ...common, url: '/v1/check', method: others, schema: { ...schema, hide: true } });
    registered();
  });
}
