/** Reading the head of an HTTP/1.x response (RFC 9112), strictly: what two readers could read differently is refused. */
import { decimal, TOKEN } from '../characters.ts';

/** How the body after a head is delimited; -1: by chunks, -2: by the end of the connection, otherwise its length. */
export const CHUNKED = -1;
export const UNTIL_CLOSE = -2;

export class ResponseHeadText {
  readonly status: number;
  /** Flat: name, value, name, value; values without surrounding blanks. */
  readonly fields: string[];
  /** Length of the body by the fields alone; CHUNKED or UNTIL_CLOSE. */
  readonly length: number;
  /** Whether the connection may carry another request. */
  readonly keepAlive: boolean;
  /** Seconds that the server keeps an idle connection, where it says so. */
  readonly keepAliveSeconds: number | undefined;

  constructor(
    status: number,
    fields: string[],
    length: number,
    keepAlive: boolean,
    keepAliveSeconds: number | undefined,
  ) {
    this.status = status;
    this.fields = fields;
    this.length = length;
    this.keepAlive = keepAlive;
    this.keepAliveSeconds = keepAliveSeconds;
  }
}

/**
 * @param text Latin-1, begins with the status line
 * @param end index of the empty line's CRLF CRLF
 * @returns undefined when it is no valid head, or its framing is not certain
 */
export function parseResponseHead(text: string, end: number): ResponseHeadText | undefined {
  const firstEnd = text.indexOf('\r\n');
  const status = parseStatusLine(text, firstEnd);
  if (status < 0) return undefined;
  const oldServer = text.charCodeAt(7) === 48;
  const fields: string[] = [];
  if (firstEnd < end && !parseFields(text, firstEnd + 2, end, fields)) return undefined;
  let length: number | undefined;
  let coding: string | undefined;
  let connection = '';
  let seconds: number | undefined;
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i] ?? '';
    if (name.length === 14) {
      if (name.toLowerCase() === 'content-length') length = length === undefined ? decimal(fields[i + 1] ?? '') : -1;
    } else if (name.length === 17) {
      if (name.toLowerCase() === 'transfer-encoding') {
        coding = coding === undefined ? (fields[i + 1] ?? '').toLowerCase() : 'several';
      }
    } else if (name.length === 10) {
      const lower = name.toLowerCase();
      if (lower === 'connection') connection += `,${(fields[i + 1] ?? '').toLowerCase()}`;
      else if (lower === 'keep-alive') seconds = keepAliveSeconds(fields[i + 1] ?? '');
    }
  }
  if (coding !== undefined && (coding !== 'chunked' || length !== undefined || oldServer)) return undefined;
  if (length !== undefined && length < 0) return undefined;
  const keepAlive =
    connection === ''
      ? !oldServer
      : !hasOption(connection, 'close') && (!oldServer || hasOption(connection, 'keep-alive'));
  return new ResponseHeadText(
    status,
    fields,
    coding !== undefined ? CHUNKED : (length ?? UNTIL_CLOSE),
    keepAlive,
    seconds,
  );
}

/** `HTTP/1.1 200 OK`: the status; -1 when it is no such line. The reason may be missing. */
function parseStatusLine(text: string, end: number): number {
  if (end < 12 || !text.startsWith('HTTP/1.')) return -1;
  const minor = text.charCodeAt(7);
  if ((minor !== 48 && minor !== 49) || text.charCodeAt(8) !== 32) return -1;
  if (end > 12 && text.charCodeAt(12) !== 32) return -1;
  for (let i = 12; i < end; i++) if (!isFieldChar(text.charCodeAt(i))) return -1;
  const status = decimal(text.slice(9, 12));
  return status >= 100 ? status : -1;
}

/** Reads field lines from `at` to the CRLF at `end`; false when one is malformed (obsolete line folding included). */
export function parseFields(text: string, at: number, end: number, out: string[]): boolean {
  let start = at;
  while (start < end) {
    let lineEnd = text.indexOf('\r\n', start);
    if (lineEnd === -1 || lineEnd > end) lineEnd = end;
    let colon = start;
    while (colon < lineEnd && TOKEN[text.charCodeAt(colon)] === 1) colon++;
    if (colon === start || text.charCodeAt(colon) !== 58) return false;
    let first = colon + 1;
    while (first < lineEnd && isBlank(text.charCodeAt(first))) first++;
    let last = lineEnd;
    while (last > first && isBlank(text.charCodeAt(last - 1))) last--;
    for (let i = first; i < last; i++) if (!isFieldChar(text.charCodeAt(i))) return false;
    out.push(text.slice(start, colon), text.slice(first, last));
    start = lineEnd + 2;
  }
  return true;
}

function isBlank(code: number): boolean {
  return code === 32 || code === 9;
}

/** Everything but control characters; a tab is allowed, a bare CR or LF is not. */
function isFieldChar(code: number): boolean {
  return code >= 32 ? code !== 127 : code === 9;
}

function hasOption(list: string, option: string): boolean {
  return list.split(',').some((part) => part.trim() === option);
}

function keepAliveSeconds(value: string): number | undefined {
  const match = /(?:^|[,;\s])timeout\s*=\s*"?(\d{1,6})/i.exec(value);
  return match === null ? undefined : Number(match[1]);
}
