/**
 * Mixed random traffic for a while: aborts, slow readers, big bodies, garbage, new connections. Says what it cost: memory, open files, answers.
 *
 * usage: npx node test/integration/soak.ts [SECONDS] [CLIENTS]
 *
 * Not a test of its own: run it by hand after changes to the data plane. Exits with 1 when something stays behind.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { argv, stdout } from 'node:process';
import { Readable } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { eventually } from '../support/eventually.ts';
import type { Gateway } from '../support/gateway-process.ts';
import { startGateway } from '../support/gateway-process.ts';
import { startUpstream } from '../support/http.ts';
import { metric } from '../support/metrics.ts';
import { startRedis } from '../support/redis.ts';

const SECONDS = Number(argv[2] ?? 60);
const CLIENTS = Number(argv[3] ?? 32);
const MIB = Buffer.alloc(1024 * 1024, 'x');

const pick = (n: number): number => Math.floor(Math.random() * n);
const rssMib = (pid: number): number =>
  Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024;
const openFiles = (pid: number): number => readdirSync(`/proc/${pid}/fd`).length;

await using redis = await startRedis();
await using upstream = await startUpstream(async (message, response) => {
  const { pathname } = new URL(message.url ?? '/', 'http://x');
  if (pathname.endsWith('/drop')) {
    response.writeHead(200, { 'content-length': MIB.length });
    response.write(MIB.subarray(0, 1000));
    setTimeout(() => message.socket.destroy(), pick(20));
    return;
  }
  if (pathname.endsWith('/slow')) await sleep(pick(200));
  if (pathname.endsWith('/early')) {
    response.writeHead(413).end('too much');
    return;
  }
  for await (const _ of message);
  response.end(pathname.endsWith('/big') ? MIB : 'ok');
});
await using gateway = await startGateway({
  config: {
    listen: '127.0.0.1:0',
    admin: { listen: '127.0.0.1:0' },
    log: { level: 'info', access: 0 },
    redis: { url: redis.url },
    upstreams: { app: { servers: [upstream.url] } },
    routes: [
      { match: { path: '/shared/*' }, upstream: 'app', limits: ['shared', 'flight'] },
      { match: { path: '/local/*' }, upstream: 'app', limits: ['local'] },
    ],
    limits: {
      shared: { key: 'header:x-api-key', rate: '40/1s', sharing: 'redis' },
      flight: { key: 'header:x-api-key', algorithm: 'concurrency', max: 3, sharing: 'redis' },
      local: { key: 'header:x-api-key', rate: ['40/1s', '1500/1m'], sharing: 'local' },
    },
  },
});

const seen = new Map<string, number>();
const note = (what: string): void => void seen.set(what, (seen.get(what) ?? 0) + 1);
const agent = new Agent({ connections: CLIENTS, pipelining: 1 });
const until = performance.now() + SECONDS * 1_000;

async function client(): Promise<void> {
  while (performance.now() < until) {
    try {
      const action = ACTIONS[pick(ACTIONS.length)];
      await action?.();
    } catch (error) {
      note(error instanceof Error ? ('code' in error ? String(error.code) : error.name) : 'thrown');
    }
  }
}

function ask(ends: readonly string[]): { url: string; headers: Record<string, string> } {
  const path = `/${pick(2) === 0 ? 'shared' : 'local'}/${ends[pick(ends.length)]}`;
  return { url: gateway.url + path, headers: { 'x-api-key': `key-${pick(2) * pick(20)}` } };
}

const ACTIONS: readonly (() => Promise<void>)[] = [
  plain,
  plain,
  plain,
  closing,
  abortedDownload,
  slowReader,
  upload,
  abortedUpload,
  raw,
];

async function plain(): Promise<void> {
  const { url, headers } = ask(['fast', 'slow', 'big', 'drop', 'fast', 'fast']);
  const response = await request(url, { dispatcher: agent, headers });
  note(String(response.statusCode));
  await response.body.dump({ limit: 2 * MIB.length });
}

async function closing(): Promise<void> {
  const { url, headers } = ask(['fast', 'slow']);
  const response = await request(url, { dispatcher: agent, headers: { ...headers, connection: 'close' } });
  note(String(response.statusCode));
  await response.body.dump();
}

async function abortedDownload(): Promise<void> {
  const { url, headers } = ask(['big', 'slow']);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), pick(30));
  const response = await request(url, { dispatcher: agent, headers, signal: stop.signal });
  await response.body.dump({ limit: 2 * MIB.length, signal: stop.signal });
}

async function slowReader(): Promise<void> {
  const { url, headers } = ask(['big']);
  const response = await request(url, { dispatcher: agent, headers });
  let pieces = 0;
  for await (const _ of response.body) if (++pieces % 4 === 0) await sleep(pick(10));
}

async function upload(): Promise<void> {
  const { url, headers } = ask(['fast', 'early']);
  const response = await request(url, { dispatcher: agent, method: 'POST', headers, body: MIB });
  note(String(response.statusCode));
  await response.body.dump();
}

async function abortedUpload(): Promise<void> {
  const { url, headers } = ask(['fast']);
  const stop = new AbortController();
  async function* body(): AsyncGenerator<Buffer> {
    for (let i = 0; i < 8; i++) {
      if (i === 4) stop.abort();
      yield MIB.subarray(0, 64 * 1024);
      await sleep(1);
    }
  }
  const response = await request(url, {
    dispatcher: agent,
    method: 'POST',
    headers,
    body: Readable.from(body()),
    signal: stop.signal,
  });
  await response.body.dump();
}

/** Bytes on a connection of their own: garbage, half a request, or a request and a half-close. */
async function raw(): Promise<void> {
  const texts = [
    '\x16\x03\x01 what',
    'GET /local/fast HT',
    'POST /local/fast HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nab',
  ];
  const socket = connect({ port: gateway.port, host: '127.0.0.1', allowHalfOpen: true });
  socket.on('error', () => undefined).resume();
  socket.write(texts[pick(texts.length)] ?? '');
  await sleep(pick(20));
  if (pick(2) === 0) socket.end();
  else socket.resetAndDestroy();
  await sleep(pick(20));
  socket.destroy();
}

