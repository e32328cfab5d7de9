/**
 * The patterns of a configuration: hosts and paths of a route, keys of an override. What each one means, whether it is
 * well formed, and when one covers another, so that what can never be reached is found before it is deployed.
 */

/** What is wrong with a pattern, and what to write instead. */
export interface PatternProblem {
  readonly message: string;
  readonly hint: string;
}

const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * A host pattern is `api.example.com` (that host), `*.example.com` (one or more labels before it, never the bare
 * domain), or an IPv6 literal in brackets. Compared without case and without port.
 */
export function hostPatternProblem(pattern: string): PatternProblem | undefined {
  const hint = 'a host is api.example.com, or *.example.com for everything below it';
  const text = pattern.toLowerCase();
  if (text === '*' || text === '*.') return { message: 'matches any host', hint: 'leave host out to match any host' };
  if (/^\[[0-9a-f:.]+\]$/.test(text)) return undefined;
  if (text.includes('://')) return { message: 'has a scheme', hint };
  if (text.includes('/')) return { message: 'has a path', hint: 'write the path under path:' };
  if (/:\d*$/.test(text)) return { message: 'has a port', hint: 'hosts are compared without their port' };
  if (text.endsWith('.')) return { message: 'ends in a dot', hint: 'write it without the last dot' };
  const labels = (text.startsWith('*.') ? text.slice(2) : text).split('.');
  if (text.length > 253 || !labels.every((label) => LABEL.test(label))) {
    return { message: 'is not a host pattern', hint };
  }
  return undefined;
}

/** Whether `pattern` (lower case; undefined = any) matches `host` (lower case, without port). */
export function matchesHost(pattern: string | undefined, host: string): boolean {
  if (pattern === undefined) return true;
  if (!pattern.startsWith('*.')) return host === pattern;
  return host.length > pattern.length - 1 && host.endsWith(pattern.slice(1));
}

/** Whether every host that `inner` matches is matched by `outer` too. Lower case; undefined = any. */
export function hostCovers(outer: string | undefined, inner: string | undefined): boolean {
  if (outer === undefined) return true;
  if (inner === undefined) return false;
  if (!inner.startsWith('*.')) return matchesHost(outer, inner);
  return outer.startsWith('*.') && (inner === outer || inner.endsWith(outer.slice(1)));
}

/**
 * A path pattern is `/health` (that path) or `/v1/*` (`/v1` and everything below it). It is compared with normalised
 * paths, so it has to be written as one: else two spellings of one pattern would not be seen to be the same.
 */
export function pathPatternProblem(pattern: string): PatternProblem | undefined {
  const hint = 'a path is /exact or /prefix/*';
  if (!pattern.startsWith('/')) return { message: 'does not start with /', hint };
  const path = pattern.endsWith('/*') ? pattern.slice(0, -2) : pattern;
  if (path.includes('*')) return { message: 'has a * that is not a last /*', hint };
  if (/[?#]/.test(path)) return { message: 'has a query or fragment', hint: 'only the path is compared' };
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that no request target can hold
  if (/[\u0000-\u0020"<>\\^`{|}\u007f-\u{10ffff}]/u.test(path)) {
    return { message: 'has a character that a request sends percent-encoded', hint: `write ${encoded(path)}` };
  }
  if (/%(?![0-9A-Fa-f]{2})/.test(path)) return { message: 'has a % without two hexadecimal digits', hint };
  const prefix = pattern.endsWith('/*');
  const normal = prefix ? normalised(path).replace(/\/$/, '') : normalised(path);
  if (normal !== path) {
    const shown = normal + (prefix ? '/*' : '');
    return {
      message: 'is not in its normal spelling',
      hint: `write ${shown}`,
    };
  }
  return undefined;
}

/** Whether `pattern` (undefined = any) matches `path` (normalised). */
export function matchesPath(pattern: string | undefined, path: string): boolean {
  if (pattern === undefined || pattern === '/*') return true;
  if (!pattern.endsWith('/*')) return path === pattern;
  const prefix = pattern.slice(0, -2);
  return path === prefix || path.startsWith(`${prefix}/`);
}

/** Whether every path that `inner` matches is matched by `outer` too. Undefined = any. */
export function pathCovers(outer: string | undefined, inner: string | undefined): boolean {
  if (outer === undefined || outer === '/*') return true;
  if (inner === undefined || inner === '/*') return false;
  if (!inner.endsWith('/*')) return matchesPath(outer, inner);
  return outer.endsWith('/*') && matchesPath(outer, inner.slice(0, -2));
}

/** Whether `pattern`, in which `*` stands for any characters, matches the whole of `text`. Linear in space, no backtracking blow-up. */
export function matchesGlob(pattern: string, text: string): boolean {
  let p = 0;
  let t = 0;
  let star = -1;
  let mark = 0;
  while (t < text.length) {
    // The star comes first: `text` may itself be a pattern (see globCovers), and its `*` is no ordinary character.
    if (pattern[p] === '*') {
      star = p++;
      mark = t;
    } else if (p < pattern.length && pattern[p] === text[t]) {
      p++;
      t++;
    } else if (star >= 0) {
      p = star + 1;
      t = ++mark;
    } else {
      return false;
    }
  }
  while (pattern[p] === '*') p++;
  return p === pattern.length;
}

/**
 * Whether every key that `inner` matches is matched by `outer` too. A `*` of `inner` can only be met by a `*` of
 * `outer`, so `inner` may be matched as if it were text.
 */
export function globCovers(outer: string, inner: string): boolean {
  return matchesGlob(outer, inner.replace(/\*+/g, '*'));
}

const UNRESERVED = /[A-Za-z0-9._~-]/;

function normalised(path: string): string {
  const decoded = path.replace(/%([0-9A-Fa-f]{2})/g, (triplet, hex: string) => {
    const char = String.fromCharCode(Number.parseInt(hex, 16));
    return UNRESERVED.test(char) ? char : triplet;
  });
  const out: string[] = [];
  const segments = decoded.replace(/\/{2,}/g, '/').split('/');
  for (const [i, segment] of segments.entries()) {
    const last = i === segments.length - 1;
    if (segment === '.' || segment === '..') {
      if (segment === '..' && out.length > 1) out.pop();
      if (last) out.push('');
    } else out.push(segment);
  }
  return out.join('/');
}

function encoded(path: string): string {
  try {
    return encodeURI(path);
  } catch {
    return 'it percent-encoded';
  }
}
