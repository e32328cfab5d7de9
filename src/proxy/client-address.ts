import type { CidrSet } from '../core/ip.ts';
import { canonicalIp } from '../core/ip.ts';
import { detached } from './characters.ts';

/**
 * The client behind a peer: the right-most address that is no trusted proxy. X-Forwarded-For is read from the right,
 * because each proxy appends the peer it saw, and only as far as every hop to the right is trusted: what stands further
 * left may be made up by the client.
 *
 * @param peer address of the connection, canonical
 * @param forwardedFor the X-Forwarded-For fields joined with commas; undefined when there is none
 */
export function resolveClientIp(trusted: CidrSet, peer: string, forwardedFor: string | undefined): string {
  if (forwardedFor === undefined || !trusted.contains(peer)) return peer;
  let client = peer;
  let end = forwardedFor.length;
  while (end >= 0) {
    const comma = end === 0 ? -1 : forwardedFor.lastIndexOf(',', end - 1);
    const hop = canonicalIp(withoutPort(forwardedFor.slice(comma + 1, end).trim()));
    // An unreadable hop hides everything beyond it; the last readable one is then the client.
    if (hop === undefined) return client;
    client = detached(hop);
    if (!trusted.contains(hop)) return client;
    end = comma;
  }
  return client;
}

/** Some proxies append a port: `1.2.3.4:5678`, `[::1]:5678`. */
function withoutPort(text: string): string {
  if (text.startsWith('[')) return text.slice(1, text.indexOf(']'));
  const colon = text.indexOf(':');
  return colon !== -1 && text.includes('.') && text.indexOf(':', colon + 1) === -1 ? text.slice(0, colon) : text;
}