async function watch(): Promise<void> {
  while (performance.now() < until) {
    await report();
    await sleep(Math.min(5_000, Math.max(100, until - performance.now())));
  }
}

async function report(): Promise<void> {
  const sent = [...seen.values()].reduce((sum, n) => sum + n, 0);
  const left = Math.max(0, (until - performance.now()) / 1_000).toFixed(0);
  stdout.write(
    `${left.padStart(4)} s left  ${rssMib(gateway.pid).toFixed(0)} MiB (heap ${await mib('heap_size_used')}, external ${await mib('external_memory')})  ${openFiles(gateway.pid)} files  ${sent} answers\n`,
  );
}

async function mib(name: string): Promise<string> {
  const bytes = await metric(gateway.adminUrl, new RegExp(`^nodejs_${name}_bytes `));
  return (bytes / 1024 ** 2).toFixed(0);
}

/** Everything must come to rest: nothing in flight, no place held, no connection but the idle ones to the upstream. */
async function settle(): Promise<void> {
  const inFlight = (g: Gateway): Promise<number> => metric(g.adminUrl, /^sluice_requests_in_flight /);
  await eventually('nothing is in flight', async () => (await inFlight(gateway)) === 0, { within: 10_000, every: 100 });
  await eventually('no place is held', async () => (await heldPlaces()) === '', { within: 10_000, every: 100 });
  await eventually('no client is connected', () => openFiles(gateway.pid) <= 60 + upstream.connections, {
    within: 10_000,
    every: 100,
  });
  await report();
  stdout.write(`${[...seen].map(([what, n]) => `${what}: ${n}`).join(', ')}\n`);
  const complaints = gateway
    .stdout()
    .split('\n')
    .filter((line) => /"level":"(?:error|warn)"/.test(line));
  stdout.write(
    `${complaints.length} warnings or errors logged${complaints.length > 0 ? `:\n${complaints.slice(0, 5).join('\n')}` : ''}\n`,
  );
  if (gateway.stderr() !== '' || complaints.length > 0) process.exitCode = 1;
}

async function heldPlaces(): Promise<string> {
  const keys = (await redis.cli('--scan', '--pattern', 'sluice:c:flight:*')).split('\n').filter((key) => key !== '');
  return keys.join(' ');
}

await Promise.all([...Array.from({ length: CLIENTS }, client), watch()]);
await agent.close();
await settle();
