import type { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import type { Admission } from './admission.ts';
import type { ClientRequest } from './downstream/client-request.ts';
import type { ClientResponse } from './downstream/client-response.ts';
import type { ExchangeHost } from './exchange-host.ts';
import type { Fault } from './faults.ts';
import { FAULTS } from './faults.ts';
import type { ForwardingOwner } from './forwarding-owner.ts';
import { endAfterLingering } from './linger.ts';
import { OutgoingRequest } from './outgoing-request.ts';
import type { BodyReader } from './request-body.ts';
import { RequestBody } from './request-body.ts';
import { ResponseHead } from './response-headers.ts';
import { informationFields, switchingHead } from './response-interim.ts';
import { ResponseWriter } from './response-writer.ts';
import { faultOf } from './retry.ts';
import { Tunnel } from './tunnel.ts';
import { Attempts } from './upstream/attempts.ts';
import type { UpstreamCall, UpstreamFailure, UpstreamHandler } from './upstream/client.ts';
import type { Upstream } from './upstream/upstream.ts';

/** Bodies of known length up to here are collected first: they travel with the head in one write, and can be sent again. */
const COLLECT_BYTES = 16_384;

/** Collecting the request's body. */
const COLLECTING = 0;
/** Sent, no response yet. */
const WAITING = 1;
/** The response is coming in. */
const STREAMING = 2;
const TUNNELLING = 3;
const OVER = 4;

/** One request on its way to an upstream, and the response on its way back; retries included. */
export class Forwarding implements UpstreamHandler, BodyReader {
  readonly #owner: ForwardingOwner;
  readonly #host: ExchangeHost;
  readonly #upstream: Upstream;
  readonly #attempts: Attempts;
  readonly #admission: Admission;
  readonly #req: ClientRequest;
  readonly #res: ClientResponse;
  readonly #writer: ResponseWriter;
  /** Fields of the limiter, flat. */
  readonly #added: readonly string[];
  /** The client holds its body back until 100 Continue. */
  #holdsBody: boolean;
  #phase = COLLECTING;
  #outgoing: OutgoingRequest | undefined = undefined;
  #body: RequestBody | undefined = undefined;
  #content: Buffer | undefined = undefined;
  #tunnel: Tunnel | undefined = undefined;
  #call: UpstreamCall | undefined = undefined;
  #ready = false;
  #slowClient = false;
  #lastMoved: number;
  #sentAt = 0;
  /** Status of the upstream's response; 0 before it. */
  status = 0;
  /** When all was over, in monotonic milliseconds; 0 before. */
  endedAt = 0;
  /** Until the upstream's response was complete, in milliseconds. */
  durationMs: number | undefined = undefined;

  constructor(
    owner: ForwardingOwner,
    host: ExchangeHost,
    upstream: Upstream,
    admission: Admission,
    req: ClientRequest,
    res: ClientResponse,
    added: readonly string[],
    holdsBody: boolean,
  ) {
    this.#owner = owner;
    this.#host = host;
    this.#upstream = upstream;
    this.#attempts = new Attempts(upstream, host, admission.trace);
    this.#admission = admission;
    this.#req = req;
    this.#res = res;
    this.#added = added;
    this.#holdsBody = holdsBody;
    this.#writer = new ResponseWriter(host, res, admission.method, admission.httpMinor);
    this.#lastMoved = host.coarseNow;
  }

  /** Bytes of request body received. */
  get bytesIn(): number {
    return (this.status === 101 ? this.#tunnel?.bytesIn : this.#body?.bytes) ?? 0;
  }
  /** Bytes of response body passed on. */
  get bytesOut(): number {
    return (this.status === 101 ? this.#tunnel?.bytesOut : undefined) ?? this.#writer.bytes;
  }
  /** The request's body, where it is being read. */
  get body(): RequestBody | undefined {
    return this.#body;
  }

  /** @param upgradeHead for an upgrade: what the client sent after the request */
  start(
    connection: { readonly peer: string; readonly socket: Duplex },
    upgradeHead: Buffer | undefined,
    now: number,
  ): void {
    const { head, framing } = this.#admission;
    const { preserveHost } = this.#upstream.options;
    const upgrading = upgradeHead !== undefined;
    this.#outgoing = new OutgoingRequest(this.#admission, connection.peer, this.#host.via, preserveHost, upgrading);
    if (upgradeHead !== undefined) {
      this.#tunnel = new Tunnel(connection.socket, upgradeHead, () => this.#tunnelClosed());
      this.#send(now);
    } else if (framing === 'none' || head.contentLength === 0) this.#send(now);
    else {
      this.#body = new RequestBody(this.#req, this.#host.server.maxBodyBytes, this);
      if (framing === 'length' && (head.contentLength ?? 0) <= COLLECT_BYTES) {
        this.#invite();
        this.#body.collect();
      } else this.#send(now);
    }
  }

  /** The client is gone or the owner answers by itself; nothing more is told. */
  abort(fault: Fault): void {
    if (this.#phase === OVER) return;
    this.#end(fault);
    this.#call?.abort();
    this.#tunnel?.destroy();
  }

  /** Watches the time limits. @param now monotonic milliseconds */
  tick(now: number): void {
    if (this.#phase === OVER) return;
    if (this.#tunnel?.moved === true) {
      this.#tunnel.moved = false;
      this.#lastMoved = now;
    }
    const still = now - this.#lastMoved - this.#host.tickMs;
    const { timeoutMs, bodyTimeoutMs } = this.#upstream.options;
    const idleMs = this.#host.server.streamIdleTimeoutMs;
    if (this.#phase === WAITING && timeoutMs > 0 && still > timeoutMs) {
      this.#attempts.blame(this.#host.clock.monotonic());
      this.#fail(FAULTS.upstreamTimeout, 'no answer in time');
    } else if (this.#phase === STREAMING && !this.#slowClient && bodyTimeoutMs > 0 && still > bodyTimeoutMs) {
      this.#fail(FAULTS.truncated, 'the body stalled');
    } else if (idleMs > 0 && still > idleMs) this.#fail(FAULTS.streamIdle, 'nothing moved');
  }

  #end(fault?: Fault): void {
    this.#phase = OVER;
    this.endedAt = this.#host.clock.monotonic();
    this.#attempts.ended(this.endedAt, this.status, fault?.code);
    if (this.#sentAt > 0) this.durationMs = this.endedAt - this.#sentAt;
  }

  /** Tells a waiting client to send its body. */
  #invite(): void {
    if (!this.#holdsBody) return;
    this.#holdsBody = false;
    this.#res.writeContinue();
  }

  #send(now: number, fresh = false): void {
    if (this.#sentAt === 0) this.#sentAt = now;
    this.#lastMoved = now;
    this.#phase = WAITING;
    this.#ready = false;
    this.#call = undefined;
    const server = this.#attempts.next(now, fresh);
    if (server === undefined || this.#outgoing === undefined) {
      this.#fail(FAULTS.unreachable, 'no server');
      return;
    }
    const streaming = this.#body !== undefined && this.#content === undefined;
    const request = this.#outgoing.to(server, this.#content, streaming, fresh, this.#attempts.traceFields);
    const attempt = this.#attempts.count;
    const call = server.client.dispatch(request, this);
    // It may have failed before it returned; then another attempt is under way or all is over.
    if (attempt !== this.#attempts.count) return;
    if (this.#phase === OVER) call.abort();
    else {
      this.#call = call;
      if (this.#ready) this.#pump();
    }
  }

  #pump(): void {
    if (this.#body === undefined || this.#content !== undefined || this.#call === undefined) return;
    this.#invite();
    this.#body.pumpTo(this.#call);
  }

  bodyBuffered(content: Buffer): void {
    if (this.#phase !== COLLECTING) return;
    this.#content = content;
    this.#send(this.#host.clock.monotonic());
  }
  bodyTooLarge(): void {
    this.#fail(FAULTS.bodyTooLarge, 'the body is too large');
  }
  bodyMoved(): void {
    this.#lastMoved = this.#host.coarseNow;
  }

  onReady(): void {
    this.#ready = true;
    if (this.#call !== undefined) this.#pump();
  }

  onDrain(): void {
    this.#body?.resume();
  }

  onInformation(status: number, fields: readonly string[]): void {
    // 100 was ours to send, and was sent.
    if (status === 100 || status === 101 || this.#admission.httpMinor === 0 || this.#res.headersSent) return;
    this.#res.writeInformation(status, informationFields(fields));
  }

  onHead(status: number, fields: readonly string[]): void {
    this.#attempts.succeeded();
    const head = new ResponseHead(status, fields, this.#added, this.#host.via[1]);
    if (!head.wellFramed || status < 200) {
      this.#fail(FAULTS.protocol, 'the response is not well framed');
      return;
    }
    this.status = status;
    this.#content = undefined;
    this.#phase = STREAMING;
    this.#lastMoved = this.#host.coarseNow;
    if (this.#host.draining || (this.#body !== undefined && !this.#body.ended)) this.#res.shouldKeepAlive = false;
    this.#writer.head(head);
  }

  onData(chunk: Buffer): void {
    if (this.#phase !== STREAMING) return;
    this.#lastMoved = this.#host.coarseNow;
    if (!this.#writer.data(chunk)) this.#awaitClient();
  }

  onPause(): void {
    if (this.#phase === STREAMING && !this.#writer.flush()) this.#awaitClient();
  }

  onEnd(trailers: readonly string[]): void {
    if (this.#phase !== STREAMING) return;
    this.#end();
    const unread = this.#body !== undefined && !this.#body.ended;
    if (unread) this.#body?.discard();
    this.#writer.end(trailers, unread ? () => endAfterLingering(this.#req, this.#res, this.#host.clock) : undefined);
    this.#owner.forwarded();
  }

  onUpgrade(fields: readonly string[], socket: Duplex, head: Buffer): void {
    const tunnel = this.#tunnel;
    if (this.#phase !== WAITING || tunnel === undefined) {
      socket.destroy();
      if (this.#phase !== OVER) this.#fail(FAULTS.protocol, 'the protocol was switched unasked');
      return;
    }
    this.#attempts.succeeded();
    this.status = 101;
    this.#phase = TUNNELLING;
    this.#lastMoved = this.#host.coarseNow;
    this.#res.socket.write(switchingHead(fields, this.#added, this.#host.via[1]), 'latin1');
    tunnel.connect(socket, head);
  }

  onFailure(failure: UpstreamFailure): void {
    if (this.#phase === OVER) return;
    const untouched = this.#body === undefined || this.#body.untouched || this.#content !== undefined;
    const replayable = this.#phase === WAITING && untouched;
    const now = this.#host.clock.monotonic();
    const again = this.#attempts.retry(failure, this.#admission.method, replayable, now);
    if (again !== undefined) {
      this.#send(now, again.race);
      return;
    }
    const fault = this.#phase === STREAMING ? FAULTS.truncated : faultOf(failure);
    this.#fail(fault, `${this.#attempts.server?.origin ?? ''}: ${failure.reason}`);
  }

  #fail(fault: Fault, reason: string): void {
    this.#host.logger.debug({ upstream: this.#upstream.options.name, fault: fault.code, reason }, 'request not served');
    const tunnelling = this.#phase === TUNNELLING;
    this.#end(fault);
    this.#call?.abort();
    if (tunnelling) {
      this.#tunnel?.destroy();
      this.#owner.brokenOff(fault);
    } else if (this.#writer.started) {
      this.#writer.truncate();
      this.#owner.brokenOff(fault);
    } else {
      // What was held back was never sent, so there is still a status to give. A response that stalls is a bad gateway.
      this.#writer.discard();
      this.status = 0;
      this.#owner.unanswered(fault);
    }
  }

  #awaitClient(): void {
    if (this.#slowClient) return;
    this.#slowClient = true;
    this.#call?.pause();
    this.#res.drained(() => {
      this.#slowClient = false;
      this.#lastMoved = this.#host.coarseNow;
      if (this.#phase === STREAMING) this.#call?.resume();
    });
  }

  #tunnelClosed(): void {
    if (this.#phase !== TUNNELLING) return;
    this.#end();
    this.#owner.forwarded();
  }
}
