import { Type } from 'typebox';
import { problems } from '../schemas.ts';
import type { AdminApp } from '../server.ts';

export function openApiRoutes(app: AdminApp): void {
  app.get(
    '/openapi.json',
    {
      schema: {
        tags: ['page'],
        operationId: 'openapi',
        summary: 'This API as an OpenAPI document',
        response: {
          200: Type.Object({}, { description: 'OpenAPI 3.1.', additionalProperties: true }),
          ...problems(401),
        },
      },
    },
    () => app.swagger(),
  );
}
