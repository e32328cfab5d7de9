/** Reads a parsed YAML text by the schema: values checked one by one, defaults filled in, every fault reported once. */
import type { Node, Scalar, YAMLMap, YAMLSeq } from 'yaml';
import { isMap, isScalar, isSeq } from 'yaml';
import { suggest } from '../core/suggest.ts';
import type { Env, EnvMask } from './env.ts';
import type { FaultList, Problem } from './faults.ts';
import type { SchemaNode } from './fields.ts';
import { Places } from './places.ts';
import { describe, expectation, hintFor, named, shorten } from './read-messages.ts';
import type { Given } from './scalars.ts';
import { readName, readScalar } from './scalars.ts';
import type { Entry } from './yaml-maps.ts';
import { YamlMaps } from './yaml-maps.ts';
import type { YamlSource } from './yaml-source.ts';

/** Stands for a value that has a fault, which has been reported. */
const FAULTY = Symbol('faulty');

/** What was read. `value` has the schema's shape where `places` says it is untainted. */
export interface ReadResult {
  readonly value: unknown;
  readonly places: Places;
}

/** Reads `source` as a value of `schema`. Faults go to `faults`. */
export function readBySchema(
  source: YamlSource,
  schema: SchemaNode,
  mask: EnvMask,
  env: Env,
  faults: FaultList,
): ReadResult {
  const reader = new Reader(source, mask, env, faults);
  const value = reader.root(schema);
  return { value, places: reader.places };
}

class Reader {
  readonly places = new Places();
  readonly #source: YamlSource;
  readonly #mask: EnvMask;
  readonly #env: Env;
  readonly #faults: FaultList;
  readonly #maps: YamlMaps;

  constructor(source: YamlSource, mask: EnvMask, env: Env, faults: FaultList) {
    this.#source = source;
    this.#mask = mask;
    this.#env = env;
    this.#faults = faults;
    this.#maps = new YamlMaps(source, mask, (offset, path, problem) => this.#fault(offset, path, problem));
  }

  root(schema: SchemaNode): unknown {
    const { root } = this.#source;
    if (root === undefined) {
      this.places.taint('');
      return undefined;
    }
    const value = this.#read(root, schema, '');
    return value === FAULTY ? undefined : value;
  }

