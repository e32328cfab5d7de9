import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { reasonOf, SluiceError } from '../../core/errors.ts';

export interface HostPort {
  /** An address without brackets, or a name. */
  readonly host: string;
  readonly port: number;
}

const HOST_PORT = /^(?:\[([0-9A-Fa-f:.]+(?:%[\w.-]+)?)\]|([^\s:[\]/]{1,253})):(\d{1,5})$/;

/** `10.0.0.1:7946`, `[fd00::1]:7946`, `gateway-1.example:7946`; undefined when the text is none of them. */
export function parseHostPort(text: string): HostPort | undefined {
  const match = HOST_PORT.exec(text);
  const [, v6, name, digits] = match ?? [];
  const port = Number(digits);
  const host = v6 ?? name;
  if (host === undefined || !(port >= 1 && port <= 65_535)) return undefined;
  return v6 !== undefined && isIP(v6) !== 6 ? undefined : { host, port };
}

export function hostPortText({ host, port }: HostPort): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** The address to bind for `listen.host`, which may be a name. @throws SluiceError SLUICE_LISTEN */
export async function addressToBind(listen: HostPort): Promise<string> {
  if (isIP(listen.host) !== 0) return listen.host;
  try {
    return (await lookup(listen.host)).address;
  } catch (error) {
    throw cannotListen(listen, error);
  }
}

/** In one line, why an address cannot be listened on. */
export function cannotListen(listen: HostPort, cause: unknown): SluiceError {
  const code = codeOf(cause);
  const why =
    code === 'EADDRINUSE'
      ? 'address in use (another Sluice? choose another with peers.listen)'
      : code === 'EADDRNOTAVAIL'
        ? 'this machine has no such address'
        : code === 'EACCES'
          ? 'not permitted (ports below 1024 need privileges)'
          : reasonOf(cause);
  return new SluiceError('SLUICE_LISTEN', `cannot listen for peers on ${hostPortText(listen)}: ${why}`, { cause });
}

/** The system's word for what went wrong, such as `ECONNREFUSED`; when several addresses were tried, theirs if all agree. */
export function codeOf(error: unknown): string | undefined {
  if (error instanceof AggregateError) {
    const codes = new Set(error.errors.map(codeOf));
    return codes.size === 1 ? [...codes][0] : undefined;
  }
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}
