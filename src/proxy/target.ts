/** A request target taken apart (RFC 9112, 3.2). */
export interface Target {
  /** From an absolute-form target: replaces the Host field, whatever that says. */
  readonly authority: string | undefined;
  /** Begins with `/`, or is `*` (only for OPTIONS). */
  readonly path: string;
  /** With its question mark; '' when there is none. Never touched. */
  readonly query: string;
}

/** Undefined when it is none of origin-form, absolute-form of http(s), or `OPTIONS *`. */
export function parseTarget(method: string, text: string): Target | undefined {
  if (text.charCodeAt(0) === 47) return split(undefined, text);
  if (text === '*') return method === 'OPTIONS' ? { authority: undefined, path: '*', query: '' } : undefined;
  const start = schemeEnd(text);
  if (start === -1) return undefined;
  let end = text.length;
  for (let i = start; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 47 || c === 63) {
      end = i;
      break;
    }
  }
  const authority = text.slice(start, end);
  const rest = text.slice(end);
  if (rest === '') return { authority, path: method === 'OPTIONS' ? '*' : '/', query: '' };
  return split(authority, rest.charCodeAt(0) === 47 ? rest : `/${rest}`);
}

function split(authority: string | undefined, rest: string): Target | undefined {
  const mark = rest.indexOf('?');
  const query = mark === -1 ? '' : rest.slice(mark);
  // A fragment never travels in a request (RFC 9110, 4.2.5); an upstream that cuts it off would see another path.
  if (query.includes('#')) return undefined;
  return { authority, path: mark === -1 ? rest : rest.slice(0, mark), query };
}

function schemeEnd(text: string): number {
  const scheme = text.slice(0, 8).toLowerCase();
  if (scheme === 'https://') return 8;
  return scheme.startsWith('http://') ? 7 : -1;
}
