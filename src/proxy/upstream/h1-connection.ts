import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { connect as connectTcp, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Carrier, H1Call } from './h1-call.ts';
import type { ResponseHeadText } from './h1-head.ts';
import { CHUNKED } from './h1-head.ts';
import type { LastHead, ResponseEvents } from './h1-reader.ts';
import { ResponseReader } from './h1-reader.ts';
import { lastChunkText, requestHeadText } from './h1-request.ts';

/** Size of the buffer that a connection reads into, again and again. */
const READ_BYTES = 65_536;
/** Bodies up to here travel in one string with the head. */
const STRING_BODY_BYTES = 8_192;
const CRLF = Buffer.from('\r\n');

/** Where a connection belongs. */
export interface ConnectionPool {
  readonly clock: Clock;
  readonly lastHead: LastHead;
  /** The connection can carry another request. */
  released(connection: H1Connection, keepAliveSeconds: number | undefined): void;
  /** The connection is gone, or was handed over. */
  removed(connection: H1Connection): void;
}

export interface Origin {
  readonly tls: boolean;
  readonly hostname: string;
  readonly port: number;
}

/** One connection to a server: carries one request at a time. */
export class H1Connection implements Carrier, ResponseEvents {
  readonly #socket: Socket;
  readonly #pool: ConnectionPool;
  readonly #connectTimer: Timer;
  /** For the pool: an idle connection is closed when it has been looked at so many times. */
  idleSweeps = 0;
  #call: H1Call | undefined;
  #reader: ResponseReader | undefined = undefined;
  #connected = false;
  /** Requests that were answered here before the present one. */
  #served = 0;
  #error: string | undefined = undefined;
  #removed = false;
  #paused = false;
  /** Part of an answer to the present request has come. */
  #received = false;
  /** The head of a streaming request, held back for the first piece of its body. */
  #heldHead: string | undefined = undefined;
  #chunkedRequest = false;
  #requestSent = false;

