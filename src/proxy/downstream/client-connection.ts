import { Buffer } from 'node:buffer';
import type { Socket } from 'node:net';
import type { CidrSet } from '../../core/ip.ts';
import { canonicalIp } from '../../core/ip.ts';
import type { Fault } from '../faults.ts';
import { FAULTS } from '../faults.ts';
import { listHas } from '../fields.ts';
import { RequestHead, requestFraming } from '../request-head.ts';
import { BodyDecoder } from './body-decoder.ts';
import type { BodySource } from './client-request.ts';
import { ClientRequest } from './client-request.ts';
import type { ResponseHost, ResponseOwner } from './client-response.ts';
import { ClientResponse } from './client-response.ts';
import type { RequestText } from './request-line.ts';
import { parseRequest, startFault } from './request-line.ts';

/** What is going on on a connection; told when the client is gone. */
export interface ConnectionUser {
  clientGone(): void;
  /** The rest of the request cannot be read. */
  requestBroken(timeout: boolean): void;
}

/** Who serves what is read from connections. */
export interface ConnectionOwner extends ResponseHost {
  readonly limits: ReadingLimits;
  /** Monotonic milliseconds as of the last look at the connections. */
  readonly lookedAt: number;
  /** A request whose head is complete. @param upgradeHead for an upgrade: what follows it; the connection reads no more */
  serve(
    connection: ClientConnection,
    request: ClientRequest,
    response: ClientResponse,
    upgradeHead: Buffer | undefined,
  ): void;
  /** What came is no request that could be answered in the usual way; nothing more is read. */
  unreadable(connection: ClientConnection, fault: Fault, method: string): void;
}

export interface ReadingLimits {
  readonly maxHeadBytes: number;
  /** Milliseconds, none of them undefined; 0 = no limit for the last two. */
  readonly headMs: number;
  readonly requestMs: number;
  readonly idleMs: number;
}

/** Input held back while a request is being answered; beyond that the client is not read. */
const HELD_BYTES = 65_536;
/** Heads are looked for in so many bytes first, so that a long body is not turned into text in vain. */
const USUAL_HEAD_BYTES = 4_096;

/** One client connection: reads requests one after the other, each when the one before has been answered. */
export class ClientConnection implements BodySource, ResponseOwner {
  readonly socket: Socket;
  /** Address of the peer, canonical. */
  readonly peer: string;
  /** Over the bound: its first request is answered 503 and the connection closed. */
  readonly surplus: boolean;
  /** A request could not be read: nothing more is answered here. */
  broken = false;
  readonly #owner: ConnectionOwner;
  #user: ConnectionUser | undefined = undefined;
  #trusted = false;
  #trustedIn: CidrSet | undefined = undefined;
  /** Came, and was not made anything of yet. */
  #input: Buffer | undefined = undefined;
  /** Its body is still being read. */
  #request: ClientRequest | undefined = undefined;
  #body: BodyDecoder | undefined = undefined;
  /** Is still being written. */
  #response: ClientResponse | undefined = undefined;
  /** Nothing more is read here. */
  #deaf = false;
  #reading = false;
  #paused = false;
  /** Since when a request has been arriving, or the connection been idle; roughly. */
  #since: number;
  #arriving = true;
  readonly #take = (chunk: Buffer): void => this.#request?.data(chunk);

