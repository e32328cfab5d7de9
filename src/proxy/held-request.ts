import type { DetachedRequest } from './detached-requests.ts';

/** A request that another proxy holds, as it tells of it. */
interface HeldRequest {
  readonly method: string;
  readonly host: string;
  /** Path and query. */
  readonly uri: string;
  readonly headers: DetachedRequest['headers'];
  readonly forwardedFor: string;
  /** Address of the proxy. */
  readonly peer: string;
}

/** The proxy that asks wrote the last address of X-Forwarded-For itself, and it is believed, for it may ask. */
export function heldElsewhere({ method, host, uri, headers, forwardedFor, peer }: HeldRequest): DetachedRequest {
  const comma = forwardedFor.lastIndexOf(',');
  return {
    method,
    host,
    target: uri,
    headers,
    peer: forwardedFor.slice(comma + 1).trim() || peer,
    forwardedFor: comma === -1 ? undefined : forwardedFor.slice(0, comma),
  };
}
