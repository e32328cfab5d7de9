/** Real gateways, upstreams and clients on real sockets. */
import assert from 'node:assert/strict';
import type { IncomingMessage, RequestListener, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Server as NetServer, Socket } from 'node:net';
import { connect, createServer as createNetServer } from 'node:net';
import type { TestContext } from 'node:test';
import type { Clock } from '../../src/core/clock.ts';
import { systemClock } from '../../src/core/clock.ts';
import { silentLogger } from '../../src/core/logger.ts';
import { seededRandom } from '../../src/core/random.ts';
import type { RequestEvent, Telemetry } from '../../src/core/telemetry.ts';
import { silentTelemetry } from '../../src/core/telemetry.ts';
import type { RequestFacts } from '../../src/limiter/facts.ts';
import type { LimitSet } from '../../src/limiter/limiter.ts';
import type { Outcome } from '../../src/limiter/outcome.ts';
import { UNLIMITED } from '../../src/limiter/outcome.ts';
import { Gateway } from '../../src/proxy/gateway.ts';
import type { ProxySnapshot, RouteOptions, ServerOptions, UpstreamOptions } from '../../src/proxy/options.ts';

export const SERVER: ServerOptions = {
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  keepAliveTimeoutMs: 5_000,
  streamIdleTimeoutMs: 10_000,
  maxHeaderBytes: 16_384,
  maxHeaderCount: 100,
  maxBodyBytes: undefined,
  maxConnections: 1_000,
};

export const UPSTREAM: Omit<UpstreamOptions, 'name' | 'servers'> = {
  timeoutMs: 5_000,
  connectTimeoutMs: 1_000,
  bodyTimeoutMs: 5_000,
  maxConnections: 64,
  retries: 1,
  ejectAfter: 5,
  ejectForMs: 10_000,
  preserveHost: true,
};

/** Limits that decide as told. */
export function limitSet(decide: (facts: RequestFacts) => Outcome | Promise<Outcome>): LimitSet {
  return { names: ['test'], decide, explain: () => [] };
}

export const noLimits = limitSet(() => UNLIMITED);

export const DENIED: Outcome = {
  rejection: { status: 429, body: '{"title":"over the limit"}' },
  headers: ['RateLimit', '"test";r=0;t=60', 'Retry-After', '60'],
  violated: ['test'],
  shadowViolated: [],
  release: undefined,
};

export function route(
  options: Partial<Omit<RouteOptions, 'match'>> & { match?: Partial<RouteOptions['match']> } = {},
): RouteOptions {
  return {
    name: 'all',
    upstream: 'main',
    limits: noLimits,
    ...options,
    match: { host: undefined, path: undefined, methods: undefined, ...options.match },
  };
}

export interface GatewayOptions {
  servers?: readonly string[];
  routes?: readonly RouteOptions[];
  limits?: LimitSet;
  upstream?: Partial<UpstreamOptions>;
  server?: Partial<ServerOptions>;
  trustedProxies?: readonly string[];
  telemetry?: Partial<Telemetry>;
  clock?: Clock;
}

export interface RunningGateway {
  readonly gateway: Gateway;
  readonly port: number;
  readonly events: RequestEvent[];
  snapshot(change: GatewayOptions): ProxySnapshot;
  /** The next event, or the one that is already there, by number. */
  event(index: number): Promise<RequestEvent>;
}

export function snapshotOf(options: GatewayOptions): ProxySnapshot {
  return {
    routes: options.routes ?? [route(options.limits === undefined ? {} : { limits: options.limits })],
    upstreams: [{ name: 'main', servers: options.servers ?? ['http://127.0.0.1:9'], ...UPSTREAM, ...options.upstream }],
    trustedProxies: options.trustedProxies ?? [],
  };
}

/** A gateway on a free port; drained when the test ends. */
export async function startGateway(t: TestContext, options: GatewayOptions): Promise<RunningGateway> {
  const events: RequestEvent[] = [];
  const gateway = new Gateway({
    clock: options.clock ?? systemClock,
    random: seededRandom(1),
    telemetry: { ...silentTelemetry, requestFinished: (event) => void events.push(event), ...options.telemetry },
    logger: silentLogger,
    server: { ...SERVER, ...options.server },
    snapshot: snapshotOf(options),
  });
  const { port } = await gateway.listen({ host: '127.0.0.1', port: 0 });
  t.after(() => gateway.drain(0));
  return {
    gateway,
    port,
    events,
    snapshot: snapshotOf,
    event: async (index) => {
      await until(() => events.length > index, `event ${index}`);
      const event = events[index];
      assert.ok(event);
      return event;
    },
  };
}

/** A real HTTP upstream. */
export async function startUpstream(
  t: TestContext,
  listener: RequestListener,
): Promise<{ origin: string; server: Server; sockets: Set<Socket> }> {
  const server = createServer({ keepAliveTimeout: 60_000 }, listener);
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await listening(server);
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return { origin: originOf(server), server, sockets };
}

/** An upstream that speaks bytes: for answers that no HTTP library would give. */
export async function startRawUpstream(
  t: TestContext,
  listener: (socket: Socket) => void,
): Promise<{ origin: string; sockets: Set<Socket> }> {
  const sockets = new Set<Socket>();
  const server = createNetServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('end', () => socket.end());
    listener(socket);
  });
  await listening(server);
  t.after(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return { origin: originOf(server), sockets };
}

