/** An admin listener on a real socket, over small stand-ins for the rest of the process, held to its own OpenAPI document. */
import assert from 'node:assert/strict';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { Admin } from '../../src/admin/admin.ts';
import { createAdmin } from '../../src/admin/admin.ts';
import type { AdminDeps, LimitSummary } from '../../src/admin/deps.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { UNLIMITED } from '../../src/limiter/outcome.ts';
import { createMetrics } from '../../src/metrics/metrics.ts';
import type { Reply, RequestOptions } from '../support/http.ts';
import { request } from '../support/http.ts';

export interface Running extends AsyncDisposable {
  readonly port: number;
  readonly admin: Admin;
  /** Sends one request; the answer must be one that the OpenAPI document knows. */
  call(options: Omit<RequestOptions, 'port'>): Promise<Reply>;
}

export interface OpenApi {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}
export interface Operation {
  readonly operationId: string;
  readonly summary?: string;
  readonly security?: readonly object[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean }[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content?: Content }>>;
}
type Content = Readonly<Record<string, { readonly schema: object }>>;

export const LIMIT: LimitSummary = {
  name: 'per-client',
  key: ['header:x-api-key|ip'],
  rates: ['100/1m'],
  max: undefined,
  algorithm: 'sliding-window',
  sharing: 'redis',
  mode: 'enforce',
  onFailure: 'local',
  overrides: 1,
  routes: ['orders'],
};

export async function startAdmin(changes: Partial<AdminDeps> = {}): Promise<Running> {
  const deps: AdminDeps = {
    token: undefined,
    logger: silentLogger,
    version: '1.2.3',
    startedAt: 1_700_000_000_000,
    clock: systemClock,
    instance: 'a1b2c3d4e5f60718',
    metrics: {
      render: async () => ({ contentType: 'text/plain; version=0.0.4; charset=utf-8', body: 'up 1\n' }),
      totals: createMetrics({ version: '1.2.3' }).totals,
    },
    keys: { peek: async () => [], reset: async () => false },
    readiness: () => ({ ready: true, reasons: [] }),
    limits: () => [LIMIT],
    explain: ({ method, headers, clientIp }) => ({
      method,
      host: headers['host'] ?? 'api.example.com',
      path: '/',
      clientIp: clientIp ?? '127.0.0.1',
      route: undefined,
      upstream: undefined,
      limits: [],
    }),
    top: () => undefined,
    fleetTop: undefined,
    lastReload: () => undefined,
    store: () => undefined,
    reload: async () => ({ result: 'unchanged' }),
    peers: () => undefined,
    check: async () => UNLIMITED,
    ...changes,
  };
  const admin = await createAdmin(deps);
  const { port } = await admin.listen({ host: '127.0.0.1', port: 0 });
  const authorization: Record<string, string> =
    deps.token === undefined ? {} : { authorization: `Bearer ${deps.token}` };
  const document = (await request({ port, path: '/openapi.json', headers: authorization })).json() as OpenApi;
  return {
    port,
    admin,
    async call(options) {
      const reply = await request({ port, ...options });
      mustBeDocumented(document, options.method ?? 'GET', options.path ?? '/', reply);
      return reply;
    },
    [Symbol.asyncDispose]: () => admin.close(),
  };
}

/** What no route answers is in no route's document: 431 comes from the HTTP parser. */
const UNROUTED = new Set([404, 405]);

function mustBeDocumented(document: OpenApi, method: string, target: string, reply: Reply): void {
  const [path = ''] = target.split('?', 1);
  const template = Object.keys(document.paths).find((t) =>
    new RegExp(`^${t.replace(/\{\w+\}/g, '[^/]+')}$`).test(path),
  );
  const operation = template === undefined ? undefined : document.paths[template]?.[method.toLowerCase()];
  if (operation === undefined) {
    const hidden = path === '/v1/check' || method === 'HEAD';
    assert.ok(
      hidden || [400, 401, 403].includes(reply.status) || UNROUTED.has(reply.status),
      `${method} ${target}: ${reply.status}`,
    );
    return;
  }
  if (reply.status === 431) return;
  const response = operation.responses[reply.status];
  assert.ok(response, `${method} ${template} answers ${reply.status}, which its document does not know`);
  if (response.content === undefined) {
    assert.equal(reply.body.length, 0);
    return;
  }
  const mediaType = reply.header('content-type')?.split(';')[0] ?? '';
  const schema = response.content[mediaType]?.schema;
  assert.ok(schema, `${method} ${template} ${reply.status} answers ${mediaType}, which its document does not know`);
  if (!mediaType.endsWith('json')) return;
  const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
  const resolved = { ...schema, components: document.components };
  assert.ok(ajv.validate(resolved, reply.json()), `${method} ${template} ${reply.status}: ${ajv.errorsText()}`);
}

/** The problem in a reply; it must be one. */
export function problemOf(reply: Reply): { status: number; detail: string; hint?: string; faults?: string[] } {
  assert.match(reply.header('content-type') ?? '', /^application\/problem\+json/);
  const problem = reply.json() as { status: number; detail: string };
  assert.equal(typeof problem.detail, 'string');
  assert.doesNotMatch(reply.text(), /\n\s+at |node_modules|src\//, 'a stack trace');
  return problem;
}
