/** Which header fields mean something to a proxy (RFC 9110, 7.6.1; RFC 9112), found without a regular expression. */

/** An ordinary end-to-end field. */
export const PLAIN = 0;
export const HOST = 1;
export const CONNECTION = 2;
export const CONTENT_LENGTH = 3;
export const TRANSFER_ENCODING = 4;
export const TE = 5;
export const UPGRADE = 6;
export const EXPECT = 7;
export const TRAILER = 8;
export const FORWARDED_FOR = 9;
export const FORWARDED_PROTO = 10;
export const FORWARDED_HOST = 11;
export const FORWARDED = 12;
export const MAX_FORWARDS = 13;
export const DATE = 14;
/** Concerns one hop only and means nothing else to us: Keep-Alive, Proxy-*, HTTP2-Settings. */
export const HOP = 15;
/** The caller's trace: replaced where requests are traced. */
export const TRACE_CONTEXT = 16;

const KINDS = new Map<string, number>();

function know(kind: number, ...names: readonly string[]): void {
  for (const name of names) {
    KINDS.set(name, kind);
    KINDS.set(name.toLowerCase(), kind);
  }
}

know(HOST, 'Host');
know(CONNECTION, 'Connection');
know(CONTENT_LENGTH, 'Content-Length');
know(TRANSFER_ENCODING, 'Transfer-Encoding');
know(TE, 'TE');
know(UPGRADE, 'Upgrade');
know(EXPECT, 'Expect');
know(TRAILER, 'Trailer');
know(FORWARDED_FOR, 'X-Forwarded-For');
know(FORWARDED_PROTO, 'X-Forwarded-Proto');
know(FORWARDED_HOST, 'X-Forwarded-Host');
know(FORWARDED, 'Forwarded');
know(MAX_FORWARDS, 'Max-Forwards');
know(DATE, 'Date');
know(TRACE_CONTEXT, 'traceparent', 'tracestate');
know(HOP, 'Keep-Alive', 'HTTP2-Settings', 'Proxy-Connection', 'Proxy-Authenticate', 'Proxy-Authorization');
know(HOP, 'Proxy-Authentication-Info');

interface Known {
  readonly name: string;
  readonly kind: number;
}

/** The names above by length and first letter: nearly all others are ruled out by that, and hashing none is cheapest. */
const BY_SHAPE: (readonly Known[] | undefined)[] = new Array(32 * 32).fill(undefined);
for (const [name, kind] of KINDS) {
  const shape = shapeOf(name);
  BY_SHAPE[shape] = [...(BY_SHAPE[shape] ?? []), { name, kind }];
}
const LETTER_P = 112 & 31;

function shapeOf(name: string): number {
  return ((name.length & 31) << 5) | (name.charCodeAt(0) & 31);
}

/** What a field is, by its name in any spelling. */
export function fieldKind(name: string): number {
  const shape = shapeOf(name);
  const known = BY_SHAPE[shape];
  if (known !== undefined) {
    for (let i = 0; i < known.length; i++) {
      const one = known[i];
      if (one !== undefined && one.name === name) return one.kind;
    }
    const lower = name.toLowerCase();
    const kind = KINDS.get(lower);
    if (kind !== undefined) return kind;
    // CGI, WSGI and the like read X_Forwarded_For as X-Forwarded-For: whoever could not set one shall not set the other.
    if (lower.includes('_') && KINDS.has(lower.replaceAll('_', '-'))) return HOP;
  }
  return (shape & 31) === LETTER_P && name.slice(0, 6).toLowerCase() === 'proxy-' ? HOP : PLAIN;
}

/**
 * The fields that a Connection field declares as hop-by-hop, in lower case; undefined when it only says what every
 * client says. `close`, `keep-alive`, `upgrade` and `te` are dealt with on their own.
 */
export function connectionOptions(value: string): ReadonlySet<string> | undefined {
  if (value === 'keep-alive' || value === 'close' || value === 'Upgrade' || value === 'Keep-Alive') return undefined;
  const options = new Set<string>();
  for (const part of value.split(',')) {
    const option = part.trim().toLowerCase();
    if (option !== '' && option !== 'keep-alive' && option !== 'close') options.add(option);
  }
  return options.size === 0 ? undefined : options;
}

/** Whether the comma-separated list holds the token (lower case). */
export function listHas(list: string, token: string): boolean {
  return list
    .toLowerCase()
    .split(',')
    .some((part) => part.trim() === token);
}

/** Whether a field may stand in a trailer section: nothing that frames, routes or belongs to one hop (RFC 9110, 6.5.1). */
function allowedInTrailer(name: string): boolean {
  const kind = fieldKind(name);
  if (kind !== PLAIN && kind !== DATE && kind !== TRACE_CONTEXT) return false;
  const lower = name.toLowerCase();
  return lower !== 'authorization' && lower !== 'cookie' && lower !== 'set-cookie' && lower !== 'content-encoding';
}

/** The trailer fields that may be passed on. */
export function forwardableTrailers(raw: readonly string[]): string[] {
  const out: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] ?? '';
    if (allowedInTrailer(name)) out.push(name, raw[i + 1] ?? '');
  }
  return out;
}