  /** @param call the request that the connection is made for */
  constructor(pool: ConnectionPool, origin: Origin, connectTimeoutMs: number, call: H1Call) {
    this.#pool = pool;
    this.#call = call;
    call.carrier = this;
    this.#socket = this.#open(origin, call.request.upgrade === undefined);
    this.#connectTimer = pool.clock.after(connectTimeoutMs, () => {
      this.#error = 'no connection in time';
      this.#socket.destroy();
    });
    this.#socket.once(origin.tls ? 'secureConnect' : 'connect', () => this.#established());
    this.#socket.on('drain', () => {
      if (this.#call?.over === false) this.#call.handler.onDrain();
    });
    this.#socket.on('end', () => this.#ended());
    this.#socket.on('error', (error) => {
      this.#error ??= error.message;
    });
    this.#socket.on('close', () => this.#closed());
  }

  get destroyed(): boolean {
    return this.#socket.destroyed;
  }

  /** Sends a request on this idle connection. */
  carry(call: H1Call): void {
    this.#call = call;
    call.carrier = this;
    this.#served++;
    this.#send(call);
  }

  close(): void {
    this.#socket.destroy();
  }

  writeBody(chunk: Buffer): boolean {
    const socket = this.#socket;
    const head = this.#heldHead ?? '';
    this.#heldHead = undefined;
    if (!this.#chunkedRequest && head === '') return socket.write(chunk);
    socket.cork();
    const prefix = this.#chunkedRequest ? `${chunk.length.toString(16)}\r\n` : '';
    socket.write(head + prefix, 'latin1');
    const more = socket.write(chunk);
    if (this.#chunkedRequest) socket.write(CRLF);
    socket.uncork();
    return more;
  }

  endBody(trailers: readonly string[]): void {
    const rest = (this.#heldHead ?? '') + (this.#chunkedRequest ? lastChunkText(trailers) : '');
    this.#heldHead = undefined;
    this.#requestSent = true;
    if (rest !== '') this.#socket.write(rest, 'latin1');
  }

  pause(): void {
    this.#paused = true;
    this.#socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#socket.resume();
  }

  /** The call was given up. A connection in use is of no use any more; one that is still being made may serve others. */
  abandon(): void {
    this.#reader?.stop();
    if (this.#connected) this.#socket.destroy();
  }

  information(head: ResponseHeadText): void {
    this.#call?.handler.onInformation(head.status, head.fields);
  }

  switching(head: ResponseHeadText, rest: Buffer): void {
    const call = this.#call;
    if (call?.request.upgrade === undefined) {
      this.broken('the protocol was switched unasked');
      return;
    }
    const socket = this.#socket;
    this.#leave();
    this.#call = undefined;
    call.over = true;
    for (const event of ['data', 'end', 'error', 'close', 'drain']) socket.removeAllListeners(event);
    socket.pause();
    call.handler.onUpgrade(head.fields, socket, rest);
  }

  head(head: ResponseHeadText): void {
    this.#call?.handler.onHead(head.status, head.fields);
  }

  data(chunk: Buffer): void {
    this.#call?.handler.onData(chunk);
  }

  complete(head: ResponseHeadText, trailers: readonly string[]): void {
    const call = this.#call;
    this.#call = undefined;
    this.#reader = undefined;
    if (call === undefined) return;
    call.over = true;
    this.resume();
    if (head.keepAlive && this.#requestSent && !announcesBody(head) && !this.#socket.destroyed) {
      this.#pool.released(this, head.keepAliveSeconds);
    } else this.#socket.destroy();
    call.handler.onEnd(trailers);
  }

  broken(reason: string): void {
    this.#socket.destroy();
    this.#call?.fail('protocol', false, reason);
  }

  #open(origin: Origin, reading: boolean): Socket {
    const { hostname, port } = origin;
    // One buffer for all reads instead of a new one and a stream event for each. A connection that is to be handed over
    // must be an ordinary stream.
    const onread = {
      buffer: Buffer.allocUnsafeSlow(READ_BYTES),
      callback: (size: number, bytes: Uint8Array): boolean => {
        this.#read(bytes as Buffer, size);
        return true;
      },
    };
    const mode = reading ? { onread } : { allowHalfOpen: true };
    const options = { host: hostname, port, noDelay: true, keepAlive: true, ...mode };
    const servername = isIP(hostname) === 0 ? { servername: hostname } : {};
    const socket = origin.tls
      ? connectTls({ ...options, ALPNProtocols: ['http/1.1'], ...servername })
      : connectTcp(options);
    if (!reading) socket.on('data', (chunk: Buffer) => this.#read(chunk, chunk.length));
    return socket;
  }

  #established(): void {
    this.#connectTimer.cancel();
    this.#connected = true;
    const call = this.#call;
    if (call === undefined || call.over) {
      this.#call = undefined;
      this.#pool.released(this, undefined);
    } else this.#send(call);
  }

  #send(call: H1Call): void {
    const { request } = call;
    const { body, streaming } = request;
    const head = requestHeadText(request);
    this.#reader = new ResponseReader(this, request.method === 'HEAD', this.#pool.lastHead);
    this.#received = false;
    this.#requestSent = !streaming;
    if (streaming) {
      this.#chunkedRequest = request.length === undefined;
      // The head waits for the first piece of the body, but no longer than this turn.
      this.#heldHead = head;
      call.handler.onReady();
      if (this.#heldHead !== undefined) this.#pool.clock.endOfTurn(() => this.#sendHeldHead());
    } else if (body === undefined || body.length === 0) this.#socket.write(head, 'latin1');
    else if (body.length <= STRING_BODY_BYTES) this.#socket.write(head + body.toString('latin1'), 'latin1');
    else {
      this.#socket.cork();
      this.#socket.write(head, 'latin1');
      this.#socket.write(body);
      this.#socket.uncork();
    }
  }

  #sendHeldHead(): void {
    const head = this.#heldHead;
    this.#heldHead = undefined;
    if (head !== undefined && !this.#socket.destroyed) this.#socket.write(head, 'latin1');
  }

  #read(bytes: Buffer, size: number): void {
    const reader = this.#reader;
    if (reader === undefined) {
      // Nobody asked: what comes on an idle connection would be taken for the answer to the next request.
      this.#socket.destroy();
      return;
    }
    this.#received = true;
    const used = reader.read(bytes, size);
    if (reader === this.#reader) {
      if (reader.inBody) this.#call?.handler.onPause();
    } else if (used < size) this.#socket.destroy();
  }

  /** The server has closed its side. */
  #ended(): void {
    this.#reader?.end();
    this.#error ??= 'the server closed the connection';
    this.#socket.destroy();
  }

  #closed(): void {
    this.#connectTimer.cancel();
    this.#leave();
    const call = this.#call;
    const inBody = this.#reader?.inBody === true;
    this.#call = undefined;
    if (call === undefined) return;
    const reason = this.#error ?? 'the connection was closed';
    if (!this.#connected) call.fail('connect', false, reason);
    // Once part of an answer has come, the server has begun to work on it: no longer a matter of a lost connection.
    else if (this.#received && !inBody) call.fail('protocol', false, reason);
    else call.fail('lost', this.#served > 0 && !this.#received, reason);
  }

  #leave(): void {
    if (this.#removed) return;
    this.#removed = true;
    this.#pool.removed(this);
  }
}

/** A 204 or 304 that announces a body may be followed by one, and nothing tells where that would end. */
function announcesBody(head: ResponseHeadText): boolean {
  if (head.status === 204) return head.length === CHUNKED || head.length > 0;
  return head.status === 304 && head.length === CHUNKED;
}
