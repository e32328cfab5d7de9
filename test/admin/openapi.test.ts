import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { OpenApi } from './harness.ts';
import { startAdmin } from './harness.ts';

describe('the OpenAPI document', () => {
  it('is OpenAPI 3.1 and knows every route of the admin listener', async () => {
    await using running = await startAdmin();
    const document = (await running.call({ path: '/openapi.json' })).json() as OpenApi;
    assert.match(document.openapi, /^3\.1\./);
    const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
      Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
    );
    assert.deepEqual(routes.sort(), [
      'DELETE /v1/limits/{limit}/keys/{key}',
      'GET /',
      'GET /healthz',
      'GET /metrics',
      'GET /openapi.json',
      'GET /page/{file}',
      'GET /readyz',
      'GET /v1/check',
      'GET /v1/events',
      'GET /v1/limits',
      'GET /v1/limits/{limit}/keys/{key}',
      'GET /v1/peers',
      'GET /v1/top',
      'POST /v1/check',
      'POST /v1/explain',
      'POST /v1/reload',
    ]);
  });

  it('is sound: unique operations, described responses, declared path parameters, references that lead somewhere', async () => {
    await using running = await startAdmin();
    const reply = await running.call({ path: '/openapi.json' });
    const document = reply.json() as OpenApi;
    const ids: string[] = [];
    for (const [path, operations] of Object.entries(document.paths)) {
      for (const [method, operation] of Object.entries(operations)) {
        const where = `${method} ${path}`;
        ids.push(operation.operationId);
        assert.ok(operation.summary, where);
        assert.ok(operation.responses['200'] && operation.responses['500'], where);
        for (const response of Object.values(operation.responses)) {
          assert.ok(response.description && response.description !== 'Default Response', where);
        }
        const declared = (operation.parameters ?? []).filter((p) => p.in === 'path').map((p) => p.name);
        assert.deepEqual(
          declared,
          [...path.matchAll(/\{(\w+)\}/g)].map((m) => m[1]),
          where,
        );
        const open = ['/healthz', '/readyz', '/metrics'].includes(path);
        assert.equal(operation.security?.length === 0, open, `${where}: security`);
        assert.equal('401' in operation.responses, !open, `${where}: 401`);
      }
    }
    assert.equal(new Set(ids).size, ids.length);
    for (const [, name] of reply.text().matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)) {
      assert.ok(name !== undefined && name in document.components.schemas, name);
    }
    assert.doesNotMatch(reply.text(), /"\$ref":"(?!#\/components)/);
  });
});
