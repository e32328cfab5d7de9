/** The Fastify instance that the routes hang on: limits on everything, errors as problems, OpenAPI out of the schemas. */
import { STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import swagger from '@fastify/swagger';
import type {
  FastifyBaseLogger,
  FastifyError,
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault,
} from 'fastify';
import { fastify } from 'fastify';
import { reasonOf } from '../core/errors.ts';
import type { AdminDeps } from './deps.ts';
import { MethodTable } from './methods.ts';
import type { Problem } from './problems.ts';
import { PROBLEM_TYPE, ProblemError, problemBody, sendProblem } from './problems.ts';
import type { TypeBoxProvider } from './schemas.ts';
import { Problem as ProblemSchema } from './schemas.ts';
import { guard } from './security.ts';

export type AdminApp = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxProvider
>;

declare module 'fastify' {
  interface FastifyReply {
    problem(problem: Problem): FastifyReply;
  }
}

const BODY_LIMIT = 64 * 1024;
const MAX_PARAMETER = 4096;
/** Proxies that ask for decisions keep some open each; more than this is a fault or an attack. */
const MAX_CONNECTIONS = 4096;

/** A server without routes. Everything registered on it is guarded, documented and bounded. */
export async function createServer(deps: AdminDeps): Promise<AdminApp> {
  const app = fastify({
    logger: false,
    bodyLimit: BODY_LIMIT,
    requestTimeout: 10_000,
    keepAliveTimeout: 65_000,
    // While it drains, what still comes in is answered as usual: readyz says 503 by itself, and says why.
    return503OnClosing: false,
    routerOptions: { maxParamLength: MAX_PARAMETER },
    ajv: { customOptions: { removeAdditional: false, coerceTypes: false, useDefaults: false } },
    clientErrorHandler: answerGarbage,
    frameworkErrors: (error, _request, reply) => sendProblem(reply, { status: 400, detail: reasonOf(error) }),
  }).withTypeProvider<TypeBoxProvider>();

  app.server.maxConnections = MAX_CONNECTIONS;
  app.decorateReply('problem', function problem(this: FastifyReply, what: Problem) {
    return sendProblem(this, what);
  });
  guard(app, deps.token);
  // JSON only: a page of another site cannot send it without asking first, as it could text/plain.
  app.removeContentTypeParser('text/plain');
  app.addSchema(ProblemSchema);
  const methods = new MethodTable();
  app.addHook('onRoute', (route) => methods.add(route.url, route.method));
  app.setErrorHandler((error: FastifyError, request, reply) => answerError(error, request, reply, deps));
  app.setNotFoundHandler((request, reply) => answerUnknown(request, reply, methods));
  await app.register(swagger, {
    refResolver: { buildLocalReference: (schema, _base, _fragment, i) => String(schema['$id'] ?? `schema-${i}`) },
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Sluice admin API',
        version: deps.version,
        description: 'Looks into one Sluice gateway and changes what may be changed while it runs.',
        license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'admin.token, where one is configured.' },
          page: { type: 'http', scheme: 'basic', description: 'Any user, the token as password.' },
          proxyToken: { type: 'apiKey', in: 'header', name: 'X-Sluice-Token' },
        },
      },
      security: [{ token: [] }, {}],
    },
  });
  return app;
}

function answerError(error: FastifyError, request: FastifyRequest, reply: FastifyReply, deps: AdminDeps): FastifyReply {
  if (error instanceof ProblemError) return sendProblem(reply, error.problem);
  const status = error.validation === undefined ? (error.statusCode ?? 500) : 400;
  if (status >= 400 && status < 500) {
    const hint = status === 415 ? 'send content-type: application/json' : undefined;
    return sendProblem(reply, { status, detail: reasonOf(error), hint });
  }
  deps.logger.error({ err: error, route: request.routeOptions.url }, 'an admin route failed');
  return sendProblem(reply, { status: 500, detail: 'a defect in Sluice; its log says more' });
}

function answerUnknown(request: FastifyRequest, reply: FastifyReply, methods: MethodTable): FastifyReply {
  const [path = ''] = request.url.split('?', 1);
  const allowed = methods.of(path);
  if (allowed.length === 0) {
    return sendProblem(reply, {
      status: 404,
      detail: 'there is nothing here',
      hint: 'GET /openapi.json lists what there is',
    });
  }
  reply.header('allow', allowed.join(', '));
  return sendProblem(reply, {
    status: 405,
    detail: `${request.method} is not for this path`,
    hint: `use ${allowed.join(', ')}`,
  });
}

/** Bytes that are no HTTP request. Node's parser says why in the error's code; none of it goes to whoever sent them. */
function answerGarbage(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy();
    return;
  }
  const status = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code === 'ERR_HTTP_REQUEST_TIMEOUT' ? 408 : 400;
  const body = problemBody({ status, detail: 'this is not an HTTP request that can be read' });
  socket.end(
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\nContent-Type: ${PROBLEM_TYPE}\r\nContent-Length: ${Buffer.byteLength(body)}\r\nConnection: close\r\n\r\n${body}`,
  );
}
