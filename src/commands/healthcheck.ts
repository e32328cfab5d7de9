/** `sluice healthcheck`: asks a running gateway whether it takes requests. For images without a shell or curl. */
import type { IncomingMessage } from 'node:http';
import { get } from 'node:http';
import { isWildcard, readAddress } from '../config/addresses.ts';
import type { AdminAddress } from '../config/admin-address.ts';
import type { Address } from '../config/types.ts';
import { systemClock } from '../core/clock.ts';
import { reasonOf, SluiceError } from '../core/errors.ts';
import { print } from './output.ts';

export interface HealthcheckFlags {
  readonly admin?: string;
  readonly config?: string;
}

/** Where the admin listener is when nobody says otherwise. */
const DEFAULT_ADDRESS: Address = { host: '127.0.0.1', port: 9090 };
/** Below the time after which a container's runtime gives up on a check. */
const PATIENCE_MS = 3_000;
/** Longest answer that is looked at; a health check's is under a hundred bytes. */
const MAX_BODY_BYTES = 16 * 1024;

/**
 * Asks `GET /readyz` and prints one line: on standard output when the gateway takes requests, on standard error when it
 * drains, does not answer within 3 s, or is not there. Returns the exit code, 0 or 1.
 * @throws SluiceError SLUICE_USAGE when `--admin` is no address
 */
export async function healthcheckCommand(flags: HealthcheckFlags): Promise<number> {
  const found = await whereToAsk(flags);
  if ('problem' in found) return unhealthy(found.problem);
  const url = `http://${hostOf(found.address)}:${found.address.port}/readyz`;
  try {
    const { status, body } = await ask(url);
    if (status !== 200) return unhealthy(`${url} answered ${status}${detailOf(body)}`);
    await print(`healthy: ${url} answered 200\n`);
    return 0;
  } catch (error) {
    return unhealthy(`${url} cannot be reached: ${reasonOf(error)}`);
  }
}

async function whereToAsk(flags: HealthcheckFlags): Promise<AdminAddress> {
  if (flags.config !== undefined) {
    // The schema takes longer to load than the whole check takes without it.
    const { adminAddressOf } = await import('../config/admin-address.ts');
    return adminAddressOf(flags.config, process.env);
  }
  if (flags.admin === undefined) return { address: DEFAULT_ADDRESS };
  const reading = readAddress(flags.admin);
  if ('value' in reading && reading.value.port !== 0) return { address: reading.value };
  const why = 'problem' in reading ? reading.problem.message : 'port 0 is nobody’s';
  throw new SluiceError('SLUICE_USAGE', `--admin: ${why} (host:port, for example 127.0.0.1:9090)`);
}

/** A listener on every address is asked on loopback. */
function hostOf({ host }: Address): string {
  if (isWildcard(host)) return host.includes(':') ? '[::1]' : '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

function unhealthy(why: string): number {
  process.stderr.write(`unhealthy: ${why}\n`);
  return 1;
}

/** The Host is `localhost` because a listener without a token answers no other names. */
function ask(url: string): Promise<{ readonly status: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const request = get(url, { headers: { host: 'localhost' }, agent: false }, (response) => {
      read(response).then((body) => resolve({ status: response.statusCode ?? 0, body }), reject);
    });
    request.on('error', reject);
    const late = systemClock.after(PATIENCE_MS, () => request.destroy(new Error(`no answer within ${PATIENCE_MS} ms`)));
    request.on('close', () => late.cancel());
  });
}

async function read(response: IncomingMessage): Promise<string> {
  let body = '';
  for await (const piece of response.setEncoding('utf8')) {
    if (body.length < MAX_BODY_BYTES) body += String(piece);
  }
  return body;
}

/** What a problem document says, as an end of a line. */
function detailOf(body: string): string {
  try {
    const { detail } = JSON.parse(body) as { detail?: unknown };
    return typeof detail === 'string' ? `: ${detail.replaceAll(/\s+/g, ' ').slice(0, 200)}` : '';
  } catch {
    return '';
  }
}
