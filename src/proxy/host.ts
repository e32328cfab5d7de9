import ipaddr from 'ipaddr.js';
import { detached, HOST_NAME } from './characters.ts';

const HOST_CACHE_LIMIT = 1_000;
/** The same few hosts come with every request; the reading of each is kept. Bounded, so that made-up hosts cost no memory. */
const cache = new Map<string, string>();

/**
 * The host of a Host field or authority: lower case, without port and without the root's dot, so that `Example.com.:80`
 * and `example.com` are one. IPv6 literals keep their brackets.
 *
 * Undefined when it is no `uri-host [":" port]` (RFC 9112, 3.2): user information, paths, lists, and percent-escapes are
 * refused, the last because they would be another spelling of a plain name.
 */
export function normaliseHost(field: string): string | undefined {
  const known = cache.get(field);
  if (known !== undefined) return known;
  const read = readHost(field);
  if (read === undefined) return undefined;
  const host = detached(read);
  if (cache.size >= HOST_CACHE_LIMIT) cache.clear();
  cache.set(detached(field), host);
  return host;
}

function readHost(field: string): string | undefined {
  if (field.length > 255 + 6) return undefined;
  let end = field.length;
  if (field.charCodeAt(0) === 91) {
    end = field.indexOf(']') + 1;
    const literal = field.slice(1, end - 1);
    if (end === 0 || literal.includes('%') || !ipaddr.IPv6.isValid(literal)) return undefined;
  } else {
    const colon = field.indexOf(':');
    if (colon !== -1) end = colon;
    for (let i = 0; i < end; i++) if (HOST_NAME[field.charCodeAt(i)] !== 1) return undefined;
  }
  if (!validPort(field, end)) return undefined;
  const name = field.slice(0, end).toLowerCase();
  if (name.startsWith('[')) return `[${ipaddr.IPv6.parse(name.slice(1, -1)).toRFC5952String()}]`;
  const host = name.endsWith('.') ? name.slice(0, -1) : name;
  return host === '' || host.endsWith('.') ? undefined : host;
}

/** Whether what follows the host is nothing, or a colon and at most five digits. */
function validPort(field: string, from: number): boolean {
  if (from === field.length) return true;
  if (field.charCodeAt(from) !== 58 || field.length - from > 6) return false;
  for (let i = from + 1; i < field.length; i++) {
    const c = field.charCodeAt(i);
    if (c < 48 || c > 57) return false;
  }
  return true;
}
