/** The commands that look at a configuration without running it. */
import { checkFile } from '../config/check.ts';
import { formatFault } from '../config/faults.ts';
import { printedSchema } from '../config/json-schema.ts';
import { loadConfigFile } from '../config/load.ts';
import { SluiceError } from '../core/errors.ts';
import type { Explanation } from '../limiter/explanation.ts';
import { explainOffline } from './explain-offline.ts';
import { print } from './output.ts';

export interface ExplainFlags {
  readonly config: string;
  readonly request: string;
  /** `name: value` lines. */
  readonly header: readonly string[];
  readonly clientIp: string;
  readonly json?: boolean;
}

/** `sluice check FILE`: prints every fault, or that there is none. Returns the exit code. */
export async function checkCommand(file: string): Promise<number> {
  const { lines, exitCode } = checkFile(file, process.env);
  const text = `${lines.join('\n')}\n`;
  if (exitCode === 0) await print(text);
  else process.stderr.write(text);
  return exitCode;
}

/** `sluice schema` */
export async function schemaCommand(): Promise<number> {
  await print(`${printedSchema()}\n`);
  return 0;
}

/**
 * `sluice explain`: prints route, limits and keys of one request.
 * @throws SluiceError SLUICE_USAGE when the method, the URL, a header or the address is none
 */
export async function explainCommand(url: string, flags: ExplainFlags): Promise<number> {
  const loaded = loadConfigFile(flags.config, process.env);
  if ('faults' in loaded) {
    process.stderr.write(`${loaded.faults.map(formatFault).join('\n')}\n`);
    return 1;
  }
  const request = { method: methodOf(flags.request), url: absolute(url), clientIp: flags.clientIp };
  const explanation = explainOffline(loaded.config, { ...request, headers: parseHeaders(flags.header) });
  await print(flags.json === true ? `${JSON.stringify(explanation, undefined, 2)}\n` : describe(explanation));
  return 0;
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What a field value may hold, tabs included (RFC 9110, section 5.5). */
const FIELD_VALUE = /^[\t\x20-\x7e\x80-\u{10ffff}]*$/u;

function methodOf(text: string): string {
  if (!TOKEN.test(text)) usage(`-X ${JSON.stringify(text)} is not a method`);
  return text.toUpperCase();
}

/** The URL with its scheme, as the request would be sent to the gateway. */
function absolute(url: string): string {
  const shown = JSON.stringify(url);
  if (url.startsWith('/')) usage(`${shown} has no host (write http://localhost${url})`);
  if (/^(?!https?:)[a-z][a-z0-9+.-]*:\/\//i.test(url)) usage(`${shown} is not an http URL`);
  const text = /^https?:\/\//i.test(url) ? url : `http://${url}`;
  if (!URL.canParse(text)) usage(`${shown} is not a URL`);
  return text;
}

function parseHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, Math.max(0, colon)).trim().toLowerCase();
    const value = line.slice(colon + 1).trim();
    if (!TOKEN.test(name) || !FIELD_VALUE.test(value)) {
      usage(`-H ${JSON.stringify(line)} is not a header (write -H 'name: value')`);
    }
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return headers;
}

function usage(message: string): never {
  throw new SluiceError('SLUICE_USAGE', message);
}

function describe(explanation: Explanation): string {
  const { method, host, path, clientIp, route, upstream, limits } = explanation;
  const lines = [
    `request   ${method} ${path}${host === '' ? '' : ` on ${host}`} from ${clientIp}`,
    `route     ${route ?? 'none: it would be answered 404'}`,
    ...(upstream === undefined ? [] : [`upstream  ${upstream}`]),
  ];
  if (route !== undefined && limits.length === 0) lines.push('limits    none');
  for (const limit of limits) {
    const mode = limit.mode === 'shadow' ? ', shadow: never rejects' : '';
    lines.push('', `limit     ${limit.limit} (${limit.sharing}, on failure ${limit.onFailure}${mode})`);
    if (!limit.applies) lines.push(`  does not apply: ${limit.why ?? ''}`);
    if (limit.key !== undefined) lines.push(`  key      ${limit.key}`);
    if (limit.override !== undefined) lines.push(`  override ${limit.override}`);
    if (limit.applies) {
      for (const policy of limit.policies) lines.push(`  policy   ${policy}`);
      lines.push(`  cost     ${limit.cost}`);
      for (const counter of limit.counters) lines.push(`  counter  ${counter}`);
    }
  }
  return `${lines.join('\n')}\n`;
}
