/** The tables of the documentation say what is there: no setting, metric, route or fault is missing, none is made up. */
import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { configJsonSchema } from '../../src/config/json-schema.ts';
import { FAULTS } from '../../src/proxy/faults.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import { startUpstream } from '../support/http.ts';
import { codeOf, readPage } from './markdown.ts';

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly required?: readonly string[];
  readonly default?: unknown;
}

/** Path of every setting → its default as the page shows it. */
function settings(node: Node, path = '', required = true): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const under = (child: Node, at: string, needed: boolean): void => {
    for (const [key, value] of settings(child, at, needed)) found.set(key, value);
  };
  if (node.properties !== undefined) {
    for (const [key, child] of Object.entries(node.properties)) {
      under(child, path === '' ? key : `${path}.${key}`, node.required?.includes(key) === true);
    }
  } else if (typeof node.additionalProperties === 'object') under(node.additionalProperties, `${path}.<name>`, true);
  else if (node.items?.properties !== undefined) under(node.items, `${path}[]`, true);
  else found.set(path, required ? 'required' : 'default' in node ? `\`${shown(node.default)}\`` : 'none');
  return found;
}

const shown = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Rows of a page whose first cell is code that `pattern` matches, by that code. */
function table(page: string, pattern: RegExp): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const row of readPage(page).rows) {
    const name = codeOf(row[0]);
    if (name === undefined || !pattern.test(name)) continue;
    assert.ok(!found.has(name), `${page} has ${name} twice`);
    found.set(name, row.slice(1));
  }
  return found;
}

describe('docs/configuration.md', () => {
  it('lists every setting with its default, and nothing else', () => {
    const rows = table('docs/configuration.md', /^[a-zA-Z<>.[\]]+$/);
    const documented = Object.fromEntries([...rows].map(([key, cells]) => [key, cells[1]]));
    assert.deepEqual(documented, Object.fromEntries(settings(configJsonSchema() as Node)));
  });
});

describe('docs/http.md', () => {
  it('lists every fault with its status', () => {
    const rows = table('docs/http.md', /^[a-z_]+$/);
    const documented = Object.fromEntries([...rows].map(([code, cells]) => [code, Number(cells[0])]));
    const real = Object.fromEntries(Object.values(FAULTS).map(({ code, status }) => [code, status]));
    assert.deepEqual(documented, real);
  });
});

describe('what a running gateway shows', () => {
  let gateway: Gateway;
  let upstream: Awaited<ReturnType<typeof startUpstream>>;
  before(async () => {
    upstream = await startUpstream();
    gateway = await startGateway({
      args: ['--upstream', upstream.url, '--limit', '1/1h', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'],
    });
    for (let i = 0; i < 2; i++) await (await fetch(gateway.url)).arrayBuffer();
  });
  after(async () => {
    await gateway.stop();
    await upstream[Symbol.asyncDispose]();
  });

  it('is every metric of docs/operating.md, with its type and labels', async () => {
    const text = await (await fetch(`${gateway.adminUrl}/metrics`)).text();
    const real: Record<string, string[]> = {};
    for (const [, name = '', type = ''] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
      const sample = new RegExp(`^${name}(?:_bucket)?\\{(.*)\\} `, 'm').exec(text)?.[1] ?? '';
      const labels = [...sample.matchAll(/([a-z_]+)="/g)].map(([, label = '']) => label).filter((l) => l !== 'le');
      real[name] = [type, labels.join(', ')];
    }
    const rows = table('docs/operating.md', /^(sluice|process|nodejs)_[a-z_]+$/);
    const documented = Object.fromEntries(
      [...rows].map(([name, [type = '', labels = '']]) => [name, [type, labels.replaceAll('`', '')]]),
    );
    assert.deepEqual(documented, real);
  });

  it('is every route of docs/admin-api.md', async () => {
    const openapi = (await (await fetch(`${gateway.adminUrl}/openapi.json`)).json()) as {
      paths: Record<string, object>;
    };
    const real = Object.entries(openapi.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const rows = table('docs/admin-api.md', /^[A-Z]+ \//);
    assert.deepEqual([...rows.keys()].sort(), real.sort());
  });
});
