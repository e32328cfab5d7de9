/** The common and combined formats of Apache and nginx, and what is often added to them. */
import { canonicalIp } from '../../core/ip.ts';
import type { ReadLine } from './log-entry.ts';
import { NO_NAMES } from './log-entry.ts';
import { parseLogTime } from './log-time.ts';

const COMBINED: ReadonlySet<string> = new Set(['referer', 'user-agent']);
const WITH_FORWARDED: ReadonlySet<string> = new Set([...COMBINED, 'x-forwarded-for']);
const REQUEST_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+)(?: HTTP\/\d(?:\.\d)?)?$/;
/** What an nginx of default settings appends: the X-Forwarded-For field. */
const ADDRESSES = /^(?:-|[0-9a-fA-F.:,[\] ]+)$/;
/** Traefik's common format ends with how long the request took. */
const DURATION = / (\d{1,9})ms\s*$/;

/**
 * `ADDRESS - USER [TIME] "METHOD TARGET HTTP/1.1" STATUS BYTES "REFERER" "USER AGENT"`, also without the last two, with more
 * after them, and with `VHOST:PORT` before them.
 */
export function readCombinedLine(line: string): ReadLine {
  const open = line.indexOf(' [');
  const close = line.indexOf('] "', open);
  if (open === -1 || close === -1) return { fault: 'neither JSON nor the combined format: no [time] "request" in it' };
  const who = addressIn(line.slice(0, open));
  if (who === undefined) return { fault: 'it begins with no address' };
  const time = parseLogTime(line.slice(open + 2, close));
  if (time === undefined) return { fault: `no time: [${line.slice(open + 2, close).slice(0, 40)}]` };
  const request = quoted(line, close + 2);
  if (request === undefined) return { fault: 'its "request" has no end' };
  const [, method, target] = REQUEST_LINE.exec(request.text) ?? [];
  if (method === undefined || target === undefined) {
    return { fault: `no request was understood: "${request.text.slice(0, 40)}"` };
  }
  const rest = line.slice(request.end);
  const status = /^ (\d{3})\b/.exec(rest)?.[1];
  const referer = quoted(line, line.indexOf('"', request.end));
  const agent = referer === undefined ? undefined : quoted(line, referer.end + 1);
  const forwarded = agent === undefined ? undefined : quoted(line, agent.end + 1);
  const hasForwarded = forwarded !== undefined && ADDRESSES.test(forwarded.text);
  const took = DURATION.exec(rest)?.[1];
  const headers: Record<string, string> = {};
  if (referer !== undefined && agent !== undefined) {
    put(headers, 'referer', referer.text);
    put(headers, 'user-agent', agent.text);
  }
  if (hasForwarded) put(headers, 'x-forwarded-for', forwarded.text);
  return {
    entry: {
      atMs: time.ms,
      wholeSecond: time.wholeSecond,
      durationMs: took === undefined ? undefined : Number(took),
      client: who.address,
      method: method.toUpperCase(),
      target,
      host: who.host,
      status: status === undefined ? undefined : Number(status),
      headers,
      known: agent === undefined ? NO_NAMES : hasForwarded ? WITH_FORWARDED : COMBINED,
      masked: NO_NAMES,
      hasQuery: true,
    },
  };
}

/** The address is the first word, or the second after a virtual host. The user's name, last, may hold spaces. */
function addressIn(text: string): { address: string; host: string | undefined } | undefined {
  const [first = '', second = ''] = text.split(' ', 2);
  const address = canonicalIp(first);
  if (address !== undefined) return { address, host: undefined };
  const after = canonicalIp(second);
  return after === undefined ? undefined : { address: after, host: first };
}

function put(headers: Record<string, string>, name: string, value: string): void {
  if (value !== '-' && value !== '') headers[name] = value;
}

/** The text between the quote at `start` and the next one that is not escaped. */
function quoted(line: string, start: number): { text: string; end: number } | undefined {
  if (start < 0 || line.charCodeAt(start) !== 34) return undefined;
  for (let i = start + 1; i < line.length; i++) {
    const c = line.charCodeAt(i);
    if (c === 92) i += 1;
    else if (c === 34) return { text: unescaped(line.slice(start + 1, i)), end: i + 1 };
  }
  return undefined;
}

/** `\xHH` of nginx and Apache, and C's escapes of Apache. */
function unescaped(text: string): string {
  if (!text.includes('\\')) return text;
  return text.replace(/\\(?:x([0-9A-Fa-f]{2})|(.))/g, (_, hex: string | undefined, character: string | undefined) =>
    hex === undefined ? (character ?? '') : String.fromCharCode(Number.parseInt(hex, 16)),
  );
}
