/**
 * The vocabulary of the schema: TypeBox schemas that also say, under `x-sluice`, how a value is read. The static type of
 * a field is what it is after reading (milliseconds, parsed rates); the JSON Schema describes what may be written.
 */
import type { Static, TSchema, TUnsafe } from 'typebox';
import Type, { IsOptional } from 'typebox';
import type { ScalarKind, ScalarRule } from './scalars.ts';

/** How the reader treats a schema node. Taken out of the printed schema. */
export type Rule =
  | ({ readonly as: 'scalar'; readonly kind: ScalarKind } & ScalarRule)
  | { readonly as: 'struct' }
  | { readonly as: 'map' }
  | { readonly as: 'list' }
  /** One entry or a list of them; read as a list. */
  | { readonly as: 'list-or-one' };

/** The parts of a schema node that the reader looks at. */
export interface SchemaNode {
  readonly 'x-sluice': Rule;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, SchemaNode>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: SchemaNode;
  readonly items?: SchemaNode;
  readonly anyOf?: readonly SchemaNode[];
  readonly minItems?: number;
  readonly uniqueItems?: boolean;
}

interface About {
  readonly description: string;
  readonly examples?: readonly unknown[];
  readonly default?: unknown;
  /** Of keys that exclude each other: which must be there. For editors; the reader does not look at it. */
  readonly oneOf?: readonly object[];
}

/** `${NAME}` somewhere in it: allowed wherever a value is. */
const REFERENCE = '\\$\\{[A-Za-z_][A-Za-z0-9_]*\\}';
const orReference = (pattern: string): string => `^(?:${pattern})$|${REFERENCE}`;

const scalar = <T>(rule: { kind: ScalarKind } & ScalarRule, shape: object, about: About): TUnsafe<T> =>
  Type.Unsafe<T>({ ...about, ...shape, 'x-sluice': { as: 'scalar', ...rule } });

/** Text of a kind; `pattern` (without anchors) helps editors, the kind's reader decides. */
export function text<T = string>(kind: ScalarKind, about: About, pattern?: string): TUnsafe<T> {
  return scalar<T>(
    { kind },
    { type: 'string', ...(pattern === undefined ? {} : { pattern: orReference(pattern) }) },
    about,
  );
}

export function integer(range: { min: number; max?: number }, about: About): TUnsafe<number> {
  const bounds = { minimum: range.min, ...(range.max === undefined ? {} : { maximum: range.max }) };
  const anyOf = [
    { type: 'integer', ...bounds },
    { type: 'string', pattern: REFERENCE },
  ];
  return scalar<number>({ kind: 'integer', ...range }, { anyOf }, about);
}

/** A number that need not be whole. */
export function decimal(range: { min: number; max: number }, about: About): TUnsafe<number> {
  const anyOf = [
    { type: 'number', minimum: range.min, maximum: range.max },
    { type: 'string', pattern: REFERENCE },
  ];
  return scalar<number>({ kind: 'number', ...range }, { anyOf }, about);
}

export function flag(about: About): TUnsafe<boolean> {
  return scalar<boolean>(
    { kind: 'boolean' },
    { anyOf: [{ type: 'boolean' }, { type: 'string', pattern: REFERENCE }] },
    about,
  );
}

/** One of `words`. */
export function word<const W extends string>(words: readonly W[], about: About): TUnsafe<W> {
  const anyOf = [{ enum: words }, { type: 'string', pattern: REFERENCE }];
  return scalar<W>({ kind: 'word', words }, { anyOf }, about);
}

/** Longest time a timer can run (2^31 − 1 ms; beyond it Node fires at once), in whole days. */
export const LONGEST_TIMER_MS = 24 * 86_400_000;

/** A span of time in milliseconds. `min: 0` also allows a plain 0. */
export function duration(range: { min: number; max?: number }, about: About): TUnsafe<number> {
  const written = { type: 'string', pattern: orReference('\\d+(?:ms|s|m|h|d)') };
  const shape = range.min === 0 ? { anyOf: [written, { const: 0 }] } : written;
  return scalar<number>({ kind: 'duration', max: LONGEST_TIMER_MS, ...range }, shape, about);
}

/** A size in bytes. */
export function size(range: { min: number; max?: number }, about: About): TUnsafe<number> {
  const anyOf = [
    { type: 'integer', minimum: range.min },
    { type: 'string', pattern: orReference('\\d+ ?(?:B|KiB|MiB|GiB)?') },
  ];
  return scalar<number>({ kind: 'size', ...range }, { anyOf }, about);
}

/** A number, or text of some form. */
export function numberOrText<T>(kind: ScalarKind, number: object, pattern: string, about: About): TUnsafe<T> {
  return scalar<T>({ kind }, { anyOf: [number, { type: 'string', pattern: orReference(pattern) }] }, about);
}

/** A list; of one or more different entries unless told otherwise. */
export function list<T extends TSchema>(
  items: T,
  about: About,
  { minItems, unique }: { minItems: number; unique: boolean } = { minItems: 1, unique: true },
): TUnsafe<readonly Static<T>[]> {
  return Type.Unsafe<readonly Static<T>[]>({
    ...about,
    type: 'array',
    items,
    minItems,
    ...(unique ? { uniqueItems: true } : {}),
    'x-sluice': { as: 'list' },
  });
}

/** One entry, or a list of one or more different ones. */
export function listOrOne<T extends TSchema>(items: T, about: About): TUnsafe<readonly Static<T>[]> {
  const anyOf = [{ type: 'array', items, minItems: 1, uniqueItems: true, 'x-sluice': { as: 'list' } }, items];
  return Type.Unsafe<readonly Static<T>[]>({ ...about, anyOf, 'x-sluice': { as: 'list-or-one' } });
}

/** A map from names to values of one shape. */
export function named<T extends TSchema>(value: T, about: About): TUnsafe<Readonly<Record<string, Static<T>>>> {
  return Type.Unsafe<Readonly<Record<string, Static<T>>>>({
    ...about,
    type: 'object',
    propertyNames: { pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$' },
    additionalProperties: value,
    'x-sluice': { as: 'map' },
  });
}

export const optional = Type.Optional;

/** A map with fixed keys. A key with a default, or marked optional, may be left out. */
export function struct<P extends Record<string, TSchema>>(
  properties: P,
  about: About,
): TUnsafe<Static<ReturnType<typeof Type.Object<P>>>> {
  const required = Object.entries(properties)
    .filter(([, schema]) => !IsOptional(schema) && !('default' in schema))
    .map(([key]) => key);
  return Type.Unsafe<Static<ReturnType<typeof Type.Object<P>>>>({
    ...about,
    type: 'object',
    properties,
    required,
    additionalProperties: false,
    'x-sluice': { as: 'struct' },
  });
}