  #fault(offset: number, path: string, problem: Problem): typeof FAULTY {
    this.#faults.add(offset, path, problem);
    this.places.taint(path);
    return FAULTY;
  }

  #read(written: Node | null | undefined, schema: SchemaNode, path: string): unknown {
    if (written === null || written === undefined) return this.#wrongType(written, schema, path);
    return (
      this.#maps.resolve(written, path, (node) => {
        this.places.setValue(path, node.range?.[0] ?? 0);
        const rule = schema['x-sluice'];
        switch (rule.as) {
          case 'scalar':
            return isScalar(node) ? this.#scalar(node, schema, path) : this.#wrongType(node, schema, path);
          case 'struct':
            return isMap(node) ? this.#struct(node, schema, path) : this.#wrongType(node, schema, path);
          case 'map':
            return isMap(node) ? this.#map(node, schema, path) : this.#wrongType(node, schema, path);
          case 'list':
            return isSeq(node) ? this.#list(node, schema, path) : this.#wrongType(node, schema, path);
          case 'list-or-one': {
            const [many, one] = schema.anyOf ?? [];
            if (many === undefined || one === undefined) return FAULTY;
            if (isSeq(node)) return this.#list(node, many, path);
            if (!isScalar(node)) return this.#wrongType(node, schema, path);
            const value = this.#scalar(node, one, path);
            return value === FAULTY ? FAULTY : [value];
          }
        }
      }) ?? this.#tainted(path)
    );
  }

  #tainted(path: string): typeof FAULTY {
    this.places.taint(path);
    return FAULTY;
  }

  #struct(node: YAMLMap, schema: SchemaNode, path: string): unknown {
    const { entries, complete } = this.#maps.entries(node, path);
    const properties = schema.properties ?? {};
    const value: Record<string, unknown> = {};
    /** Keys that are not to be called missing: something else was probably meant to be them. */
    const excused = new Set<string>(complete ? [] : Object.keys(properties));
    const end = path === '' ? this.#reliableUntil(entries) : Number.POSITIVE_INFINITY;
    for (const [key, entry] of entries) {
      if (entry.keyAt >= end) {
        this.places.taint(path);
        for (const name of Object.keys(properties)) excused.add(name);
        continue;
      }
      const property = Object.hasOwn(properties, key) ? properties[key] : undefined;
      if (property === undefined) {
        for (const name of this.#unknownKey(key, entry, schema, entries, path)) excused.add(name);
        continue;
      }
      const inner = join(path, key);
      this.places.setKey(inner, entry.keyAt);
      const read = this.#read(entry.value, property, inner);
      if (read === FAULTY) this.places.taint(inner);
      else value[key] = read;
    }
    for (const key of excused) if (!entries.has(key)) this.places.lose(join(path, key));
    if (complete) {
      for (const key of schema.required ?? []) {
        if (entries.has(key) || excused.has(key)) continue;
        const at = path === '' ? (node.range?.[0] ?? 0) : this.places.keyAt(path);
        this.#fault(at, path, {
          code: 'missing-key',
          message: `${named(path)} has no ${key}`,
          hint: hintFor(properties[key]),
        });
      }
    }
    for (const [key, property] of Object.entries(properties)) {
      if (!entries.has(key) && 'default' in property) value[key] = defaultOf(property);
    }
    return value;
  }

  /** After a syntax error, what was read last before it may have lost its rest: the top's entries are good up to that one. */
  #reliableUntil(entries: ReadonlyMap<string, Entry>): number {
    const { brokenFrom } = this.#source;
    if (brokenFrom === Number.POSITIVE_INFINITY) return brokenFrom;
    let last = 0;
    for (const { keyAt } of entries.values()) if (keyAt < brokenFrom && keyAt > last) last = keyAt;
    return last;
  }

  #unknownKey(
    key: string,
    entry: Entry,
    schema: SchemaNode,
    entries: ReadonlyMap<string, Entry>,
    path: string,
  ): Iterable<string> {
    const known = Object.keys(schema.properties ?? {});
    const near =
      suggest(
        key,
        known.filter((k) => !entries.has(k)),
      ) ?? suggest(key, known);
    const hint = near === undefined ? `known here: ${known.join(', ')}` : `did you mean "${near}"?`;
    this.#fault(entry.keyAt, path, { code: 'unknown-key', message: `unknown key "${shorten(key)}"`, hint });
    return near === undefined ? [] : [near];
  }

  #map(node: YAMLMap, schema: SchemaNode, path: string): unknown {
    const { entries, complete } = this.#maps.entries(node, path);
    if (!complete) this.places.lose(path);
    const inner = schema.additionalProperties;
    if (inner === undefined) return FAULTY;
    const value: [string, unknown][] = [];
    for (const [key, entry] of entries) {
      const name = readName(key, `"${shorten(key)}"`);
      if ('problem' in name) {
        this.#fault(entry.keyAt, path, name.problem);
        this.places.lose(path);
        continue;
      }
      const at = join(path, key);
      this.places.setKey(at, entry.keyAt);
      const read = this.#read(entry.value, inner, at);
      if (read === FAULTY) this.places.taint(at);
      // A faulty entry stays as a name, so that what refers to it is not called unknown.
      value.push([key, read === FAULTY ? undefined : read]);
    }
    return Object.fromEntries(value);
  }

  #list(node: YAMLSeq, schema: SchemaNode, path: string): unknown {
    const { items } = schema;
    if (items === undefined) return FAULTY;
    if (node.items.length < (schema.minItems ?? 0)) {
      return this.#fault(node.range?.[0] ?? 0, path, {
        code: 'empty-list',
        message: 'the list is empty',
        hint: 'it needs at least one entry',
      });
    }
    const seen = new Set<string>();
    const values: unknown[] = [];
    for (const [i, item] of node.items.entries()) {
      const inner = join(path, String(i));
      const value = this.#read(item as Node | null, items, inner);
      values.push(value === FAULTY ? undefined : value);
      if (value === FAULTY) {
        this.places.taint(inner);
        continue;
      }
      const id = JSON.stringify(value);
      if (schema.uniqueItems === true && !this.places.tainted(inner) && seen.has(id)) {
        this.#fault(this.places.valueAt(inner), inner, {
          code: 'duplicate-entry',
          message: 'this entry is in the list already',
          hint: 'remove it',
        });
      }
      seen.add(id);
    }
    return values;
  }

  #scalar(node: Scalar, schema: SchemaNode, path: string): unknown {
    const rule = schema['x-sluice'];
    if (rule.as !== 'scalar') return FAULTY;
    const at = node.range?.[0] ?? 0;
    const given = this.#given(node, path);
    if (given === FAULTY) return FAULTY;
    if (given === undefined) return this.#wrongType(node, schema, path);
    if (given.fromEnv) this.places.setReference(path, given.shown);
    const reading = readScalar(rule.kind, given, rule);
    return 'problem' in reading ? this.#fault(at, path, reading.problem) : reading.value;
  }

  /** The scalar with the environment put in; undefined when it is nothing that a scalar could be here. */
  #given(node: Scalar, path: string): Given | typeof FAULTY | undefined {
    const { value } = node;
    const at = node.range?.[0] ?? 0;
    if (typeof value === 'number' || typeof value === 'boolean') {
      return { value, shown: node.source ?? String(value), fromEnv: false };
    }
    if (typeof value !== 'string') return undefined;
    const shown = JSON.stringify(shorten(this.#mask.unmask(value)));
    const substitution = this.#mask.substitute(value, this.#env);
    switch (substitution.kind) {
      case 'none':
        return { value, shown, fromEnv: false };
      case 'text':
        return { value: substitution.text, shown, fromEnv: substitution.referred };
      case 'unset':
        return this.#fault(at, path, {
          code: 'env-unset',
          message: `the environment variable ${substitution.name} is not set`,
          hint: 'a literal ${ is written $${',
        });
      case 'syntax':
        return this.#fault(at, path, {
          code: 'env-syntax',
          message: `${shorten(substitution.reference)} is not an environment variable`,
          // biome-ignore lint/suspicious/noTemplateCurlyInString: this is the file’s own notation
          hint: 'write ${NAME}; a literal ${ is written $${',
        });
    }
  }

  #wrongType(node: Node | null | undefined, schema: SchemaNode, path: string): typeof FAULTY {
    const at = node?.range?.[0] ?? this.places.keyAt(path);
    const found = describe(node);
    const expected = expectation(schema);
    if (found === 'nothing') {
      return this.#fault(this.places.keyAt(path), path, {
        code: 'wrong-type',
        message: `${named(path)} has no value; expected ${expected}`,
        hint: 'write one, or remove the key',
      });
    }
    const list = schema['x-sluice'].as === 'list' && isScalar(node);
    const problem = { code: 'wrong-type', message: `expected ${expected}, found ${found}` } as const;
    return this.#fault(at, path, list ? { ...problem, hint: 'write it as a list: [ … ]' } : problem);
  }
}

const join = (path: string, key: string): string => (path === '' ? key : `${path}/${key}`);

/** A default stands in the schema as it would in the file, and is read the same way. */
function defaultOf(schema: SchemaNode): unknown {
  const rule = schema['x-sluice'];
  const written = schema.default;
  switch (rule.as) {
    case 'scalar': {
      const value = written as string | number | boolean;
      const reading = readScalar(rule.kind, { value, shown: String(value), fromEnv: false }, rule);
      return 'problem' in reading ? undefined : reading.value;
    }
    case 'struct': {
      const value: Record<string, unknown> = {};
      for (const [key, property] of Object.entries(schema.properties ?? {})) {
        if ('default' in property) value[key] = defaultOf(property);
      }
      return value;
    }
    case 'map':
      return {};
    default:
      return [];
  }
}
