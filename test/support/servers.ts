/** The real servers that tests and benchmarks run against: where they are on this machine and which Debian package brings them. */
import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Program, or file that a Debian package brings, by the name a test asks for. */
interface Server {
  readonly debianPackages: readonly string[];
  /** Set when the thing is a file and not a program. */
  readonly file?: string;
}

const SERVERS = {
  'redis-server': { debianPackages: ['redis-server'] },
  'redis-cli': { debianPackages: ['redis-tools'] },
  openssl: { debianPackages: ['openssl'] },
  nginx: { debianPackages: ['nginx-light'] },
  prometheus: { debianPackages: ['prometheus'] },
  promtool: { debianPackages: ['prometheus'] },
  faketime: { debianPackages: ['faketime'] },
  etcd: { debianPackages: ['etcd-server'] },
  chromium: { debianPackages: ['chromium'] },
  etcdctl: { debianPackages: ['etcd-client'] },
  nft: { debianPackages: ['nftables'] },
  ip: { debianPackages: ['iproute2'] },
  // Of Grafana's own repository; used where it happens to be.
  'grafana-server': { debianPackages: ['grafana'] },
  haproxy: { debianPackages: ['haproxy'] },
  wrk: { debianPackages: ['wrk'] },
  'nginx-lua': {
    debianPackages: ['nginx-light', 'libnginx-mod-http-lua'],
    file: '/usr/lib/nginx/modules/ngx_http_lua_module.so',
  },
  'lua-nginx-redis': { debianPackages: ['lua-nginx-redis'], file: '/usr/share/lua/5.1/nginx/redis.lua' },
} as const satisfies Record<string, Server>;

export type ServerName = keyof typeof SERVERS;

/** What `npm test` needs. */
export const TEST_SERVERS: readonly ServerName[] = [
  'redis-server',
  'redis-cli',
  'openssl',
  'nginx',
  'haproxy',
  'prometheus',
  'promtool',
  'faketime',
  'etcd',
  'etcdctl',
  'chromium',
];

/** What `npm run test:faults` needs beside those. */
export const FAULT_SERVERS: readonly ServerName[] = ['nft', 'ip'];

/** What `npm run bench` needs. */
export const BENCH_SERVERS: readonly ServerName[] = [
  'redis-server',
  'redis-cli',
  'nginx',
  'nginx-lua',
  'lua-nginx-redis',
  'haproxy',
  'wrk',
];

/** Daemons live in sbin, which is not on every user's PATH. */
const SEARCH = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The path of a server's program (or file); undefined when this machine has none. */
export function findServer(name: ServerName): string | undefined {
  const server: Server = SERVERS[name];
  const candidates = server.file === undefined ? SEARCH.map((folder) => join(folder, name)) : [server.file];
  return candidates.find((path) => isUsable(path, server.file === undefined ? constants.X_OK : constants.R_OK));
}

/** The path of a server's program (or file). Throws one line that says what to install. */
export function requireServer(name: ServerName): string {
  const path = findServer(name);
  if (path === undefined) throw new Error(whatToInstall([name]));
  return path;
}

/** The names among `wanted` that this machine lacks. */
export function missingServers(wanted: readonly ServerName[]): readonly ServerName[] {
  return wanted.filter((name) => findServer(name) === undefined);
}

/** Debian packages that bring `names`, each once. */
export function debianPackages(names: readonly ServerName[]): readonly string[] {
  return [...new Set(names.flatMap((name) => SERVERS[name].debianPackages))];
}

export function whatToInstall(names: readonly ServerName[]): string {
  return `missing on this machine: ${names.join(', ')}; install with: apt-get install --no-install-recommends ${debianPackages(names).join(' ')}`;
}

export function isServerName(name: string): name is ServerName {
  return Object.hasOwn(SERVERS, name);
}

function isUsable(path: string, mode: number): boolean {
  try {
    accessSync(path, mode);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
