/** A small HTTP/1.1 client that hides nothing and mends nothing, and upstream servers for tests. */
import { once } from 'node:events';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { connect } from 'node:net';

/** Header or trailer fields as they came, in order, spelling kept. */
export type Fields = readonly (readonly [name: string, value: string])[];

export interface Head {
  readonly status: number;
  readonly reason: string;
  readonly fields: Fields;
  /** All values of the field joined with ', '; undefined when absent. Any spelling. */
  header(name: string): string | undefined;
}

export interface Reply extends Head {
  readonly body: Buffer;
  readonly trailers: Fields;
  /** False: the connection ended before the body did. */
  readonly complete: boolean;
  /** 1xx heads that came before. */
  readonly interim: readonly Head[];
  text(): string;
  json(): unknown;
}

export interface RequestOptions {
  readonly port: number;
  /** Default GET. */
  readonly method?: string;
  /** The request target, sent as it is. Default `/`. */
  readonly path?: string;
  /** Sent in order; `Host` and, with a body, `Content-Length` are added when not given. */
  readonly headers?: Readonly<Record<string, string>> | Fields;
  readonly body?: string | Buffer;
}

/** Sends one request on its own connection and reads the whole reply. */
export async function request(options: RequestOptions): Promise<Reply> {
  await using connection = await Connection.open(options.port);
  const method = options.method ?? 'GET';
  connection.write(formatRequest({ ...options, headers: [...toFields(options.headers), ['Connection', 'close']] }));
  return await connection.readReply(method);
}

/** The bytes of one request. */
export function formatRequest(options: RequestOptions): Buffer {
  const fields = [...toFields(options.headers)];
  const has = (wanted: string): boolean => fields.some(([name]) => name.toLowerCase() === wanted);
  if (!has('host')) fields.unshift(['Host', `127.0.0.1:${options.port}`]);
  const body = Buffer.from(options.body ?? '');
  if (options.body !== undefined && !has('content-length') && !has('transfer-encoding')) {
    fields.push(['Content-Length', String(body.length)]);
  }
  const lines = [`${options.method ?? 'GET'} ${options.path ?? '/'} HTTP/1.1`, ...fields.map(([n, v]) => `${n}: ${v}`)];
  return Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), body]);
}

