/** Access logs as JSON lines: Sluice's own, and those of nginx, Caddy, Traefik and Envoy by the names they usually have. */
import { canonicalIp } from '../../core/ip.ts';
import type { ReadLine } from './log-entry.ts';
import { NO_NAMES } from './log-entry.ts';
import type { LogTime } from './log-time.ts';
import { logTimeOf, parseLogTime } from './log-time.ts';

type Fields = Readonly<Record<string, unknown>>;

/** When requests began; all others are when they were logged. */
const STARTED = ['StartUTC', 'StartLocal', 'start_time'];
/** The finer ones first. */
const LOGGED = ['msec', 'ts', 'time_iso8601', 'time_local', 'timestamp', '@timestamp', 'time', 'datetime', 'date'];
const CLIENT = [
  ...['remote_addr', 'remote_ip', 'client_ip', 'client', 'ClientHost', 'ClientAddr', 'clientip'],
  ...['downstream_remote_address', 'remote_address', 'remote', 'ip'],
];
const METHOD = ['request_method', 'method', 'RequestMethod', 'http_method', 'verb'];
const TARGET = ['request_uri', 'RequestPath', 'uri', 'path', 'url'];
const HOST = ['http_host', 'RequestHost', 'authority', ':authority', 'vhost', 'server_name', 'host'];
const STATUS = ['status', 'DownstreamStatus', 'response_code', 'status_code', 'statusCode'];
const HEADERS = ['request_headers', 'req_headers', 'headers'];
const USUAL: Readonly<Record<string, string>> = {
  user_agent: 'user-agent',
  http_user_agent: 'user-agent',
  referer: 'referer',
  http_referrer: 'referer',
  x_forwarded_for: 'x-forwarded-for',
};
/** What stands for a value that is not shown: Caddy's and Traefik's word. */
const MASK = /^(?:REDACTED|\[REDACTED\]|<redacted>)$/i;
const REQUEST_LINE = /^(\S+) (\S+)(?: HTTP\/\S+)?$/;

/** @param line text that begins with `{` */
export function readJsonLine(line: string): ReadLine {
  let parsed: unknown;
  try {
    parsed = JSON.parse(line);
  } catch {
    return { fault: 'it begins like JSON and is none' };
  }
  if (!isFields(parsed)) return { fault: 'it is no JSON object' };
  const inner = parsed['request'];
  const fields = isFields(inner) ? { ...parsed, ...inner, logged: parsed } : parsed;
  const [, lineMethod, lineTarget] = typeof inner === 'string' ? (REQUEST_LINE.exec(inner) ?? []) : [];
  const method = lineMethod ?? textOf(fields, METHOD);
  if (method === undefined && typeof inner !== 'string') return 'other';
  const target = lineTarget ?? targetOf(fields);
  if (method === undefined || target === undefined)
    return { fault: 'no request was understood: it has no method or no path' };
  const client = clientOf(fields);
  if (client === undefined) return { fault: `no address of a client (looked for ${CLIENT.slice(0, 5).join(', ')}, …)` };
  const started = timeOf(fields, STARTED);
  const time = started ?? timeOf(fields, LOGGED);
  if (time === undefined) return { fault: 'no time (looked for time, ts, msec, timestamp, StartUTC, …)' };
  const durationMs = durationOf(fields, parsed !== fields);
  const { headers, known, masked } = headersOf(fields);
  const isOurs = typeof parsed['outcome'] === 'string' && typeof parsed['durationMs'] === 'number';
  // Whole seconds minus milliseconds would pretend to be finer than they are.
  const back = started === undefined && !time.wholeSecond ? (durationMs ?? 0) : 0;
  return {
    entry: {
      atMs: time.ms - back,
      wholeSecond: time.wholeSecond,
      durationMs,
      client,
      method: method.toUpperCase(),
      target,
      host: hostOf(fields),
      status: Number(textOf(fields, STATUS)) || undefined,
      headers,
      known,
      masked,
      // Our own log holds paths without their queries.
      hasQuery: !isOurs,
    },
  };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The first that is there, as text; `-` and nothing are nothing. */
function textOf(fields: Fields, names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = fields[name];
    const text = typeof value === 'number' ? String(value) : value;
    if (typeof text === 'string' && text !== '' && text !== '-') return text;
  }
  return undefined;
}

