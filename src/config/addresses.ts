import ipaddr from 'ipaddr.js';
import type { Problem } from './faults.ts';
import type { Address } from './types.ts';

/** Reading addresses, address blocks and URLs. Each returns a value, or the problem; messages never show credentials. */
export type Reading<T> = { readonly value: T } | { readonly problem: Problem };

const HOST = /^[A-Za-z0-9_](?:[A-Za-z0-9_.-]{0,251}[A-Za-z0-9_])?$/;

/** `host:port`, `[ipv6]:port`; port 0 asks the system for a free one. */
export function readAddress(text: string): Reading<Address> {
  const hint = '127.0.0.1:8080 for this machine only, 0.0.0.0:8080 or "[::]:8080" for everybody';
  const fault = (message: string): Reading<Address> => ({ problem: { code: 'bad-address', message, hint } });
  const match = /^(?:\[([^\]]*)\]|([^:[\]]*)):(\d{1,6})$/.exec(text);
  if (match === null) return fault(`"${text}" is not an address to listen on`);
  const [, v6, name, digits] = match;
  const port = Number(digits);
  if (port > 65_535) return fault(`port ${port} does not exist; the highest is 65535`);
  if (v6 !== undefined) {
    return ipaddr.IPv6.isValid(v6) ? { value: { host: v6, port } } : fault(`"${v6}" is not an IPv6 address`);
  }
  if (name === undefined || name === '') return fault(`"${text}" has no host`);
  const numeric = /^[0-9.]+$/.test(name);
  const valid = numeric ? ipaddr.IPv4.isValidFourPartDecimal(name) : HOST.test(name);
  return valid ? { value: { host: name, port } } : fault(`"${name}" is not an IP address or host name`);
}

/** `host:port` of a server to connect to. */
export function readNode(text: string): Reading<Address> {
  const reading = readAddress(text);
  if ('value' in reading && reading.value.port !== 0) return reading;
  const message =
    'problem' in reading ? `"${withoutCredentials(text)}" is not the address of a sentinel` : 'port 0 is nobody’s';
  return { problem: { code: 'bad-node', message, hint: 'host:port, for example 10.0.0.1:26379' } };
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address; comes back as a block. */
export function readCidr(text: string): Reading<string> {
  const hint = 'a block is 10.0.0.0/8 or 2001:db8::/32; one address may stand alone';
  const fault = (message: string, better = hint): Reading<string> => ({
    problem: { code: 'bad-cidr', message, hint: better },
  });
  const slash = text.indexOf('/');
  const base = slash < 0 ? text : text.slice(0, slash);
  const bits = slash < 0 ? undefined : text.slice(slash + 1);
  const v4 = ipaddr.IPv4.isValidFourPartDecimal(base);
  if (!v4 && (!base.includes(':') || base.includes('%') || !ipaddr.IPv6.isValid(base))) {
    return fault(`"${text}" is not an address block`);
  }
  const size = v4 ? 32 : 128;
  const length = bits === undefined ? size : Number(bits);
  if (bits !== undefined && (!/^\d{1,3}$/.test(bits) || length > size)) {
    return fault(`"${text}" has a prefix length that is not 0 to ${size}`);
  }
  const address = ipaddr.parse(base);
  if (address instanceof ipaddr.IPv6 && address.isIPv4MappedAddress()) {
    return fault(
      `"${text}" is an IPv4 address written as IPv6`,
      'client addresses are compared as IPv4: write it as IPv4',
    );
  }
  const network = (v4 ? ipaddr.IPv4 : ipaddr.IPv6).networkAddressFromCIDR(`${base}/${length}`).toString();
  if (network !== address.toString()) {
    return fault(
      `"${text}" has bits set after its prefix`,
      `${network}/${length} is the block, ${base} the one address`,
    );
  }
  return { value: `${network}/${length}` };
}

/** `http://host:port` or `https://host:port`, nothing after it. */
export function readServer(text: string): Reading<string> {
  const fault = (message: string, hint = 'a server is http://host:port or https://host:port'): Reading<string> => ({
    problem: { code: 'bad-server', message, hint },
  });
  const shown = `"${withoutCredentials(text)}"`;
  if (!/^https?:\/\//i.test(text)) {
    const bare = /^[A-Za-z0-9_.-]+(?::\d+)?$/.test(text);
    return fault(`${shown} does not start with http:// or https://`, bare ? `did you mean http://${text}?` : undefined);
  }
  const url = URL.parse(text);
  if (url === null || url.hostname === '' || /\s/.test(text)) return fault(`${shown} is not a URL`);
  if (url.username !== '' || url.password !== '') {
    return fault(`${shown} has credentials`, 'credentials in an upstream URL would be ignored; remove them');
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return fault(`${shown} has a path`, `write ${url.origin}; the path of the request is sent on as it is`);
  }
  if (url.port === '0') return fault(`${shown} has port 0`);
  return { value: url.origin };
}

/** `http://host[:port]` or `https://host[:port]` of an etcd member; comes back with its port. */
export function readEtcdUrl(text: string): Reading<string> {
  const fault = (message: string, hint = 'http://host:2379, or https://host:2379 for TLS'): Reading<string> => ({
    problem: { code: 'bad-etcd-url', message, hint },
  });
  const shown = `"${withoutCredentials(text)}"`;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '' || /\s/.test(text)) {
    return fault(`${shown} is not the URL of an etcd member`);
  }
  if (url.username !== '' || url.password !== '') {
    return fault(`${shown} has credentials`, 'write etcd.username and etcd.password');
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') return fault(`${shown} has a path`);
  if (url.port === '0') return fault(`${shown} has port 0`);
  // A URL leaves out the port that its scheme implies, written or not.
  const implied = /:(?:80|443)\/?$/.exec(text)?.[0].replace('/', '');
  return { value: url.port === '' ? `${url.origin}${implied ?? ':2379'}` : url.origin };
}

/** `http://host:port`, perhaps with a path, of a collector; comes back without a slash at its end. */
export function readCollectorUrl(text: string): Reading<string> {
  const fault = (message: string, hint = 'http://host:4318'): Reading<string> => ({
    problem: { code: 'bad-collector', message, hint },
  });
  const shown = `"${withoutCredentials(text)}"`;
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol) || url.hostname === '' || /\s/.test(text)) {
    return fault(`${shown} is not the URL of a collector`);
  }
  if (url.username !== '' || url.password !== '') return fault(`${shown} has credentials`, 'write tracing.headers');
  if (url.search !== '' || url.hash !== '')
    return fault('the URL of the collector has a query or a fragment', 'a key goes into tracing.headers');
  if (url.port === '0') return fault(`${shown} has port 0`);
  const path = url.pathname.replace(/\/+$/, '');
  if (path.endsWith('/v1/traces')) return fault(`${shown} ends in what is added to it`, 'leave /v1/traces out');
  return { value: url.origin + path };
}

