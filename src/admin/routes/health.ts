import { Type } from 'typebox';
import type { AdminDeps } from '../deps.ts';
import { PUBLIC, problems } from '../schemas.ts';
import type { AdminApp } from '../server.ts';

export function healthRoutes(app: AdminApp, deps: AdminDeps): void {
  app.get(
    '/healthz',
    {
      config: { access: 'public' },
      schema: {
        ...PUBLIC,
        tags: ['health'],
        operationId: 'healthz',
        summary: 'Is the process alive?',
        response: { 200: Type.Object({ status: Type.Literal('alive') }, { description: 'It is.' }), ...problems() },
      },
    },
    () => ({ status: 'alive' as const }),
  );

  app.get(
    '/readyz',
    {
      config: { access: 'public' },
      schema: {
        ...PUBLIC,
        tags: ['health'],
        operationId: 'readyz',
        summary: 'Should it be sent traffic?',
        description: 'Not while it starts, and not while it drains before it ends.',
        response: {
          200: Type.Object({ status: Type.Literal('ready') }, { description: 'It should.' }),
          ...problems(503),
        },
      },
    },
    (_request, reply) => {
      const { ready, reasons } = deps.readiness();
      if (ready) return { status: 'ready' as const };
      return reply.problem({ status: 503, detail: reasons.join('; ') || 'not ready', faults: reasons });
    },
  );
}
