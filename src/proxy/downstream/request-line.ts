/** Reading the head of an HTTP/1.x request (RFC 9112), strictly: what two readers could read differently is refused. */
import { METHODS } from 'node:http';
import { TOKEN } from '../characters.ts';
import type { Fault } from '../faults.ts';
import { FAULTS } from '../faults.ts';
import { parseFields } from '../upstream/h1-head.ts';

/** Methods with a meaning known to be that of a request; others may be a protocol of their own. */
const KNOWN_METHODS: ReadonlySet<string> = new Set([...METHODS, 'QUERY']);
const LONGEST_METHOD = 32;

/** A request's head taken apart; with a fault, the rest means nothing. */
export interface RequestText {
  readonly fault: Fault | undefined;
  readonly method: string;
  readonly target: string;
  /** 0 or 1. */
  readonly minor: number;
  /** Flat: name, value, name, value. */
  readonly fields: readonly string[];
}

/**
 * @param text Latin-1
 * @param at where the request line begins
 * @param end index of the empty line's CRLF CRLF
 */
export function parseRequest(text: string, at: number, end: number): RequestText {
  const lineEnd = text.indexOf('\r\n', at);
  const methodEnd = text.indexOf(' ', at);
  const targetEnd = lineEnd - 9;
  const method = text.slice(at, methodEnd);
  if (methodEnd === -1 || methodEnd > targetEnd) return refused(startFault(text, at) ?? FAULTS.malformed);
  if (!KNOWN_METHODS.has(method)) return refused(startFault(text, at) ?? FAULTS.malformed);
  const minor = text.charCodeAt(lineEnd - 1) - 48;
  if (!text.startsWith(' HTTP/', targetEnd) || text.charCodeAt(lineEnd - 2) !== 46) return refused(FAULTS.malformed);
  if (text.charCodeAt(lineEnd - 3) !== 49 || (minor !== 0 && minor !== 1)) return refused(versionFault(text, lineEnd));
  if (targetEnd <= methodEnd + 1) return refused(FAULTS.malformed);
  for (let i = methodEnd + 1; i < targetEnd; i++) {
    const c = text.charCodeAt(i);
    if (c <= 32 || c >= 127) return refused(FAULTS.malformed);
  }
  const fields: string[] = [];
  if (lineEnd < end && !parseFields(text, lineEnd + 2, end, fields)) return refused(FAULTS.malformed);
  return { fault: undefined, method, target: text.slice(methodEnd + 1, targetEnd), minor, fields };
}

/**
 * What is wrong with a head of which only the beginning has come, as far as that can be said already: bytes that are no
 * HTTP must not wait for an end that never comes.
 */
export function startFault(text: string, at: number): Fault | undefined {
  if (text.length === at + 1 && text.charCodeAt(at) === 13) return undefined;
  let i = at;
  while (i < text.length && TOKEN[text.charCodeAt(i)] === 1) i++;
  const inCapitals = /^[A-Z]+$/.test(text.slice(at, i));
  if (i < text.length && (i === at || text.charCodeAt(i) !== 32)) return FAULTS.malformed;
  if (i - at > LONGEST_METHOD) return FAULTS.malformed;
  if (i < text.length && !KNOWN_METHODS.has(text.slice(at, i))) return inCapitals ? FAULTS.method : FAULTS.malformed;
  for (; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c >= 32 ? c === 127 : c !== 9 && c !== 13 && c !== 10) return FAULTS.malformed;
    // Lines end in CRLF: a bare CR or LF ends a line for some and not for others.
    if (c === 10 && text.charCodeAt(i - 1) !== 13) return FAULTS.malformed;
    if (c === 13 && i + 1 < text.length && text.charCodeAt(i + 1) !== 10) return FAULTS.malformed;
  }
  return undefined;
}

function versionFault(text: string, lineEnd: number): Fault {
  return /^\d\.\d$/.test(text.slice(lineEnd - 3, lineEnd)) ? FAULTS.version : FAULTS.malformed;
}

function refused(fault: Fault): RequestText {
  return { fault, method: '', target: '', minor: 1, fields: [] };
}
