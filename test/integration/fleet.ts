/** Several real gateways on one real Redis, and load on all of them. */
import { Agent, request } from 'undici';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';

export interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
  readonly ms: number;
}

export interface FleetOptions {
  readonly redisUrl: string;
  readonly upstream: string;
  readonly limit: object;
  readonly gateways?: number;
  /** `faketime -f` for each gateway; '' = the real time. */
  readonly clocks?: readonly string[];
  readonly redisTimeout?: string;
  /** `redis.instances`. */
  readonly assumed?: number;
}

export interface Fleet extends AsyncDisposable {
  readonly gateways: readonly Gateway[];
  /** `perGateway` requests to each gateway at once, all with this key. */
  offer(perGateway: number, key: string): Promise<Answer[]>;
}

export function fleetConfig(options: FleetOptions): object {
  return {
    listen: '127.0.0.1:0',
    admin: { listen: '127.0.0.1:0' },
    log: { level: 'warn', access: 'off' },
    redis: {
      url: options.redisUrl,
      keyPrefix: 'fleet',
      timeout: options.redisTimeout ?? '2s',
      instances: options.assumed ?? 1,
    },
    upstreams: { app: { servers: [options.upstream] } },
    routes: [{ match: { path: '/*' }, upstream: 'app', limits: ['fleet'] }],
    limits: { fleet: { key: 'header:x-api-key', sharing: 'redis', ...options.limit } },
  };
}

export async function startFleet(options: FleetOptions): Promise<Fleet> {
  const count = options.gateways ?? 3;
  const config = fleetConfig(options);
  const gateways = await Promise.all(
    Array.from({ length: count }, (_, i) => {
      const faketime = options.clocks?.[i];
      return startGateway({ config, ...(faketime === undefined || faketime === '' ? {} : { faketime }) });
    }),
  );
  const agent = new Agent({ connections: 64, pipelining: 1 });
  return {
    gateways,
    offer: async (perGateway, key) =>
      Promise.all(
        Array.from({ length: perGateway * count }, async (_, i) => {
          const gateway = gateways[i % count];
          if (gateway === undefined) throw new Error('no gateway');
          return ask(agent, gateway.url, key);
        }),
      ),
    [Symbol.asyncDispose]: async () => {
      await agent.close();
      await Promise.all(gateways.map((g) => g.stop()));
    },
  };
}

export async function ask(agent: Agent, url: string, key: string, path = '/'): Promise<Answer> {
  const started = performance.now();
  const response = await request(url + path, { dispatcher: agent, headers: { 'x-api-key': key } });
  const body = await response.body.text();
  return { status: response.statusCode, headers: response.headers, body, ms: performance.now() - started };
}

export function count(answers: readonly Answer[], status: number): number {
  return answers.filter((a) => a.status === status).length;
}