/** An upstream that answers each request head it sees with the given bytes. */
export function answering(answer: string | ((head: string) => string)): (socket: Socket) => void {
  return (socket) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1');
      for (;;) {
        const end = text.indexOf('\r\n\r\n');
        if (end === -1) return;
        const head = text.slice(0, end + 4);
        text = text.slice(end + 4);
        socket.write(typeof answer === 'string' ? answer : answer(head), 'latin1');
      }
    });
  };
}

/** An upstream that answers with what it got, as JSON. */
export const echo: RequestListener = (req: IncomingMessage, res: ServerResponse) => {
  const chunks: Buffer[] = [];
  req.on('data', (chunk: Buffer) => chunks.push(chunk));
  req.on('end', () => {
    const { method, url, rawHeaders, rawTrailers } = req;
    const body = Buffer.concat(chunks).toString('latin1');
    res.setHeader('content-type', 'application/json');
    res.end(JSON.stringify({ method, url, rawHeaders, rawTrailers, body }));
  });
};

export interface Echoed {
  method: string;
  url: string;
  rawHeaders: string[];
  rawTrailers: string[];
  body: string;
}

/** All values of a field in a flat list. */
export function values(raw: readonly string[], name: string): string[] {
  const out: string[] = [];
  for (let i = 0; i < raw.length; i += 2) if (raw[i]?.toLowerCase() === name) out.push(raw[i + 1] ?? '');
  return out;
}

/** A client that speaks bytes. */
export class RawClient {
  readonly socket: Socket;
  text = '';
  ended = false;
  failed = false;
  constructor(socket: Socket) {
    this.socket = socket;
    socket.on('data', (chunk) => {
      this.text += chunk.toString('latin1');
    });
    socket.on('end', () => {
      this.ended = true;
    });
    socket.on('error', () => {
      this.failed = true;
    });
  }
  static async open(t: TestContext, port: number): Promise<RawClient> {
    const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
    t.after(() => socket.destroy());
    await new Promise<void>((resolve, reject) => {
      socket.once('connect', resolve);
      socket.once('error', reject);
    });
    return new RawClient(socket);
  }
  send(text: string): void {
    this.socket.write(text, 'latin1');
  }
  /** Waits until the text received so far satisfies. */
  async until(done: (text: string) => boolean, what = 'an answer'): Promise<string> {
    await until(
      () => done(this.text),
      () => `${what}; got: ${JSON.stringify(this.text)}`,
    );
    return this.text;
  }
  /** Waits until the other side is done. */
  async closed(): Promise<string> {
    await until(
      () => this.ended || this.failed || this.socket.destroyed,
      () => `the end; got: ${JSON.stringify(this.text)}`,
    );
    return this.text;
  }
}

export interface RawResponse {
  readonly status: number;
  readonly head: string;
  readonly body: string;
  readonly fields: string[];
}

/** Sends bytes, closes nothing, gives back the first whole response. */
export async function exchange(t: TestContext, port: number, request: string): Promise<RawResponse> {
  const client = await RawClient.open(t, port);
  client.send(request);
  await until(
    () => isWhole(client.text, request.startsWith('HEAD')) || client.ended || client.failed,
    () => `a response; got: ${JSON.stringify(client.text)}`,
  );
  client.socket.destroy();
  return parseResponse(client.text);
}

/** Whether a text holds one whole response that is framed by length or chunks. */
export function isWhole(text: string, bodiless = false): boolean {
  const end = text.indexOf('\r\n\r\n');
  if (end === -1) return false;
  const head = text.slice(0, end).toLowerCase();
  const status = Number(text.slice(9, 12));
  if (status < 200 && status !== 101) return isWhole(text.slice(end + 4), bodiless);
  if (bodiless || status === 204 || status === 304 || status === 101) return true;
  const length = /\r\ncontent-length: (\d+)/.exec(head);
  if (length !== null) return text.length >= end + 4 + Number(length[1]);
  return head.includes('transfer-encoding: chunked') && /\r\n0\r\n([^\r\n]+\r\n)*\r\n$/.test(text);
}

export function parseResponse(text: string): RawResponse {
  const end = text.indexOf('\r\n\r\n');
  const head = end === -1 ? text : text.slice(0, end);
  const fields: string[] = [];
  for (const line of head.split('\r\n').slice(1)) {
    const colon = line.indexOf(':');
    fields.push(line.slice(0, colon), line.slice(colon + 1).trim());
  }
  const status = Number(text.slice(9, 12));
  const body = end === -1 ? '' : text.slice(end + 4);
  return { status: text.startsWith('HTTP/1.1 ') ? status : 0, head, body: dechunk(head, body), fields };
}

function dechunk(head: string, body: string): string {
  if (!/\r\ntransfer-encoding: chunked/i.test(head)) return body;
  let out = '';
  let at = 0;
  for (;;) {
    const line = body.indexOf('\r\n', at);
    if (line === -1) return out;
    const size = Number.parseInt(body.slice(at, line), 16);
    if (!(size > 0)) return out;
    out += body.slice(line + 2, line + 2 + size);
    at = line + 4 + size;
  }
}

/** Waits for a condition, looking at it every few milliseconds; `nudge` runs before each look. */
export async function until(
  condition: () => boolean,
  what: string | (() => string),
  timeoutMs = 5_000,
  nudge?: () => Promise<void>,
): Promise<void> {
  const end = Date.now() + timeoutMs;
  for (;;) {
    await nudge?.();
    if (condition()) return;
    if (Date.now() > end) assert.fail(`waited in vain for ${typeof what === 'string' ? what : what()}`);
    await new Promise((resolve) => setTimeout(resolve, 3));
  }
}

async function listening(server: Server | NetServer): Promise<void> {
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
}

function originOf(server: Server | NetServer): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
