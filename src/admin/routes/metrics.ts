import { Type } from 'typebox';
import type { AdminDeps } from '../deps.ts';
import { PUBLIC, problems } from '../schemas.ts';
import type { AdminApp } from '../server.ts';

export function metricsRoutes(app: AdminApp, deps: AdminDeps): void {
  app.get(
    '/metrics',
    {
      config: { access: 'public' },
      schema: {
        ...PUBLIC,
        tags: ['health'],
        operationId: 'metrics',
        summary: 'Metrics for Prometheus',
        description: 'In the text format, or as OpenMetrics for whoever asks for it in Accept.',
        response: {
          200: {
            description: 'The metrics.',
            content: {
              'text/plain': { schema: Type.String() },
              'application/openmetrics-text': { schema: Type.String() },
            },
          },
          ...problems(),
        },
      },
    },
    async (request, reply) => {
      const { contentType, body } = await deps.metrics.render(request.headers.accept);
      return reply.header('content-type', contentType).serializer(asIs).send(body);
    },
  );
}

/** The body is text already. */
function asIs(body: unknown): string {
  return String(body);
}
