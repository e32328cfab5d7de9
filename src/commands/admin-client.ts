/** Asks the admin listener of a running gateway, for commands. */
import type { IncomingMessage } from 'node:http';
import { request } from 'node:http';
import { isWildcard, readAddress } from '../config/addresses.ts';
import type { Address } from '../config/types.ts';
import { systemClock } from '../core/clock.ts';
import { reasonOf, SluiceError } from '../core/errors.ts';

export interface AdminAnswer {
  readonly status: number;
  readonly body: string;
}

/** Where the admin listener is when nobody says otherwise. */
const DEFAULT_ADDRESS: Address = { host: '127.0.0.1', port: 9090 };
/** Below the time after which a container's runtime gives up on a check. */
const PATIENCE_MS = 3_000;
/** Longest answer that is read. */
const MAX_BODY_BYTES = 1024 * 1024;

/**
 * The address that `--admin` names; without it the usual one.
 * @throws SluiceError SLUICE_USAGE when it is no address
 */
export function adminFlag(text: string | undefined): Address {
  if (text === undefined) return DEFAULT_ADDRESS;
  const reading = readAddress(text);
  if ('value' in reading && reading.value.port !== 0) return reading.value;
  const why = 'problem' in reading ? reading.problem.message : 'port 0 is nobody’s';
  throw new SluiceError('SLUICE_USAGE', `--admin: ${why} (host:port, for example 127.0.0.1:9090)`);
}

/** A listener on every address is asked on loopback. */
export function adminUrl({ host, port }: Address): string {
  const name = isWildcard(host) ? (host.includes(':') ? '::1' : '127.0.0.1') : host;
  return `http://${name.includes(':') ? `[${name}]` : name}:${port}`;
}

/**
 * One GET on a connection of its own; rejects with an Error of one line when there is no answer within 3 s. The Host is
 * `localhost` because a listener without a token answers no other names.
 */
export async function askAdmin(url: string, token?: string): Promise<AdminAnswer> {
  const authorization = token === undefined ? {} : { authorization: `Bearer ${token}` };
  const { promise, resolve, reject } = Promise.withResolvers<AdminAnswer>();
  const asked = request(url, { headers: { host: 'localhost', ...authorization }, agent: false }, (response) => {
    read(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
  });
  asked.on('error', reject);
  const late = systemClock.after(PATIENCE_MS, () => asked.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
  asked.on('close', () => late.cancel());
  asked.end();
  try {
    return await promise;
  } catch (error) {
    throw new Error(`${url} cannot be reached: ${reasonOf(error)}`, { cause: error });
  }
}

async function read(response: IncomingMessage): Promise<string> {
  let body = '';
  for await (const piece of response.setEncoding('utf8')) {
    if (body.length < MAX_BODY_BYTES) body += String(piece);
  }
  return body;
}

/** What a problem document says, as an end of a line: `: detail (hint)`; empty when it is none. */
export function detailOf(body: string): string {
  try {
    const { detail, hint } = JSON.parse(body) as { detail?: unknown; hint?: unknown };
    if (typeof detail !== 'string') return '';
    const text = typeof hint === 'string' ? `${detail} (${hint})` : detail;
    return `: ${text.replaceAll(/\s+/g, ' ').slice(0, 300)}`;
  } catch {
    return '';
  }
}