/** A connection to 127.0.0.1 that writes what it is told and reads replies one after another. */
export class Connection implements AsyncDisposable {
  readonly socket: Socket;
  readonly #patienceMs: number;
  #buffer: Buffer = Buffer.alloc(0);
  #ended = false;
  #error: Error | undefined;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket, patienceMs: number) {
    this.socket = socket;
    this.#patienceMs = patienceMs;
    socket.on('data', (piece: Buffer) => {
      this.#buffer = this.#buffer.length === 0 ? piece : Buffer.concat([this.#buffer, piece]);
      this.#wake();
    });
    const finish = (error?: Error): void => {
      this.#ended = true;
      this.#error ??= error;
      this.#wake();
    };
    socket.on('end', () => finish());
    socket.on('close', () => finish());
    socket.on('error', finish);
  }

  /** `patienceMs`: how long one read waits for the next byte before it rejects. */
  static async open(port: number, patienceMs = 10_000): Promise<Connection> {
    const socket = connect({ port, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    await once(socket, 'connect');
    return new Connection(socket, patienceMs);
  }

  /** True once the other side has closed or reset the connection. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Why the connection broke, such as ECONNRESET; undefined after a clean end. */
  get error(): Error | undefined {
    return this.#error;
  }

  write(bytes: string | Buffer): void {
    this.socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** Closes our direction and keeps reading. */
  halfClose(): void {
    this.socket.end();
  }

  /** Everything up to the end of the connection. */
  async readToEnd(): Promise<Buffer> {
    while (await this.#more());
    return this.#take(this.#buffer.length);
  }

  /** At least one byte, whatever is there; undefined at the end. */
  async readSome(): Promise<Buffer | undefined> {
    if (this.#buffer.length === 0) await this.#more();
    return this.#buffer.length === 0 ? undefined : this.#take(this.#buffer.length);
  }

  /** The next head, 1xx or final. */
  async readHead(): Promise<Head> {
    const block = await this.#readUntil('\r\n\r\n');
    if (block === undefined) {
      throw new Error(`the connection ended before a whole head (${this.#error?.message ?? 'clean end'})`);
    }
    const [start = '', ...lines] = block.split('\r\n');
    const match = /^HTTP\/1\.[01] (\d{3}) ?(.*)$/.exec(start);
    if (match === null) throw new Error(`not a status line: ${JSON.stringify(start)}`);
    return head(Number(match[1]), match[2] ?? '', parseFields(lines));
  }

  /** The next final reply with its body. `method` is the request's, as HEAD and CONNECT have no body to read. */
  async readReply(method = 'GET'): Promise<Reply> {
    const interim: Head[] = [];
    let last = await this.readHead();
    while (last.status < 200 && last.status !== 101) {
      interim.push(last);
      last = await this.readHead();
    }
    const body = await this.#readBody(last, method);
    return {
      ...last,
      ...body,
      interim,
      text: () => body.body.toString('utf8'),
      json: (): unknown => JSON.parse(body.body.toString('utf8')),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.socket.closed) return;
    const closed = once(this.socket, 'close');
    this.socket.destroy();
    await closed;
  }

  async #readBody(reply: Head, method: string): Promise<{ body: Buffer; trailers: Fields; complete: boolean }> {
    const { status } = reply;
    if (method === 'HEAD' || status < 200 || status === 204 || status === 304) {
      return { body: Buffer.alloc(0), trailers: [], complete: true };
    }
    if (/(^|,)\s*chunked\s*$/i.test(reply.header('transfer-encoding') ?? '')) return await this.#readChunks();
    const length = reply.header('content-length');
    if (length === undefined) {
      return { body: await this.readToEnd(), trailers: [], complete: this.#error === undefined };
    }
    while (this.#buffer.length < Number(length) && (await this.#more()));
    const body = this.#take(Math.min(this.#buffer.length, Number(length)));
    return { body, trailers: [], complete: body.length === Number(length) };
  }

  async #readChunks(): Promise<{ body: Buffer; trailers: Fields; complete: boolean }> {
    const pieces: Buffer[] = [];
    const broken = (): { body: Buffer; trailers: Fields; complete: boolean } => {
      return { body: Buffer.concat(pieces), trailers: [], complete: false };
    };
    for (;;) {
      const line = await this.#readUntil('\r\n');
      if (line === undefined) return broken();
      const size = Number.parseInt(line, 16);
      if (!/^[0-9a-f]+\s*(;|$)/i.test(line)) throw new Error(`not a chunk size: ${JSON.stringify(line)}`);
      if (size === 0) break;
      while (this.#buffer.length < size + 2 && (await this.#more()));
      if (this.#buffer.length < size + 2) {
        pieces.push(this.#take(Math.min(size, this.#buffer.length)));
        return broken();
      }
      pieces.push(this.#take(size));
      if (this.#take(2).toString('latin1') !== '\r\n') throw new Error('a chunk does not end with CRLF');
    }
    const lines: string[] = [];
    for (;;) {
      const line = await this.#readUntil('\r\n');
      if (line === undefined) return broken();
      if (line === '') return { body: Buffer.concat(pieces), trailers: parseFields(lines), complete: true };
      lines.push(line);
    }
  }

  async #readUntil(mark: string): Promise<string | undefined> {
    for (;;) {
      const at = this.#buffer.indexOf(mark, 0, 'latin1');
      if (at >= 0) return this.#take(at + mark.length).toString('latin1', 0, at);
      if (!(await this.#more())) return undefined;
    }
  }

  /** Waits for more bytes; false at the end. */
  async #more(): Promise<boolean> {
    if (this.#ended) return false;
    const before = this.#buffer.length;
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      this.#wake = resolve;
      timer = setTimeout(() => reject(new Error(`no byte came in ${this.#patienceMs} ms`)), this.#patienceMs);
    }).finally(() => clearTimeout(timer));
    return this.#buffer.length > before;
  }

  #take(count: number): Buffer {
    const taken = this.#buffer.subarray(0, count);
    this.#buffer = this.#buffer.subarray(count);
    return taken;
  }
}

export interface Upstream extends AsyncDisposable {
  readonly port: number;
  /** `http://127.0.0.1:PORT` */
  readonly url: string;
  readonly server: Server;
  /** Requests seen so far. */
  readonly requests: number;
  /** Connections open now. */
  readonly connections: number;
  close(): Promise<void>;
}

export type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

const ok: Handler = (_request, response) => void response.end('ok\n');

/** A node:http server on a free port of `host`, or on `wanted`; answers 200 `ok` by default. */
export async function startUpstream(handler: Handler = ok, host = '127.0.0.1', wanted = 0): Promise<Upstream> {
  let requests = 0;
  let connections = 0;
  const server = createServer({ keepAliveTimeout: 60_000 }, (message, response) => {
    requests++;
    void (async () => handler(message, response))().catch((error: unknown) => response.destroy(error as Error));
  });
  server.on('connection', (socket: Socket) => {
    connections++;
    socket.on('close', () => connections--);
  });
  server.listen(wanted, host);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    if (!server.listening) return;
    const closed = once(server, 'close');
    server.close();
    server.closeAllConnections();
    await closed;
  };
  return {
    port,
    url: `http://${host}:${port}`,
    server,
    get requests(): number {
      return requests;
    },
    get connections(): number {
      return connections;
    },
    close,
    [Symbol.asyncDispose]: close,
  };
}

function head(status: number, reason: string, fields: Fields): Head {
  return {
    status,
    reason,
    fields,
    header: (wanted) => {
      const values = fields.filter(([name]) => name.toLowerCase() === wanted.toLowerCase()).map(([, value]) => value);
      return values.length === 0 ? undefined : values.join(', ');
    },
  };
}

function parseFields(lines: readonly string[]): Fields {
  return lines
    .filter((line) => line !== '')
    .map((line) => {
      const colon = line.indexOf(':');
      if (colon < 1) throw new Error(`not a field line: ${JSON.stringify(line)}`);
      return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
    });
}

function toFields(headers: RequestOptions['headers']): Fields {
  if (headers === undefined) return [];
  return isFields(headers) ? headers : Object.entries(headers);
}

function isFields(headers: Readonly<Record<string, string>> | Fields): headers is Fields {
  return Array.isArray(headers);
}
