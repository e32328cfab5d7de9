/**
 * Paths, normalised so that no spelling of a path escapes its limit.
 *
 * What is matched is always derived from what is forwarded, never from what was received: an upstream cannot read the
 * forwarded path in another way than the route and the limit did. Three spellings of one path:
 *
 * - `forward`: goes to the upstream. Unreserved characters decoded, dot segments removed (RFC 3986, 5.2.4 and 6.2.2),
 *   slashes kept as they are, bytes that a URI may not hold escaped.
 * - `match`: selects the route. As `forward`, with everything a segment may hold decoded, every other byte escaped in
 *   upper case, and runs of slashes merged.
 * - `decoded`: what a limit counts by. As `match`, with `%2F`, `%5C` and `\` read as slashes. Only such a path has a
 *   `decoded` that differs from `match`: some upstreams read them as slashes, some as data.
 */
import { escapeByte, hexValue, PATH_PLAIN, UNRESERVED } from './characters.ts';

export interface NormalPath {
  readonly forward: string;
  readonly match: string;
  readonly decoded: string;
}

const PERCENT = 37;
const DOT = 46;
const SLASH = 47;

/**
 * @param path begins with `/`, without query
 * @returns undefined when the path cannot be read safely: a control character (escaped or not), a broken escape, `#`,
 * or escaped slashes among dot segments in a way that upstreams resolve differently
 */
export function normalisePath(path: string): NormalPath | undefined {
  if (isNormal(path)) return { forward: path, match: path, decoded: path };
  const unescaped = decodeUnreserved(path);
  if (unescaped === undefined) return undefined;
  const forward = removeDotSegments(unescaped);
  const canonicalForward = canonical(forward);
  const match = mergeSlashes(canonicalForward);
  if (!hasHiddenSlash(match)) return { forward, match, decoded: match };
  const decoded = decodeHiddenSlashes(canonicalForward);
  return decoded === undefined ? undefined : { forward, match, decoded };
}

/** Whether nothing in the path needs work: the case of nearly every request. May say no to a path that needs none. */
function isNormal(path: string): boolean {
  const length = path.length;
  let afterSlash = false;
  for (let i = 0; i < length; i++) {
    const c = path.charCodeAt(i);
    if (c === SLASH) {
      if (afterSlash) return false;
      afterSlash = true;
    } else {
      if (PATH_PLAIN[c] !== 1 || (afterSlash && c === DOT)) return false;
      afterSlash = false;
    }
  }
  return true;
}

/** Decodes unreserved characters, escapes bytes that may not stand in a URI, refuses what has no safe reading. */
function decodeUnreserved(path: string): string | undefined {
  let out = '';
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c === PERCENT) {
      const byte = escapedByte(path, i);
      if (byte < 32 || byte === 127) return undefined;
      out += UNRESERVED[byte] === 1 ? String.fromCharCode(byte) : path.slice(i, i + 3);
      i += 2;
    } else if (c <= 32 || c === 127 || c === 35 || c > 255) {
      return undefined;
    } else {
      out += c > 127 ? escapeByte(c) : path.charAt(i);
    }
  }
  return out;
}

/** The byte that the escape at `i` stands for; -1 when it is broken. */
function escapedByte(path: string, i: number): number {
  const high = hexValue(path.charCodeAt(i + 1));
  const low = hexValue(path.charCodeAt(i + 2));
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

/** RFC 3986, 5.2.4, for a path that begins with a slash. Empty segments count as segments. */
function removeDotSegments(path: string): string {
  if (!path.includes('/.')) return path;
  const out: string[] = [];
  const segments = path.slice(1).split('/');
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i] ?? '';
    if (segment === '..') out.pop();
    else if (segment !== '.') out.push(segment);
    if (i === segments.length - 1 && (segment === '.' || segment === '..')) out.push('');
  }
  return `/${out.join('/')}`;
}

/** Every escape of a character that a segment may hold decoded, every other byte escaped in upper case. */
function canonical(path: string): string {
  let out = '';
  for (let i = 0; i < path.length; i++) {
    const c = path.charCodeAt(i);
    if (c === PERCENT) {
      const byte = escapedByte(path, i);
      out += PATH_PLAIN[byte] === 1 ? String.fromCharCode(byte) : escapeByte(byte);
      i += 2;
    } else {
      out += c === SLASH || PATH_PLAIN[c] === 1 ? path.charAt(i) : escapeByte(c);
    }
  }
  return out;
}

function mergeSlashes(path: string): string {
  return path.includes('//') ? path.replace(/\/{2,}/g, '/') : path;
}

function hasHiddenSlash(canonicalPath: string): boolean {
  return canonicalPath.includes('%2F') || canonicalPath.includes('%5C');
}

const HIDDEN_SLASH = /%2F|%5C/g;

/**
 * Reads hidden slashes as slashes. Where that makes dot segments appear, upstreams differ in what they do first (decode
 * which of the two, merge, remove), so the path is only accepted when every order ends in the same place.
 */
function decodeHiddenSlashes(path: string): string | undefined {
  const plain = path.replace(HIDDEN_SLASH, '/');
  const decoded = mergeSlashes(removeDotSegments(plain));
  if (decoded === mergeSlashes(plain)) return decoded;
  const bothKinds = path.includes('%2F') && path.includes('%5C');
  const readings = bothKinds ? [plain, path.replaceAll('%2F', '/'), path.replaceAll('%5C', '/')] : [plain];
  for (const reading of readings) {
    for (const order of [reading, mergeSlashes(reading)]) {
      if (mergeSlashes(removeDotSegments(order).replace(HIDDEN_SLASH, '/')) !== decoded) return undefined;
    }
  }
  return decoded;
}
