import type { AdminDeps } from '../deps.ts';
import { EventHub } from '../page/event-hub.ts';
import { SnapshotMaker } from '../page/snapshot.ts';
import { Snapshot } from '../page/snapshot-schema.ts';
import { ProblemError } from '../problems.ts';
import { content, PAGE, problems } from '../schemas.ts';
import type { AdminApp } from '../server.ts';

/** People who look at one instance at once, with some to spare. */
const MOST_LISTENERS = 32;

export function eventRoutes(app: AdminApp, deps: AdminDeps): void {
  const hub = new EventHub({
    clock: deps.clock,
    logger: deps.logger,
    begin: () => {
      const maker = new SnapshotMaker(deps);
      return () => maker.next();
    },
    most: MOST_LISTENERS,
  });
  // Before the server waits for its connections: these would not end by themselves.
  app.addHook('preClose', async () => hub.close());
  app.get(
    '/v1/events',
    {
      config: { access: 'page' },
      exposeHeadRoute: false,
      schema: {
        ...PAGE,
        tags: ['page'],
        operationId: 'events',
        summary: 'What happens, once a second',
        description: `Server-sent events named \`snapshot\`, each with one JSON document. At most ${MOST_LISTENERS} listeners; who does not read for 10 s is cut off.`,
        response: { 200: content('A stream of snapshots.', 'text/event-stream', Snapshot), ...problems(401, 503) },
      },
    },
    (_request, reply) => {
      if (hub.full) {
        throw new ProblemError({
          status: 503,
          detail: `${MOST_LISTENERS} listeners are here already`,
          hint: 'close a dashboard, or scrape GET /metrics',
        });
      }
      reply.hijack();
      for (const [name, value] of Object.entries(reply.getHeaders())) {
        if (value !== undefined) reply.raw.setHeader(name, value);
      }
      reply.raw.writeHead(200, {
        'content-type': 'text/event-stream; charset=utf-8',
        // Proxies such as nginx would gather events until a buffer is full.
        'x-accel-buffering': 'no',
      });
      hub.add(reply.raw);
    },
  );
}
