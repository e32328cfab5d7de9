import type { RequestFacts } from '../limiter/facts.ts';
import { detached } from './characters.ts';

/** What limits may look at in a request, whoever holds it: the gateway, `explain`, or a forward-auth check. */
export class PlainRequestFacts implements RequestFacts {
  readonly method: string;
  readonly #path: string;
  readonly host: string;
  readonly route: string;
  readonly clientIp: string;
  readonly #raw: readonly string[];
  readonly #query: string;

  /**
   * @param path decoded spelling (see path.ts)
   * @param raw header fields, flat
   * @param query with its question mark, or ''
   */
  constructor(
    method: string,
    path: string,
    host: string,
    route: string,
    clientIp: string,
    raw: readonly string[],
    query: string,
  ) {
    this.method = method;
    this.#path = path;
    this.host = host;
    this.route = route;
    this.clientIp = clientIp;
    this.#raw = raw;
    this.#query = query;
  }

  get path(): string {
    return detached(this.#path);
  }

  header(name: string): string | undefined {
    const value = joinedField(this.#raw, name, ', ');
    return value === undefined ? undefined : detached(value);
  }

  cookie(name: string): string | undefined {
    const all = joinedField(this.#raw, 'cookie', '; ');
    if (all === undefined) return undefined;
    for (const part of all.split(';')) {
      const equals = part.indexOf('=');
      if (equals === -1 || part.slice(0, equals).trim() !== name) continue;
      const value = part.slice(equals + 1).trim();
      // Quotes are no part of the value (RFC 6265, 4.1.1): with or without, it is one key.
      return detached(value.length > 1 && value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value);
    }
    return undefined;
  }

  query(name: string): string | undefined {
    const text = this.#query;
    let start = 1;
    while (start < text.length) {
      let end = text.indexOf('&', start);
      if (end === -1) end = text.length;
      let equals = text.indexOf('=', start);
      if (equals === -1 || equals > end) equals = end;
      if (decodeParameter(text.slice(start, equals)) === name) {
        return detached(decodeParameter(text.slice(equals + 1, end)));
      }
      start = end + 1;
    }
    return undefined;
  }
}

function joinedField(raw: readonly string[], lowerName: string, separator: string): string | undefined {
  let found: string | undefined;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (name.length !== lowerName.length || (name !== lowerName && name.toLowerCase() !== lowerName)) continue;
    const value = raw[i + 1] ?? '';
    found = found === undefined ? value : found + separator + value;
  }
  return found;
}

/** `application/x-www-form-urlencoded` decoding; what has no valid decoding stays as it is. */
function decodeParameter(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return spaced;
  }
}
