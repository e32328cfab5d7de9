import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import { EnvMask } from '../../src/config/env.ts';
import { configJsonSchema, printedSchema } from '../../src/config/json-schema.ts';
import { loadConfigFile } from '../../src/config/load.ts';
import { FIXTURE_ENV, invalidFixtures, SMALL, validExamples } from './fixtures.ts';

const schema = configJsonSchema();
const validate = new Ajv({ strict: true, strictTypes: false, allErrors: true }).compile({ ...schema });

/** As an editor sees the file: references stay as they are written. */
function asWritten(text: string): unknown {
  const mask = new EnvMask(text);
  return JSON.parse(JSON.stringify(parse(mask.masked, { merge: true })), (_key, value: unknown) =>
    typeof value === 'string' ? mask.unmask(value) : value,
  );
}

test('the printed schema is a draft 7 JSON Schema with a name and a title', () => {
  assert.deepEqual(JSON.parse(printedSchema()), schema);
  assert.equal(schema['$schema'], 'http://json-schema.org/draft-07/schema#');
  assert.equal(schema['$id'], 'urn:sluice:config');
  assert.equal(schema['title'], 'Sluice configuration');
  assert.ok(!printedSchema().includes('x-sluice'));
});

interface Node {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Node>>;
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly anyOf?: readonly Node[];
}

function* walk(node: Node, path: string): Generator<[string, Node]> {
  for (const [key, inner] of Object.entries(node.properties ?? {})) {
    yield [`${path}/${key}`, inner];
    yield* walk(inner, `${path}/${key}`);
  }
  const inner = [node.items, node.additionalProperties, ...(node.anyOf ?? [])];
  for (const next of inner) if (typeof next === 'object') yield* walk(next, path);
}

test('every key has a description, and every map says which keys it takes', () => {
  let seen = 0;
  for (const [path, node] of walk(schema as Node, '')) {
    seen++;
    assert.ok((node.description ?? '').length > 10, `${path} has no description`);
    if (node.properties !== undefined) assert.equal(node.additionalProperties, false, path);
  }
  assert.ok(seen > 50, `${seen} keys`);
});

for (const { file, text } of validExamples()) {
  test(`an editor with the schema accepts ${file}`, () => {
    assert.equal(validate(asWritten(text)), true, JSON.stringify(validate.errors));
  });
}

test('a default of the schema is a value that the schema allows', () => {
  const example = asWritten(SMALL) as Record<string, unknown>;
  const filled = structuredClone(example);
  new Ajv({ strict: false, useDefaults: true }).compile({ ...schema })(filled);
  assert.notDeepEqual(filled, example);
  assert.equal(validate(filled), true, JSON.stringify(validate.errors));
});

/** Faults that the schema itself shows in an editor, without our reader. */
const STRUCTURAL =
  /^(unknown-key|missing-key|wrong-type|wrong-word|out-of-range|empty-list|duplicate-entry|bad-name|bad-rate|bad-duration|bad-size|bad-address|bad-cost|bad-redis-url|redis-servers|peers-discovery|bad-key-part)$/;
/** Of those, what only the reader knows. */
const READER_ONLY = /^(out-of-range--timer|bad-address--port|bad-redis-url--no-password)$/;

for (const { name, file, text } of invalidFixtures()) {
  if (!STRUCTURAL.test(name.replace(/--.*/, '')) || READER_ONLY.test(name) || name === 'wrong-type--environment')
    continue;
  test(`an editor with the schema marks ${file}`, () => {
    assert.equal(validate(asWritten(text)), false);
    assert.ok('faults' in loadConfigFile(file, FIXTURE_ENV));
  });
}