  constructor(socket: Socket, surplus: boolean, owner: ConnectionOwner) {
    this.socket = socket;
    this.surplus = surplus;
    this.#owner = owner;
    this.#since = owner.lookedAt;
    // A connection that is already closed again has no address; its requests end before anybody counts them.
    this.peer = canonicalIp(socket.remoteAddress ?? '') ?? '0.0.0.0';
    socket.on('data', this.#received);
    socket.on('end', this.#finished);
    // What follows an error is a close, and that is heard.
    socket.on('error', ignore);
  }

  readonly #received = (chunk: Buffer): void => {
    if (this.#deaf) return;
    this.#input = this.#input === undefined ? chunk : Buffer.concat([this.#input, chunk]);
    this.#read();
  };

  readonly #finished = (): void => {
    if (this.#request !== undefined || this.#response === undefined) this.socket.destroy();
    else this.socket.end();
  };

  /** Nobody has a request here. */
  get idle(): boolean {
    return this.#user === undefined;
  }

  /** Whether the peer is a trusted proxy; worked out once for each set. */
  trustedBy(trusted: CidrSet): boolean {
    if (this.#trustedIn !== trusted) {
      this.#trustedIn = trusted;
      this.#trusted = trusted.contains(this.peer);
    }
    return this.#trusted;
  }

  enter(user: ConnectionUser): void {
    this.#user = user;
  }

  leave(user: ConnectionUser): void {
    if (this.#user === user) this.#user = undefined;
  }

  closed(): void {
    this.#user?.clientGone();
  }

  /** Watches the time limits. @param slackMs how much too early the times that were noted may be */
  look(now: number, slackMs: number): void {
    const { headMs, requestMs, idleMs } = this.#owner.limits;
    const past = now - this.#since - slackMs;
    if (this.#arriving) {
      if (this.#deaf) return;
      const inHead = this.#request === undefined;
      const late = (inHead && headMs > 0 && past > headMs) || (requestMs > 0 && past > requestMs);
      if (late) this.#break(FAULTS.requestTimeout);
    } else if (idleMs > 0 && past > idleMs && this.#response === undefined && this.idle) this.socket.destroy();
  }

  wake(): void {
    this.#read();
  }

  responseEnded(response: ClientResponse): void {
    if (response !== this.#response) return;
    if (!response.shouldKeepAlive) {
      this.#deaf = true;
      this.socket.destroySoon();
    } else if (response.unflushed > HELD_BYTES) response.flushed(() => this.#next());
    else this.#next();
  }

  #next(): void {
    this.#response = undefined;
    if (this.#request !== undefined) this.#request.discard();
    else {
      this.#since = this.#owner.lookedAt;
      if (this.#input !== undefined) this.#read();
    }
  }

  #read(): void {
    if (this.#reading) return;
    this.#reading = true;
    while (this.#input !== undefined && !this.#deaf) {
      if (this.#request !== undefined) {
        if (!this.#readBody(this.#request, this.#input)) break;
      } else if (this.#response !== undefined || !this.#readHead(this.#input)) break;
    }
    this.#reading = false;
    const held = this.#input?.length ?? 0;
    const pause = !this.#deaf && held > 0 && (this.#request !== undefined || held >= HELD_BYTES);
    if (pause === this.#paused) return;
    this.#paused = pause;
    if (pause) this.socket.pause();
    else this.socket.resume();
  }

  /** @returns whether a request was read */
  #readHead(bytes: Buffer): boolean {
    const { maxHeadBytes } = this.#owner.limits;
    let text = bytes.toString('latin1', 0, Math.min(bytes.length, USUAL_HEAD_BYTES));
    let start = startOf(text);
    let end = text.indexOf('\r\n\r\n', start);
    if (end === -1 && bytes.length > USUAL_HEAD_BYTES) {
      text = bytes.toString('latin1', 0, Math.min(bytes.length, maxHeadBytes + 4));
      start = startOf(text);
      end = text.indexOf('\r\n\r\n', start);
    }
    if (end === -1) {
      if (bytes.length >= maxHeadBytes) this.#break(FAULTS.headersTooLarge);
      else {
        const fault = startFault(text, start);
        if (fault !== undefined) this.#break(fault);
        else if (!this.#arriving && start < text.length) this.#arrives();
      }
      return false;
    }
    if (end - start > maxHeadBytes) {
      this.#break(FAULTS.headersTooLarge);
      return false;
    }
    const parsed = parseRequest(text, start, end);
    if (parsed.fault !== undefined) {
      this.#break(parsed.fault);
      return false;
    }
    this.#input = bytes.length === end + 4 ? undefined : bytes.subarray(end + 4);
    this.#begin(parsed);
    return true;
  }

  #begin({ method, target, minor, fields }: RequestText): void {
    const head = new RequestHead(fields);
    if (method === 'CONNECT') {
      this.#break(FAULTS.method, method);
      return;
    }
    const framing = requestFraming(head, minor);
    const request = new ClientRequest(this, method, target, minor, head, framing);
    const { connection } = head;
    const keep =
      connection === '' || connection === 'keep-alive'
        ? minor === 1 || connection !== ''
        : !listHas(connection, 'close') && (minor === 1 || listHas(connection, 'keep-alive'));
    const awaited = head.expect !== undefined && minor === 1;
    const response = new ClientResponse(this.socket, request, this, this.#owner, keep, awaited);
    this.#response = response;
    if (mayUpgrade(request)) {
      this.#handOver(request, response);
      return;
    }
    if (request.complete) this.#arriving = false;
    else {
      if (!this.#arriving) this.#arrives();
      this.#request = request;
      this.#body = new BodyDecoder(framing, head.contentLength);
    }
    if (!keep && request.complete) this.#deaf = true;
    this.#owner.serve(this, request, response, undefined);
  }

  /** @returns whether to go on */
  #readBody(request: ClientRequest, bytes: Buffer): boolean {
    const body = this.#body;
    if (!request.wanted || body === undefined) return false;
    // Whoever takes the data may end all this.
    this.#input = undefined;
    const used = body.decode(bytes, this.#take);
    if (used === -1) {
      this.#break(FAULTS.malformed);
      return false;
    }
    if (used < bytes.length) this.#input = bytes.subarray(used);
    if (body.done && this.#request === request) this.#bodyEnded(request, body.trailers);
    return true;
  }

  #bodyEnded(request: ClientRequest, trailers: readonly string[]): void {
    this.#request = undefined;
    this.#body = undefined;
    this.#arriving = false;
    if (this.#response === undefined) this.#since = this.#owner.lookedAt;
    else if (!this.#response.shouldKeepAlive) this.#deaf = true;
    request.ended(trailers);
  }

  #arrives(): void {
    this.#arriving = true;
    this.#since = this.#owner.lookedAt;
  }

  /** The connection is the tunnel's from here on. */
  #handOver(request: ClientRequest, response: ClientResponse): void {
    const rest = this.#input ?? Buffer.alloc(0);
    this.#input = undefined;
    this.#deaf = true;
    response.shouldKeepAlive = false;
    this.socket.off('data', this.#received);
    this.socket.off('end', this.#finished);
    this.socket.pause();
    this.#owner.serve(this, request, response, rest);
  }

  #break(fault: Fault, method = ''): void {
    this.#deaf = true;
    this.broken = true;
    const answered = this.#request !== undefined && this.#response === undefined;
    this.#input = undefined;
    this.#request = undefined;
    const user = this.#user;
    const told = this.surplus && user === undefined ? FAULTS.connections : fault;
    if (user !== undefined) user.requestBroken(fault === FAULTS.requestTimeout);
    else if (answered || (fault === FAULTS.requestTimeout && this.socket.bytesRead === 0)) this.socket.destroySoon();
    else this.#owner.unreadable(this, told, method);
  }
}

/** h2c is nothing we speak, and a request with a body does not give up its framing: both are served as if the field were not there. */
function mayUpgrade({ head, minor }: ClientRequest): boolean {
  const { upgrade, connection, transferEncoding, contentLength } = head;
  if (upgrade === undefined || minor !== 1 || transferEncoding !== undefined) return false;
  if (contentLength !== undefined && contentLength !== 0) return false;
  return listHas(connection, 'upgrade') && !/(^|[\s,])h2c?([\s,]|$)/i.test(upgrade);
}

/** Where the request line begins: some clients end a request with a line too many (RFC 9112, 2.2). */
function startOf(text: string): number {
  let start = 0;
  while (text.startsWith('\r\n', start)) start += 2;
  return start;
}

function ignore(): void {}