function timeOf(fields: Fields, names: readonly string[]): LogTime | undefined {
  for (const name of names) {
    const value = fields[name];
    const time =
      typeof value === 'number' ? logTimeOf(value) : typeof value === 'string' ? parseLogTime(value) : undefined;
    if (time !== undefined) return time;
  }
  return undefined;
}

/** Path and query; of an absolute URL what follows its host. */
function targetOf(fields: Fields): string | undefined {
  const target = textOf(fields, TARGET);
  if (target === undefined) return undefined;
  if (!target.startsWith('/') && target !== '*' && !/^https?:\/\//i.test(target)) return undefined;
  const query = target.includes('?') ? undefined : textOf(fields, ['args', 'query_string', 'query']);
  return query === undefined ? target : `${target}?${query.replace(/^\?/, '')}`;
}

function clientOf(fields: Fields): string | undefined {
  for (const name of CLIENT) {
    const text = textOf(fields, [name]);
    if (text === undefined) continue;
    // `1.2.3.4:5678`, `[::1]:5678`
    const bare =
      /^\[(.+)\](?::\d+)?$/.exec(text)?.[1] ?? (/^[\d.]+:\d+$/.test(text) ? text.slice(0, text.indexOf(':')) : text);
    const address = canonicalIp(bare);
    if (address !== undefined) return address;
  }
  return undefined;
}

/** Shippers put the machine's name under `host`: an object is none of ours. */
function hostOf(fields: Fields): string | undefined {
  const host = textOf(fields, HOST);
  return host === '_' ? undefined : host;
}

/** @param caddy whether the request is an object of its own */
function durationOf(fields: Fields, caddy: boolean): number | undefined {
  const number = (name: string): number | undefined => {
    const value = fields[name];
    const read = typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
    return typeof read === 'number' && Number.isFinite(read) && read >= 0 ? read : undefined;
  };
  const scaled = (name: string, unit: number): number | undefined => {
    const value = number(name);
    return value === undefined ? undefined : value * unit;
  };
  return (
    number('durationMs') ??
    number('duration_ms') ??
    scaled('request_time', 1_000) ??
    scaled('Duration', 1e-6) ??
    // Caddy counts seconds, Envoy (which says when the request began) milliseconds; others may mean anything.
    (caddy ? scaled('duration', 1_000) : Object.hasOwn(fields, 'start_time') ? number('duration') : undefined)
  );
}

function headersOf(fields: Fields): {
  headers: Record<string, string>;
  known: 'all' | ReadonlySet<string>;
  masked: ReadonlySet<string>;
} {
  const headers: Record<string, string> = {};
  const known = new Set<string>();
  let masked: Set<string> | undefined;
  const put = (name: string, value: unknown): void => {
    known.add(name);
    const text = Array.isArray(value) ? value.filter((each) => typeof each === 'string').join(', ') : value;
    if (typeof text !== 'string' || text === '' || text === '-') return;
    if (MASK.test(text)) {
      masked ??= new Set();
      masked.add(name);
    } else headers[name] = text;
  };
  for (const [name, value] of Object.entries(fields)) {
    const usual = Object.hasOwn(USUAL, name) ? USUAL[name] : undefined;
    if (usual !== undefined) put(usual, value);
    else if (name.startsWith('http_') && !METHOD.includes(name))
      put(name.slice(5).replaceAll('_', '-').toLowerCase(), value);
    else if (/^request_[A-Z]/.test(name)) put(name.slice(8).toLowerCase(), value);
  }
  const whole = HEADERS.map((name) => fields[name]).find(isFields);
  for (const [name, value] of Object.entries(whole ?? {})) put(name.toLowerCase(), value);
  return { headers, known: whole === undefined ? known : 'all', masked: masked ?? NO_NAMES };
}
