import { canonicalIp } from '../../core/ip.ts';

/** A line that names no host. */
export interface HostListFault {
  /** From 1. */
  readonly line: number;
  readonly message: string;
  readonly hint: string;
}

export interface HostList {
  /** Each once, in the order of the lines. */
  readonly addresses: readonly string[];
  readonly faults: readonly HostListFault[];
}

const MAX_HOSTS = 16_384;
const NAME = /^[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9_])?$/;
const SHOWN = 60;

/** One `host:port` a line, IPv6 in brackets; `#` starts a comment. Lines that name no host are left out, and told of. */
export function parseHostList(text: string): HostList {
  const addresses = new Set<string>();
  const faults: HostListFault[] = [];
  for (const [i, raw] of text
    .replace(/^\uFEFF/, '')
    .split(/\r\n|\r|\n/)
    .entries()) {
    const entry = raw.replace(/#.*$/, '').trim();
    if (entry === '') continue;
    const fault = (message: string, hint: string): void => void faults.push({ line: i + 1, message, hint });
    if (addresses.size >= MAX_HOSTS) {
      fault(`more than ${MAX_HOSTS} hosts`, 'this line and what follows is left out');
      break;
    }
    const read = readHost(entry);
    if ('address' in read) addresses.add(read.address);
    else fault(`${shown(entry)} ${read.message}`, read.hint);
  }
  return { addresses: [...addresses], faults };
}

function readHost(entry: string): { readonly address: string } | { readonly message: string; readonly hint: string } {
  const example = 'one host:port a line, for example 10.1.2.3:7946 or [2001:db8::1]:7946';
  const fault = (message: string, hint = example) => ({ message, hint });
  if (/[\s,;]/.test(entry)) return fault('is more than one host');
  if (entry.includes('://')) return fault('is a URL', `write ${entry.replace(/^.*?:\/\//, '').replace(/\/.*$/, '')}`);
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d+)$/.exec(entry);
  if (match === null) {
    const isBareV6 = canonicalIp(entry) !== undefined && entry.includes(':');
    if (isBareV6) return fault('has no port', `an IPv6 address stands in brackets: [${entry}]:7946`);
    if (/^[A-Za-z0-9_.-]+$/.test(entry)) return fault('has no port', `for example ${entry}:7946`);
    return fault('is not host:port');
  }
  const [, v6, v4orName, digits] = match;
  const port = Number(digits);
  if (port < 1 || port > 65_535) return fault(`has port ${digits}`, 'a port is 1 to 65535');
  if (v6 !== undefined) {
    const canonical = v6.includes(':') ? canonicalIp(v6) : undefined;
    if (canonical === undefined) return fault(`has no IPv6 address in its brackets`);
    return { address: canonical.includes(':') ? `[${canonical}]:${port}` : `${canonical}:${port}` };
  }
  const host = (v4orName ?? '').toLowerCase();
  const isSound = /^[0-9.]+$/.test(host) ? canonicalIp(host) !== undefined : NAME.test(host);
  return isSound ? { address: `${host}:${port}` } : fault('has no IP address or host name before its port');
}

function shown(entry: string): string {
  // What is printed must not steer a terminal.
  const plain = entry.replaceAll(/[^\x20-\x7e]/g, '?');
  return plain.length > SHOWN ? `"${plain.slice(0, SHOWN)}…"` : `"${plain}"`;
}