/** A name to look up, and the port of the hosts behind it where it is not the one of `peers.advertise`. */
export interface DnsName {
  readonly name: string;
  readonly port: number | undefined;
}

/** `name` or `name:port`. */
export function readDnsName(text: string): Reading<DnsName> {
  const match = /^([^:]+)(?::(\d{1,5}))?$/.exec(text);
  const [, name = '', digits] = match ?? [];
  const port = digits === undefined ? undefined : Number(digits);
  const sound = HOST.test(name.replace(/\.$/, '')) && !/^[0-9.]+$/.test(name);
  if (sound && (port === undefined || (port > 0 && port <= 65_535))) return { value: { name, port } };
  const hint = 'a name that has the addresses of all hosts, or name:port';
  return { problem: { code: 'bad-dns-name', message: `"${text}" is not a DNS name`, hint } };
}

/** `text` with `user:password@` taken out. */
export function withoutCredentials(text: string): string {
  return text.replace(/^([a-z][a-z0-9+.-]*:\/\/)?[^/?#]*@/i, '$1***@');
}

/** Whether only this machine can reach a listener on `host`. */
export function isLoopback(host: string): boolean {
  return (
    host === 'localhost' || /^127\.\d+\.\d+\.\d+$/.test(host) || (host.includes(':') && canonicalHost(host) === '::1')
  );
}

/** Whether a listener on `host` takes every address of this machine. */
export function isWildcard(host: string): boolean {
  const canonical = canonicalHost(host);
  return canonical === '0.0.0.0' || canonical === '::';
}

/** One spelling for one address; names in lower case, `localhost` as the address it nearly always is. */
export function canonicalHost(host: string): string {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  if (bare === 'localhost') return '127.0.0.1';
  return bare.includes(':') && ipaddr.isValid(bare) ? ipaddr.parse(bare).toString() : bare;
}
