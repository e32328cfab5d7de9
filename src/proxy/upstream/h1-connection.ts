import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import { connect as connectTcp, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Clock, Timer } from '../../core/clock.ts';
import type { FailureKind, UpstreamCall, UpstreamHandler, UpstreamRequest } from './client.ts';
import { ChunkDecoder } from './h1-chunks.ts';
import type { ResponseHeadText } from './h1-head.ts';
import { CHUNKED, parseResponseHead, UNTIL_CLOSE } from './h1-head.ts';
import { lastChunkText, requestHeadText } from './h1-request.ts';

/** Size of the buffer that a connection reads into, again and again. */
const READ_BYTES = 65_536;
const MAX_HEAD_BYTES = 65_536;
/** Heads are looked for in so many bytes first, so that a long body is not turned into text in vain. */
const USUAL_HEAD_BYTES = 4_096;
/** Bodies up to here travel in one string with the head. */
const STRING_BODY_BYTES = 8_192;
const CRLF = Buffer.from('\r\n');

/** Where a connection belongs. */
export interface ConnectionPool {
  readonly clock: Clock;
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

/** One request on a connection, or waiting for one. */
export class H1Call implements UpstreamCall {
  readonly request: UpstreamRequest;
  readonly handler: UpstreamHandler;
  readonly #forget: (call: H1Call) => void;
  connection: H1Connection | undefined = undefined;
  over = false;

  /** @param forget called when it is given up before it has a connection */
  constructor(request: UpstreamRequest, handler: UpstreamHandler, forget: (call: H1Call) => void) {
    this.request = request;
    this.handler = handler;
    this.#forget = forget;
  }

  write(chunk: Buffer): boolean {
    return this.over ? true : (this.connection?.writeBody(chunk) ?? true);
  }
  end(trailers: readonly string[]): void {
    if (!this.over) this.connection?.endBody(trailers);
  }
  pause(): void {
    if (!this.over) this.connection?.pause();
  }
  resume(): void {
    if (!this.over) this.connection?.resume();
  }
  abort(): void {
    if (this.over) return;
    this.over = true;
    if (this.connection === undefined) this.#forget(this);
    else this.connection.abandon();
  }
  fail(kind: FailureKind, reused: boolean, reason: string): void {
    if (this.over) return;
    this.over = true;
    this.handler.onFailure({ kind, reused, reason });
  }
}

/** One connection to a server: carries one request at a time, reads the response. */
export class H1Connection {
  readonly socket: Socket;
  readonly #pool: ConnectionPool;
  readonly #connectTimer: Timer;
  #call: H1Call | undefined;
  #connected = false;
  /** Requests that were answered here before the present one. */
  #served = 0;
  #error: string | undefined;
  #removed = false;

  // The request on its way out.
  #heldHead: string | undefined;
  #chunkedRequest = false;
  #requestSent = false;

  // The response on its way in.
  #received = false;
  #paused = false;
  #partial: Buffer | undefined;
  #head: ResponseHeadText | undefined;
  #left = 0;
  #chunks: ChunkDecoder | undefined;
  readonly #take = (chunk: Buffer): void => {
    if (this.#call?.over === false) this.#call.handler.onData(chunk);
  };

