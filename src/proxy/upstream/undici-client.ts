import { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import { Pool } from 'undici';
import { reasonOf } from '../../core/errors.ts';
import type {
  UpstreamCall,
  UpstreamClient,
  UpstreamClientOptions,
  UpstreamHandler,
  UpstreamRequest,
} from './client.ts';

/** Idle connections are given up before the servers that are quickest to do so (Node: 5 s) close them. */
const KEEP_ALIVE_MS = 4_000;
const MAX_HEAD_BYTES = 65_536;

/**
 * An upstream over `undici`. Time limits are kept by whoever calls, so its own timers are off. It cannot send trailers
 * or `OPTIONS *`, and closes a connection whose response came before the request was sent.
 */
export class UndiciClient implements UpstreamClient {
  readonly #pool: Pool;

  constructor(options: UpstreamClientOptions) {
    this.#pool = new Pool(options.origin, {
      connections: options.maxConnections,
      pipelining: 1,
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxHeaderSize: MAX_HEAD_BYTES,
      allowH2: false,
      connect: { timeout: options.connectTimeoutMs },
    });
  }

  dispatch(request: UpstreamRequest, handler: UpstreamHandler): UpstreamCall {
    const call = new UndiciCall(request, handler);
    if (request.target === '*') {
      call.onResponseError(undefined, new Error('OPTIONS * cannot be sent'));
      return call;
    }
    this.#pool.dispatch(call.options(), call);
    return call;
  }

  close(): void {
    // Only fails when it is closed already.
    this.#pool.close().catch(ignore);
  }
}

/** One request: undici's handler on one side, ours on the other. */
class UndiciCall implements Dispatcher.DispatchHandler, UpstreamCall {
  readonly #request: UpstreamRequest;
  readonly #handler: UpstreamHandler;
  #controller: Dispatcher.DispatchController | undefined;
  #body: Readable | undefined;
  #over = false;
  #answered = false;
  /** A flush is due when the current run of the parser ends without the end of the message. */
  #flushDue = false;

  constructor(request: UpstreamRequest, handler: UpstreamHandler) {
    this.#request = request;
    this.#handler = handler;
  }

  options(): Dispatcher.DispatchOptions {
    const { method, target, host, fields, upgrade, body, streaming, length } = this.#request;
    const headers = ['Host', host];
    for (let i = 0; i < fields.length; i++) headers.push(fields[i] ?? '');
    if (length !== undefined) headers.push('Content-Length', String(length));
    if (streaming) {
      this.#body = new Readable({ read: () => this.#over || this.#handler.onDrain(), highWaterMark: 65_536 });
      this.#body.on('error', ignore);
    }
    return {
      path: target,
      method: method as Dispatcher.HttpMethod,
      headers,
      body: this.#body ?? body ?? null,
      ...(upgrade === undefined ? { reset: false } : { upgrade }),
    };
  }

  write(chunk: Buffer): boolean {
    return this.#body?.push(chunk) ?? true;
  }
  end(): void {
    this.#body?.push(null);
  }
  pause(): void {
    this.#controller?.pause();
  }
  resume(): void {
    this.#controller?.resume();
  }
  abort(): void {
    if (this.#over) return;
    this.#over = true;
    this.#controller?.abort(new Error('aborted'));
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#over) controller.abort(new Error('aborted'));
    else this.#handler.onReady();
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#over) return;
    const fields = texts(controller.rawHeaders);
    if (status < 200) {
      this.#handler.onInformation(status, fields);
      return;
    }
    this.#answered = true;
    this.#handler.onHead(status, fields);
    this.#flushDue = true;
    queueMicrotask(() => this.#flush());
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#over) return;
    this.#handler.onData(chunk);
    if (this.#flushDue) return;
    this.#flushDue = true;
    queueMicrotask(() => this.#flush());
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#over) return;
    this.#over = true;
    this.#handler.onEnd(texts(controller.rawTrailers));
  }

  onRequestUpgrade(
    controller: Dispatcher.DispatchController,
    _status: number,
    _headers: unknown,
    socket: Duplex,
  ): void {
    if (this.#over) {
      socket.destroy();
      return;
    }
    this.#over = true;
    this.#handler.onUpgrade(texts(controller.rawHeaders), socket, Buffer.alloc(0));
  }

  onResponseError(_controller: Dispatcher.DispatchController | undefined, error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#body?.destroy();
    const started = this.#controller !== undefined;
    const broken = error.name === 'HTTPParserError' || this.#request.target === '*';
    const kind = broken ? 'protocol' : started ? 'lost' : 'connect';
    // undici does not tell whether the connection was fresh, so every lost one may have been idle.
    this.#handler.onFailure({ kind, reused: started && !this.#answered, reason: reasonOf(error) });
  }

  #flush(): void {
    this.#flushDue = false;
    if (!this.#over) this.#handler.onPause();
  }
}

/** Raw fields as text, byte for byte. */
function texts(raw: readonly (Buffer | string)[] | object | null | undefined): string[] {
  const out: string[] = [];
  if (!Array.isArray(raw)) return out;
  for (const part of raw as (Buffer | string)[]) out.push(typeof part === 'string' ? part : part.toString('latin1'));
  return out;
}

function ignore(): void {}
