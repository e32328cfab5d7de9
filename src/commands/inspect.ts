/** The commands that look at a configuration without running it. */
import { checkFile } from '../config/check.ts';
import { formatFault } from '../config/faults.ts';
import { printedSchema } from '../config/json-schema.ts';
import { loadConfigFile } from '../config/load.ts';
import { SluiceError } from '../core/errors.ts';
import type { Explanation } from '../limiter/explanation.ts';
import { explainOffline } from './explain-offline.ts';

export interface ExplainFlags {
  readonly config: string;
  readonly request: string;
  /** `name: value` lines. */
  readonly header: readonly string[];
  readonly clientIp: string;
  readonly json?: boolean;
}

/** `sluice check FILE`: prints every fault, or that there is none. Returns the exit code. */
export function checkCommand(file: string): number {
  const { lines, exitCode } = checkFile(file, process.env);
  const stream = exitCode === 0 ? process.stdout : process.stderr;
  stream.write(`${lines.join('\n')}\n`);
  return exitCode;
}

/** `sluice schema` */
export function schemaCommand(): number {
  process.stdout.write(`${printedSchema()}\n`);
  return 0;
}

/**
 * `sluice explain`: prints route, limits and keys of one request.
 * @throws SluiceError SLUICE_USAGE when the URL, a header or the address is none
 */
export function explainCommand(url: string, flags: ExplainFlags): number {
  const loaded = loadConfigFile(flags.config, process.env);
  if ('faults' in loaded) {
    process.stderr.write(`${loaded.faults.map(formatFault).join('\n')}\n`);
    return 1;
  }
  const request = { method: flags.request.toUpperCase(), url: absolute(url), clientIp: flags.clientIp };
  const explanation = explainOffline(loaded.config, { ...request, headers: parseHeaders(flags.header) });
  process.stdout.write(flags.json === true ? `${JSON.stringify(explanation, undefined, 2)}\n` : describe(explanation));
  return 0;
}

function absolute(url: string): string {
  const text = /^https?:\/\//i.test(url) ? url : `http://${url}`;
  if (!URL.canParse(text)) throw new SluiceError('SLUICE_USAGE', `"${url}" is not a URL`);
  return text;
}

function parseHeaders(lines: readonly string[]): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const line of lines) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim().toLowerCase();
    if (colon < 1 || !/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) {
      throw new SluiceError('SLUICE_USAGE', `-H "${line}" is not a header (write -H 'name: value')`);
    }
    const value = line.slice(colon + 1).trim();
    headers[name] = headers[name] === undefined ? value : `${headers[name]}, ${value}`;
  }
  return headers;
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
