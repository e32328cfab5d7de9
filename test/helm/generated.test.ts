/** What is made from other files is up to date: `npm run chart` makes it anew. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { generated } from '../../helm/generate.ts';
import { valueRows } from '../../helm/values-table.ts';
import { at, readChartFile } from './chart.ts';

/** Paths of a tree of plain values, of objects too. */
function pathsOf(value: unknown, above = ''): readonly string[] {
  if (value === null || typeof value !== 'object' || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = above === '' ? key : `${above}.${key}`;
    return [path, ...pathsOf(inner, path)];
  });
}

describe('generated files of the chart', () => {
  for (const [path, text] of Object.entries(generated())) {
    it(`${path} is as npm run chart writes it`, () => assert.equal(readChartFile(path), text));
  }

  it('and the chart itself are of the version of the gateway', () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string;
    };
    assert.equal(at(parse(readChartFile('Chart.yaml')), 'appVersion'), version);
  });
});

describe('values', () => {
  const schema: unknown = JSON.parse(readChartFile('values.schema.json'));
  const known = (path: string): unknown =>
    path.split('.').reduce<unknown>((inner, key) => at(inner, 'properties', key), schema);
  const described = valueRows(readChartFile('values.yaml')).map(({ path }) => path);

  it('are all in the schema, and with a description', () => {
    assert.deepEqual(
      described.filter((path) => at(known(path), 'description') === undefined),
      [],
    );
    assert.ok(described.length > 80);
  });

  it('are all that the schema knows', () => {
    const values: unknown = parse(readChartFile('values.yaml'));
    // What Helm hands to charts inside others, and settings of probes that Kubernetes has defaults for.
    const unset = /^global$|^probes\.\w+\.(initialDelaySeconds|successThreshold)$|^resources\.claims$/;
    const own = (node: unknown, above = ''): readonly string[] =>
      Object.entries((at(node, 'properties') ?? {}) as object).flatMap(([key, inner]) => {
        const path = above === '' ? key : `${above}.${key}`;
        return path === 'config' ? [] : [path, ...own(inner, path)];
      });
    const there = new Set(pathsOf(values));
    assert.deepEqual(
      own(schema).filter((path) => !there.has(path) && !unset.test(path)),
      [],
    );
  });

  it('without a description are found', () => {
    assert.throws(() => valueRows('a:\n  # -- Good.\n  b: 1\n  c: 2\n'), /values\.yaml: a\.c has no description/);
  });

  it('are read as written', () => {
    const text =
      '# Title.\n\n# -- First.\na: {}\n# -- Whole, with what is inside.\nb:\n  c: 1\nd:\n  # -- Inner | bar.\n  e: [x]\n';
    assert.deepEqual(valueRows(text), [
      { path: 'a', default: '{}', description: 'First.' },
      { path: 'b', default: '{"c":1}', description: 'Whole, with what is inside.' },
      { path: 'd.e', default: '["x"]', description: 'Inner | bar.' },
    ]);
  });
});
