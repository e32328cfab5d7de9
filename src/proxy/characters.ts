/** Character classes of HTTP and URI grammar, as tables indexed by character code below 256. */

function table(chars: string): Uint8Array {
  const out = new Uint8Array(256);
  for (let i = 0; i < chars.length; i++) out[chars.charCodeAt(i)] = 1;
  return out;
}

const ALPHANUMERIC = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

/** RFC 3986 unreserved: stand for themselves whether escaped or not. */
export const UNRESERVED = table(`${ALPHANUMERIC}-._~`);
/** RFC 3986 pchar without escapes: what a path segment may hold as it is. */
export const PATH_PLAIN = table(`${ALPHANUMERIC}-._~!$&'()*+,;=:@`);
/** RFC 9110 tchar: field names, methods, protocol names. */
export const TOKEN = table(`${ALPHANUMERIC}!#$%&'*+-.^_\`|~`);
/** What host names are made of. RFC 3986 would allow sub-delimiters too, but no name has any, and a comma makes a list. */
export const HOST_NAME = table(`${ALPHANUMERIC}-._~`);

/** The value of a hexadecimal digit; -1 when it is none. */
export function hexValue(code: number): number {
  if (code >= 48 && code <= 57) return code - 48;
  const lower = code | 32;
  return lower >= 97 && lower <= 102 ? lower - 87 : -1;
}

export function isToken(text: string): boolean {
  if (text.length === 0) return false;
  for (let i = 0; i < text.length; i++) if (TOKEN[text.charCodeAt(i)] !== 1) return false;
  return true;
}

/** The number that a run of at most 15 decimal digits says; -1 for anything else. Fifteen digits stay exact in a double. */
export function decimal(text: string): number {
  if (text.length === 0 || text.length > 15) return -1;
  let value = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c < 48 || c > 57) return -1;
    value = value * 10 + c - 48;
  }
  return value;
}

/**
 * The same text on its own. What is cut from a longer one keeps all of that in memory; whoever stores a piece of a request
 * for longer than the request must not hold the whole head with it.
 */
export function detached(text: string): string {
  return text.length < 13 ? text : ` ${text}`.slice(1);
}

const HEX_UPPER = '0123456789ABCDEF';

/** `%2F` for 0x2f. */
export function escapeByte(byte: number): string {
  return `%${HEX_UPPER.charAt(byte >> 4)}${HEX_UPPER.charAt(byte & 15)}`;
}
