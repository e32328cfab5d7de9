/** A real HAProxy for one test: a list of servers, each found and left by a health check of its own; ended with the test. */
import { once } from 'node:events';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port.ts';
import { startReadyServer } from './ready-server.ts';
import { requireServer } from './servers.ts';

export interface BalancedServer {
  /** What the balancer calls it; a request with `X-Server: NAME` goes there as long as it is up. */
  readonly name: string;
  readonly port: number;
  /** Where its `GET /readyz` is answered. */
  readonly adminPort: number;
}

export interface Haproxy extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** What the balancer itself counts of a server. */
  stats(name: string): Promise<ServerStats>;
}

export interface ServerStats {
  readonly up: boolean;
  /** Requests that it has there now. */
  readonly current: number;
  readonly connectionErrors: number;
  readonly responseErrors: number;
}

const READY_WITHIN_MS = 10_000;

/** Nothing is ever sent twice here (`retries 0`, no redispatch): whatever the servers drop, the client sees. */
export async function startHaproxy(servers: readonly BalancedServer[], checkEveryMs: number): Promise<Haproxy> {
  const dir = mkdtempSync(join(tmpdir(), 'sluice-haproxy-'));
  const port = await freePort();
  const statsSocket = join(dir, 'stats');
  const config = join(dir, 'haproxy.cfg');
  const lines = servers.flatMap(({ name, port: to, adminPort }) => [
    `  use-server ${name} if { req.hdr(x-server) ${name} }`,
    `  server ${name} 127.0.0.1:${to} check addr 127.0.0.1 port ${adminPort} inter ${checkEveryMs} fall 2 rise 1 init-addr none`,
  ]);
  writeFileSync(
    config,
    `global
  nbthread 1
  stats socket ${statsSocket} mode 600 level user

defaults
  mode http
  retries 0
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  timeout check 2s

frontend in
  bind 127.0.0.1:${port}
  default_backend gateways

backend gateways
  balance roundrobin
  option httpchk GET /readyz
  http-check expect status 200
${lines.join('\n')}
`,
  );
  const server = await startReadyServer({
    name: 'haproxy',
    program: requireServer('haproxy'),
    args: ['-db', '-f', config],
    dir,
    ready: async () => (await ask(statsSocket, 'show info')) !== undefined,
    withinMs: READY_WITHIN_MS,
  });
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    stats: async (name) => statsOf((await ask(statsSocket, 'show stat')) ?? '', name),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** The answer to one command of the runtime API; undefined while nobody answers. */
async function ask(path: string, command: string): Promise<string | undefined> {
  const socket = connect(path);
  let text = '';
  socket.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  try {
    socket.end(`${command}\n`);
    await once(socket, 'close');
    return text === '' ? undefined : text;
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}

function statsOf(csv: string, name: string): ServerStats {
  const [header = '', ...rows] = csv.trim().split('\n');
  const names = header.replace(/^# /, '').split(',');
  const row = rows.map((line) => line.split(',')).find((cells) => cells[0] === 'gateways' && cells[1] === name);
  if (row === undefined) throw new Error(`haproxy knows no server ${name}`);
  const cell = (column: string): string => row[names.indexOf(column)] ?? '';
  return {
    up: cell('status').startsWith('UP'),
    current: Number(cell('scur')),
    connectionErrors: Number(cell('econ')),
    responseErrors: Number(cell('eresp')),
  };
}
