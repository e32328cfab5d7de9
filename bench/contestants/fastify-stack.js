/** @fastify/http-proxy behind @fastify/rate-limit on Redis, set up as their documentation shows it. */
import { env } from 'node:process';
import proxy from '@fastify/http-proxy';
import rateLimit from '@fastify/rate-limit';
import Fastify from 'fastify';
import { Redis } from 'ioredis';

const app = Fastify({ logger: false, keepAliveTimeout: 300_000 });
await app.register(rateLimit, {
  global: true,
  max: Number(env.LIMIT),
  timeWindow: Number(env.WINDOW_MS),
  keyGenerator: (request) => request.headers['x-api-key'],
  redis: new Redis({ host: '127.0.0.1', port: Number(env.REDIS_PORT), connectTimeout: 500, maxRetriesPerRequest: 1 }),
});
await app.register(proxy, {
  upstream: `http://127.0.0.1:${env.UPSTREAM_PORT}`,
  undici: { connections: 256, pipelining: 1 },
});
await app.listen({ host: '127.0.0.1', port: Number(env.PORT) });
