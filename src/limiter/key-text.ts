import { createHash } from 'node:crypto';

/**
 * How a key is written: everywhere the same, in overrides, in the admin API, in the store.
 *
 * The *label* of a key is its parts joined with `,`. A value is written as it is, except that `,`, `=`, `%`, spaces and
 * everything outside printable ASCII are percent-escaped (UTF-8). The first alternative of a part is its bare value; a later one
 * carries its tag, `ip=10.0.0.1`, so that no header value can pose as an address. Labels are therefore unambiguous.
 *
 * The *id* is what a store sees: the label, or `sha256=` and 128 bits of its hash when it is long. No label starts with
 * `sha256=`, for no source has that tag and `=` in a value is escaped.
 */

/** Longest label that is kept as it is, in characters. */
export const MAX_PLAIN = 64;
const HASH_TAG = 'sha256=';
const HASH_ID = /^sha256=[\w-]{22}$/;

const UNSAFE = /[^!-~]|[,=%]/u;
const UNSAFE_ALL = /[^!-~]|[,=%]/gu;

/** `value` as it stands in a label. Different values never give the same text. */
export function escapeValue(value: string): string {
  return UNSAFE.test(value) ? value.replace(UNSAFE_ALL, escapeCharacter) : value;
}

function escapeCharacter(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x80) return `%${code.toString(16).toUpperCase().padStart(2, '0')}`;
  // Half of a surrogate pair has no UTF-8 form; `%u` cannot come out of encodeURIComponent.
  if (code >= 0xd800 && code <= 0xdfff) return `%u${code.toString(16).toUpperCase()}`;
  return encodeURIComponent(character);
}

/** The key's part of a counter's identity: printable ASCII without spaces, at most {@link MAX_PLAIN} characters. */
export function keyId(label: string): string {
  return label.length <= MAX_PLAIN ? label : hashId(label);
}

function isHashId(text: string): boolean {
  return HASH_ID.test(text);
}

function hashId(label: string): string {
  return HASH_TAG + createHash('sha256').update(label).digest().subarray(0, 16).toString('base64url');
}

/** A part of a label as a person may write it: only what cannot be meant otherwise is mended. */
const NOT_IN_LABELS = /[^!-~]|%(?![0-9A-Fa-f]{2}|u[Dd][89A-Fa-f][0-9A-Fa-f]{2})/gu;
const ESCAPE = /%(?:[0-9a-f]{2}|u[0-9a-f]{4})/gi;

/**
 * The label that an operator means by `text`. A label stays as it is. What cannot stand in a label is escaped for them:
 * spaces, non-ASCII, a `%` that starts no escape, an `=` that follows no tag of that part, a `,` where the key has one part.
 *
 * @param parts for each part of the key, the tags that its later alternatives carry (escaped, without `=`)
 */
export function labelFrom(text: string, parts: readonly (readonly string[])[]): string {
  if (isHashId(text)) return text;
  const clean = text
    .replace(NOT_IN_LABELS, escapeCharacter)
    .replace(ESCAPE, (sequence) =>
      sequence[1] === 'u' || sequence[1] === 'U' ? `%u${sequence.slice(2).toUpperCase()}` : sequence.toUpperCase(),
    );
  if (parts.length === 1) return mendPart(clean.replaceAll(',', '%2C'), parts[0] ?? []);
  return clean
    .split(',')
    .map((part, i) => mendPart(part, parts[i] ?? []))
    .join(',');
}

function mendPart(part: string, tags: readonly string[]): string {
  for (const tag of tags) {
    if (part.startsWith(`${tag}=`)) return `${tag}=${part.slice(tag.length + 1).replaceAll('=', '%3D')}`;
  }
  return part.replaceAll('=', '%3D');
}
