import { suggest } from '../core/suggest.ts';
import type { Reading } from './addresses.ts';
import type { KeySource } from './types.ts';

const PLAIN = ['ip', 'path', 'method', 'host', 'route', 'global'] as const;
const NAMED = ['header', 'cookie', 'query'] as const;
const HINT =
  'a part is ip, path, method, host, route, global, header:<name>, cookie:<name>, query:<name>, or a|b for the first present one';
/** RFC 9110 section 5.6.2, without the | that separates alternatives. */
const TOKEN = /^[!#$%&'*+.^_`~0-9A-Za-z-]+$/;

/** One part of a key: `ip`, `header:x-api-key`, `header:x-api-key|ip`. Header names come back in lower case. */
export function readKeyPart(text: string): Reading<readonly KeySource[]> {
  const sources: KeySource[] = [];
  for (const alternative of text.split('|').map((a) => a.trim())) {
    const source = readSource(alternative);
    if (typeof source === 'string') {
      const message =
        alternative === '' ? `"${text}" has an empty alternative` : `"${alternative}" is not a part of a key`;
      return { problem: { code: 'bad-key-part', message, hint: source } };
    }
    sources.push(source);
  }
  return { value: sources };
}

/** The source, or the hint why it is none. */
function readSource(text: string): KeySource | string {
  const colon = text.indexOf(':');
  if (colon < 0) {
    for (const kind of PLAIN) if (kind === text) return { kind };
    for (const kind of NAMED) if (kind === text) return `which ${kind}? write ${kind}:<name>`;
    const near = suggest(text, PLAIN);
    if (near !== undefined) return `did you mean "${near}"?`;
    return /^[a-z0-9_-]*-[a-z0-9_-]*$/i.test(text) ? `did you mean "header:${text}"?` : HINT;
  }
  const kind = text.slice(0, colon);
  const name = text.slice(colon + 1).trim();
  for (const named of NAMED) {
    if (named !== kind) continue;
    if (name === '') return `a ${kind} has a name: ${kind}:<name>`;
    if (kind === 'query') return { kind: named, name };
    if (!TOKEN.test(name)) return `"${name}" cannot be the name of a ${kind}`;
    return { kind: named, name: kind === 'header' ? name.toLowerCase() : name };
  }
  for (const plain of PLAIN) if (plain === kind) return `${plain} takes no name`;
  const near = suggest(kind, NAMED);
  return near === undefined ? HINT : `did you mean "${near}:${name}"?`;
}

/** Whether a request may lack what `part` looks at. */
export function mayBeMissing(part: readonly KeySource[]): boolean {
  return part.every((source) => source.kind === 'header' || source.kind === 'cookie' || source.kind === 'query');
}

/** The spelling of one alternative. */
export function formatSource(source: KeySource): string {
  return 'name' in source ? `${source.kind}:${source.name}` : source.kind;
}

/** The spelling of a whole part. */
export function formatPart(part: readonly KeySource[]): string {
  return part.map(formatSource).join('|');
}
