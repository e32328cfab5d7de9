/** The words in which the reader speaks of what it found and what it expected. */
import type { Node } from 'yaml';
import { isMap, isScalar, isSeq } from 'yaml';
import type { SchemaNode } from './fields.ts';
import { nounOf } from './scalars.ts';

/** How a message calls the map at `path`. */
export function named(path: string): string {
  if (path === '') return 'the configuration';
  const [parent = '', last = ''] = ['', ...path.split('/')].slice(-2);
  const singular = parent.endsWith('s') && parent !== 'redis' ? parent.slice(0, -1) : '';
  return `${singular} ${/^\d+$/.test(last) ? Number(last) + 1 : last}`.trim();
}

/** What a missing key would be: its description and an example. */
export function hintFor(schema: SchemaNode | undefined): string {
  const { description, examples } = (schema ?? {}) as { description?: string; examples?: readonly unknown[] };
  const example = examples?.[0];
  const text = (description ?? '').replace(/\.(?: .*)?$/, '');
  return example === undefined
    ? text
    : `${text}; for example ${typeof example === 'string' ? example : JSON.stringify(example)}`;
}

/** What stands in the file, for `found …`. */
export function describe(node: Node | null | undefined): string {
  if (isMap(node)) return 'a map';
  if (isSeq(node)) return 'a list';
  if (!isScalar(node) || node.value === null || node.value === undefined) return 'nothing';
  const type = typeof node.value;
  return type === 'string'
    ? 'text'
    : type === 'number'
      ? 'a number'
      : type === 'boolean'
        ? String(node.value)
        : 'something else';
}

/** What should stand there, for `expected …`. */
export function expectation(schema: SchemaNode): string {
  const rule = schema['x-sluice'];
  switch (rule.as) {
    case 'scalar':
      return nounOf(rule.kind);
    case 'struct':
    case 'map':
      return 'a map';
    case 'list':
      return 'a list';
    case 'list-or-one': {
      const one = schema.anyOf?.[1];
      return one === undefined ? 'a list' : `${expectation(one)}, or a list of them`;
    }
  }
}

/** Text of the file, short enough for a message. */
export function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}