  constructor(pool: ConnectionPool, origin: Origin, connectTimeoutMs: number, call: H1Call) {
    this.#pool = pool;
    this.#call = call;
    call.connection = this;
    this.socket = this.#open(origin, call.request.upgrade === undefined);
    this.#connectTimer = pool.clock.after(connectTimeoutMs, () => {
      this.#error = 'no connection in time';
      this.socket.destroy();
    });
    this.socket.once(origin.tls ? 'secureConnect' : 'connect', () => this.#established());
    this.socket.on('drain', () => {
      if (this.#call?.over === false) this.#call.handler.onDrain();
    });
    this.socket.on('end', () => this.#ended());
    this.socket.on('error', (error) => {
      this.#error ??= error.message;
    });
    this.socket.on('close', () => this.#closed());
  }

  /** Sends a request on this idle connection. */
  carry(call: H1Call): void {
    this.#call = call;
    call.connection = this;
    this.#served++;
    this.#send(call);
  }

  writeBody(chunk: Buffer): boolean {
    const { socket } = this;
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
    if (rest !== '') this.socket.write(rest, 'latin1');
  }

  pause(): void {
    this.#paused = true;
    this.socket.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.socket.resume();
  }

  /** The call was given up. A connection in use is of no use any more; one that is still being made may serve others. */
  abandon(): void {
    if (this.#connected) this.socket.destroy();
  }

  close(): void {
    this.socket.destroy();
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
    const options = {
      host: hostname,
      port,
      noDelay: true,
      keepAlive: true,
      ...(reading ? { onread } : { allowHalfOpen: true }),
    };
    const socket = origin.tls
      ? connectTls({
          ...options,
          ALPNProtocols: ['http/1.1'],
          ...(isIP(hostname) === 0 ? { servername: hostname } : {}),
        })
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
    this.#received = false;
    this.#requestSent = !streaming;
    if (streaming) {
      this.#chunkedRequest = request.length === undefined;
      // The head waits for the first piece of the body, but no longer than this turn.
      this.#heldHead = head;
      call.handler.onReady();
      if (this.#heldHead !== undefined) this.#pool.clock.endOfTurn(() => this.#sendHeldHead());
    } else if (body === undefined || body.length === 0) this.socket.write(head, 'latin1');
    else if (body.length <= STRING_BODY_BYTES) this.socket.write(head + body.toString('latin1'), 'latin1');
    else {
      this.socket.cork();
      this.socket.write(head, 'latin1');
      this.socket.write(body);
      this.socket.uncork();
    }
  }

  #sendHeldHead(): void {
    const head = this.#heldHead;
    this.#heldHead = undefined;
    if (head !== undefined && !this.socket.destroyed) this.socket.write(head, 'latin1');
  }

  #read(bytes: Buffer, size: number): void {
    const call = this.#call;
    if (call === undefined) {
      // Nobody asked: what comes on an idle connection would be taken for the answer to the next request.
      this.socket.destroy();
      return;
    }
    this.#received = true;
    let at = 0;
    while (at >= 0 && at < size && this.#call === call && !call.over) {
      if (this.#head === undefined) at = this.#readHead(call, bytes, at, size);
      else if (this.#chunks !== undefined) at = this.#readChunks(call, this.#chunks, bytes, at, size);
      else at = this.#readPlain(call, bytes, at, size);
    }
    if (this.#call === call && !call.over && this.#head !== undefined) call.handler.onPause();
    else if (at >= 0 && at < size && this.#call !== call) this.socket.destroy();
  }

  /** @returns where the body begins; the end of the input when more is needed; -1 when all is over */
  #readHead(call: H1Call, fresh: Buffer, from: number, freshSize: number): number {
    let bytes = fresh;
    let at = from;
    let size = freshSize;
    const kept = this.#partial?.length ?? 0;
    if (this.#partial !== undefined) {
      bytes = Buffer.concat([this.#partial, fresh.subarray(from, freshSize)]);
      at = 0;
      size = bytes.length;
    }
    let text = bytes.toString('latin1', at, Math.min(size, at + USUAL_HEAD_BYTES));
    let end = text.indexOf('\r\n\r\n');
    if (end === -1 && size - at > USUAL_HEAD_BYTES) {
      text = bytes.toString('latin1', at, Math.min(size, at + MAX_HEAD_BYTES));
      end = text.indexOf('\r\n\r\n');
    }
    if (end === -1) {
      if (size - at >= MAX_HEAD_BYTES) return this.#refuse(call, 'the head is too long');
      this.#partial = Buffer.from(bytes.subarray(at, size));
      return freshSize;
    }
    this.#partial = undefined;
    const head = parseResponseHead(text, end);
    if (head === undefined) return this.#refuse(call, 'the head is malformed');
    const bodyAt = kept === 0 ? at + end + 4 : from + end + 4 - kept;
    if (head.status < 200) return this.#interim(call, head, fresh, bodyAt, freshSize);
    this.#begin(call, head);
    return bodyAt;
  }

  #interim(call: H1Call, head: ResponseHeadText, bytes: Buffer, at: number, size: number): number {
    if (head.status !== 101) {
      call.handler.onInformation(head.status, head.fields);
      return at;
    }
    if (call.request.upgrade === undefined) return this.#refuse(call, 'the protocol was switched unasked');
    const { socket } = this;
    this.#leave();
    this.#call = undefined;
    call.over = true;
    for (const event of ['data', 'end', 'error', 'close', 'drain']) socket.removeAllListeners(event);
    socket.pause();
    call.handler.onUpgrade(head.fields, socket, bytes.subarray(at, size));
    return -1;
  }

  #begin(call: H1Call, head: ResponseHeadText): void {
    this.#head = head;
    const { status } = head;
    const bodiless = call.request.method === 'HEAD' || status === 204 || status === 304;
    this.#left = bodiless ? 0 : head.length;
    if (this.#left === CHUNKED) this.#chunks = new ChunkDecoder();
    call.handler.onHead(status, head.fields);
    if (this.#left === 0 && !call.over) this.#complete(call, []);
  }

  #readPlain(call: H1Call, bytes: Buffer, at: number, size: number): number {
    const end = this.#left === UNTIL_CLOSE ? size : Math.min(size, at + this.#left);
    call.handler.onData(bytes.subarray(at, end));
    if (this.#left === UNTIL_CLOSE) return end;
    this.#left -= end - at;
    if (this.#left === 0 && !call.over) this.#complete(call, []);
    return end;
  }

  #readChunks(call: H1Call, chunks: ChunkDecoder, bytes: Buffer, at: number, size: number): number {
    const end = chunks.decode(bytes, at, size, this.#take);
    if (end === -1) return this.#refuse(call, 'the chunked framing is broken');
    if (chunks.done && !call.over) this.#complete(call, chunks.trailers);
    return end;
  }

  /** The whole response is here. */
  #complete(call: H1Call, trailers: readonly string[]): void {
    const head = this.#head;
    this.#head = undefined;
    this.#chunks = undefined;
    this.#call = undefined;
    call.over = true;
    // A 204 or 304 that announces a body may be followed by one, and HEAD aside nothing tells where it ends.
    const odd = head !== undefined && this.#left === 0 && call.request.method !== 'HEAD' && announcesBody(head);
    const reusable = head?.keepAlive === true && this.#requestSent && !odd && !this.socket.destroyed;
    this.resume();
    if (reusable) this.#pool.released(this, head.keepAliveSeconds);
    else this.socket.destroy();
    call.handler.onEnd(trailers);
  }

  #refuse(call: H1Call, reason: string): number {
    this.socket.destroy();
    call.fail('protocol', false, reason);
    return -1;
  }

  /** The server has closed its side. */
  #ended(): void {
    const call = this.#call;
    if (call !== undefined && !call.over && this.#head !== undefined && this.#left === UNTIL_CLOSE)
      this.#complete(call, []);
    this.#error ??= 'the server closed the connection';
    this.socket.destroy();
  }

  #closed(): void {
    this.#connectTimer.cancel();
    this.#leave();
    const call = this.#call;
    this.#call = undefined;
    if (call === undefined) return;
    const reason = this.#error ?? 'the connection was closed';
    if (!this.#connected) call.fail('connect', false, reason);
    // Once part of an answer has come, the server has begun to work on it: no longer a matter of a lost connection.
    else if (this.#received && this.#head === undefined) call.fail('protocol', false, reason);
    else call.fail('lost', this.#served > 0 && !this.#received, reason);
  }

  #leave(): void {
    if (this.#removed) return;
    this.#removed = true;
    this.#pool.removed(this);
  }
}

function announcesBody(head: ResponseHeadText): boolean {
  return (
    (head.status === 204 || head.status === 304) &&
    (head.length === CHUNKED || (head.status === 204 && head.length > 0))
  );
}
