import type { KeySource } from '../config/types.ts';
import type { RequestFacts } from './facts.ts';
import { countedAddress } from './ip-prefix.ts';
import { escapeValue, labelFrom } from './key-text.ts';

/** Reads one limit's key out of requests. */
export interface KeyReader {
  /** The key's label (see key-text.ts); undefined when a part is absent and has no alternative. */
  read(facts: RequestFacts): string | undefined;
  /** The first part that is absent, in words: `header x-api-key`; undefined when none is. */
  missing(facts: RequestFacts): string | undefined;
  /** The label that an operator means by what they wrote; patterns with `*` stay patterns. */
  labelFrom(text: string): string;
}

/** An absent or empty value is undefined. */
type Extract = (facts: RequestFacts) => string | undefined;

interface Alternative {
  readonly extract: Extract;
  /** `ip=` and the like; '' for the first alternative, which needs none. */
  readonly tag: string;
}

type Part = readonly Alternative[];

/** Compiles the key of a limit. Whatever can be decided before a request comes is decided here. */
export function compileKey(parts: readonly (readonly KeySource[])[]): KeyReader {
  const compiled = parts.map((part) =>
    part.map((source, i): Alternative => ({ extract: extractor(source), tag: i === 0 ? '' : `${tagOf(source)}=` })),
  );
  const tags = parts.map((part) => part.slice(1).map(tagOf));
  const only = compiled.length === 1 ? compiled[0] : undefined;
  return {
    read: only === undefined ? (facts) => readAll(compiled, facts) : (facts) => readPart(only, facts),
    missing(facts) {
      const at = compiled.findIndex((part) => readPart(part, facts) === undefined);
      return at === -1 ? undefined : describePart(parts[at] ?? []);
    },
    labelFrom: (text) => labelFrom(text, tags),
  };
}

function readAll(parts: readonly Part[], facts: RequestFacts): string | undefined {
  let label: string | undefined;
  for (const part of parts) {
    const text = readPart(part, facts);
    if (text === undefined) return undefined;
    label = label === undefined ? text : `${label},${text}`;
  }
  return label;
}

function readPart(part: Part, facts: RequestFacts): string | undefined {
  for (const { extract, tag } of part) {
    const value = extract(facts);
    if (value === undefined || value === '') continue;
    const text = escapeValue(value);
    return tag === '' ? text : tag + text;
  }
  return undefined;
}

function extractor(source: KeySource): Extract {
  switch (source.kind) {
    case 'ip':
      return (facts) => countedAddress(facts.clientIp);
    case 'path':
      return (facts) => facts.path;
    case 'method':
      return (facts) => facts.method;
    case 'host':
      return (facts) => facts.host;
    case 'route':
      return (facts) => facts.route;
    case 'global':
      return () => 'global';
    case 'header': {
      const { name } = source;
      return (facts) => facts.header(name);
    }
    case 'cookie': {
      const { name } = source;
      return (facts) => facts.cookie(name);
    }
    case 'query': {
      const { name } = source;
      return (facts) => facts.query(name);
    }
  }
}

/** `ip`, `header:x-api-key`: how the configuration spells a source, escaped like a value. */
function tagOf(source: KeySource): string {
  return 'name' in source ? `${source.kind}:${escapeValue(source.name)}` : source.kind;
}

function describePart(part: readonly KeySource[]): string {
  return part.map((source) => ('name' in source ? `${source.kind} ${source.name}` : source.kind)).join(' or ');
}
