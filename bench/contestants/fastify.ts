import { join } from 'node:path';
import { freePort } from '../../test/support/free-port.ts';
import type { Contestant } from '../contestant.ts';
import { WINDOW_SECONDS } from '../contestant.ts';
import { startServer } from '../process.ts';

export const fastifyRedis: Contestant = {
  name: 'fastify stack + Redis',
  about: '@fastify/http-proxy (undici) and @fastify/rate-limit on ioredis, fixed window from the first request',
  asksRedis: true,
  start: async ({ limit, redisPort, upstreamPort }) => {
    const port = await freePort();
    return await startServer(process.execPath, [join(import.meta.dirname, 'fastify-stack.js')], port, {
      NODE_ENV: 'production',
      PORT: String(port),
      LIMIT: String(limit),
      WINDOW_MS: String(WINDOW_SECONDS * 1_000),
      REDIS_PORT: String(redisPort),
      UPSTREAM_PORT: String(upstreamPort),
    });
  },
};
