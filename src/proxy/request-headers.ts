import {
  CONNECTION,
  CONTENT_LENGTH,
  connectionOptions,
  EXPECT,
  FORWARDED,
  FORWARDED_FOR,
  FORWARDED_HOST,
  FORWARDED_PROTO,
  fieldKind,
  HOP,
  HOST,
  MAX_FORWARDS,
  PLAIN,
  TE,
  TRACE_CONTEXT,
  TRAILER,
  TRANSFER_ENCODING,
  UPGRADE,
} from './fields.ts';
import type { RequestHead } from './request-head.ts';

/** The hop that a request came over, as the upstream is to be told. */
export interface Hop {
  /** Address of the connection, canonical. */
  readonly peer: string;
  /** Whether what the peer says of earlier hops is believed and extended, or replaced. */
  readonly peerTrusted: boolean;
  /** Authority that the client asked for. */
  readonly authority: string;
  readonly scheme: 'http' | 'https';
  /** Field value for Via: protocol version and pseudonym. */
  readonly via: string;
  /** Whether the body goes on with chunked framing, so that trailers can follow. */
  readonly chunked: boolean;
  /** Whether the request goes on with a trace context of ours, so that the client's does not. */
  readonly traced: boolean;
}

/**
 * The end-to-end fields to send upstream, flat, without Host and framing. Dropped: everything hop-by-hop, whatever the
 * Connection field names, `Expect` (answered here). Order and spelling stay.
 */
export function forwardedRequestFields(head: RequestHead, hop: Hop): string[] {
  const raw = head.raw;
  const options = head.connection === '' ? undefined : connectionOptions(head.connection);
  const out: string[] = [];
  let proto = false;
  let host = false;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? '';
    const value = raw[i + 1] ?? '';
    const kind = fieldKind(name);
    if (kind !== PLAIN && !passes(kind, hop)) continue;
    if (options?.has(name.toLowerCase()) === true) continue;
    if (kind === FORWARDED_PROTO) proto = true;
    else if (kind === FORWARDED_HOST) host = true;
    out.push(
      name,
      kind === FORWARDED ? `${value}, for=${quotedNode(hop.peer)}` : kind === MAX_FORWARDS ? lowered(value) : value,
    );
  }
  const earlier = hop.peerTrusted ? head.forwardedFor : undefined;
  out.push('X-Forwarded-For', earlier === undefined ? hop.peer : `${earlier}, ${hop.peer}`);
  if (!proto) out.push('X-Forwarded-Proto', hop.scheme);
  if (!host && hop.authority !== '') out.push('X-Forwarded-Host', hop.authority);
  if (head.te !== '' && head.wantsTrailers) out.push('TE', 'trailers');
  out.push('Via', hop.via);
  return out;
}

/** Whether a field that is not plain goes on at all. */
function passes(kind: number, hop: Hop): boolean {
  switch (kind) {
    case HOST:
    case CONNECTION:
    case CONTENT_LENGTH:
    case TRANSFER_ENCODING:
    case TE:
    case UPGRADE:
    case EXPECT:
    case HOP:
    case FORWARDED_FOR:
      return false;
    case TRAILER:
      return hop.chunked;
    case TRACE_CONTEXT:
      return !hop.traced;
    case FORWARDED_PROTO:
    case FORWARDED_HOST:
    case FORWARDED:
      return hop.peerTrusted;
    default:
      return true;
  }
}

/** RFC 7239, 6: an IPv6 address stands in brackets and quotes. */
function quotedNode(address: string): string {
  return address.includes(':') ? `"[${address}]"` : address;
}

/** Max-Forwards, one less (RFC 9110, 7.6.2); zero never gets here. */
function lowered(value: string): string {
  const hops = Number(value);
  return Number.isInteger(hops) && hops > 0 ? String(hops - 1) : value;
}
