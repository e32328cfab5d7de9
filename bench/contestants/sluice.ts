import { startGateway } from '../../test/support/gateway-process.ts';
import { request } from '../../test/support/http.ts';
import type { Contestant } from '../contestant.ts';
import { WINDOW_SECONDS } from '../contestant.ts';

const ABOUT = 'Sluice from this checkout, one process, no access log';

export const sluicePlain = sluice('Sluice', undefined);
export const sluiceLocalSliding = sluice('Sluice local, sliding', { algorithm: 'sliding-window', sharing: 'local' });
export const sluiceLocalFixed = sluice('Sluice local, fixed', { algorithm: 'fixed-window', sharing: 'local' });
export const sluiceLocalToken = sluice('Sluice local, token', { algorithm: 'token-bucket', sharing: 'local' });
export const sluiceRedisSliding = sluice('Sluice redis, sliding', { algorithm: 'sliding-window', sharing: 'redis' });
export const sluiceRedisFixed = sluice('Sluice redis, fixed', { algorithm: 'fixed-window', sharing: 'redis' });
export const sluiceRedisToken = sluice('Sluice redis, token', { algorithm: 'token-bucket', sharing: 'redis' });

interface Choice {
  readonly algorithm: string;
  readonly sharing: 'local' | 'redis';
}

function sluice(name: string, choice: Choice | undefined): Contestant {
  return {
    name,
    about: choice === undefined ? ABOUT : `${ABOUT}; ${choice.algorithm}, sharing: ${choice.sharing}`,
    asksRedis: choice?.sharing === 'redis',
    start: async ({ limit, redisPort, upstreamPort }) => {
      const perKey = { key: ['header:x-api-key'], rate: `${limit}/${WINDOW_SECONDS}s`, ...choice };
      const gateway = await startGateway({
        env: { NODE_ENV: 'production' },
        config: {
          listen: '127.0.0.1:0',
          admin: { listen: '127.0.0.1:0' },
          log: { level: 'warn', access: 'off' },
          ...(choice?.sharing === 'redis' ? { redis: { url: `redis://127.0.0.1:${redisPort}` } } : {}),
          upstreams: { backend: { servers: [`http://127.0.0.1:${upstreamPort}`] } },
          routes: [{ upstream: 'backend', limits: choice === undefined ? [] : ['per-key'] }],
          ...(choice === undefined ? {} : { limits: { 'per-key': perKey } }),
        },
      });
      return {
        port: gateway.port,
        pid: gateway.pid,
        unasked: () => fallbackDecisions(gateway.adminPort),
        stop: async () => {
          await gateway.stop();
        },
      };
    },
  };
}

/** Decisions that the failure policy made because Redis was late or gone. */
async function fallbackDecisions(adminPort: number): Promise<number> {
  const metrics = (await request({ port: adminPort, path: '/metrics' })).text();
  const samples = metrics.matchAll(/^sluice_fallback_decisions_total(?:\{.*\})? (\S+)$/gm);
  return [...samples].reduce((sum, [, value]) => sum + Number(value), 0);
}
