/** A real Redis and a real etcd, each on a port of its own of loopback, and a service behind the gateways. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { join } from 'node:path';
import { SluiceError } from '../../core/errors.ts';
import type { Way } from '../ways.ts';
import type { Processes, Running } from './processes.ts';
import { freePort, onPath } from './processes.ts';

export interface Server {
  readonly port: number;
  readonly running: Running;
}

/** @throws SluiceError SLUICE_USAGE that says what to install */
export function requireServers(ways: readonly Way[]): void {
  for (const [way, program, debian] of [
    ['redis', 'redis-server', 'redis-server'],
    ['leader', 'etcd', 'etcd-server'],
  ] as const) {
    if (!ways.includes(way) || onPath(program) !== undefined) continue;
    throw new SluiceError(
      'SLUICE_USAGE',
      `${program} is not on PATH, which --sharing ${way} needs (Debian: apt-get install ${debian})`,
    );
  }
}

export async function startRedis(processes: Processes): Promise<Server> {
  const port = await freePort();
  const args = ['--port', `${port}`, '--bind', '127.0.0.1', '--dir', processes.folder, '--save', ''];
  const running = processes.start('redis-server', onPath('redis-server') ?? 'redis-server', args);
  await processes.until(running, () => running.said().includes('Ready to accept connections'));
  return { port, running };
}

export async function startEtcd(processes: Processes): Promise<Server> {
  const [port, peerPort] = [await freePort(), await freePort()];
  const [client, peer] = [`http://127.0.0.1:${port}`, `http://127.0.0.1:${peerPort}`];
  const running = processes.start('etcd', onPath('etcd') ?? 'etcd', [
    ...['--name', 'lab', '--data-dir', join(processes.folder, 'etcd'), '--logger', 'zap', '--log-level', 'warn'],
    ...['--listen-client-urls', client, '--advertise-client-urls', client],
    ...['--listen-peer-urls', peer, '--initial-advertise-peer-urls', peer, '--initial-cluster', `lab=${peer}`],
    '--unsafe-no-fsync',
  ]);
  await processes.until(running, async () => {
    const answer = await fetch(`${client}/health`).catch(() => undefined);
    return answer !== undefined && (await answer.text()).includes('true');
  });
  return { port, running };
}

export interface Upstream {
  readonly url: string;
  close(): void;
}

/** Answers everything at once. */
export async function startUpstream(): Promise<Upstream> {
  const server = createServer((_, response) => response.end('ok'));
  server.keepAliveTimeout = 60_000;
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/** Bytes that Redis has received and sent since it started. */
export async function redisBytes(port: number): Promise<number> {
  const text = await ask(port, 'INFO stats', /total_net_output_bytes:\d+\r\n/);
  const value = (name: string): number => Number(new RegExp(`${name}:(\\d+)`).exec(text)?.[1] ?? 0);
  return value('total_net_input_bytes') + value('total_net_output_bytes');
}

async function ask(port: number, command: string, until: RegExp): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  socket.write(`${command}\r\n`);
  let text = '';
  for await (const part of socket) {
    text += String(part);
    if (until.test(text)) break;
  }
  socket.destroy();
  return text;
}
