import { Buffer } from 'node:buffer';
import { reasonOf } from '../core/errors.ts';
import type { RequestEvent } from '../core/telemetry.ts';
import type { Outcome } from '../limiter/outcome.ts';
import type { ActiveList, Linked } from './active-list.ts';
import { Admission } from './admission.ts';
import type { ClientConnection, ConnectionUser } from './downstream/client-connection.ts';
import type { ClientRequest } from './downstream/client-request.ts';
import type { ClientResponse } from './downstream/client-response.ts';
import { utf8AsLatin1 } from './downstream/client-response.ts';
import type { ExchangeHost } from './exchange-host.ts';
import type { Fault } from './faults.ts';
import { FAULTS } from './faults.ts';
import { Forwarding } from './forwarding.ts';
import type { ForwardingOwner } from './forwarding-owner.ts';
import { endAfterLingering } from './linger.ts';
import { PlainRequestFacts } from './request-facts.ts';
import type { CompiledRoute } from './snapshot.ts';

/** A body that nobody wants is read to its end when no more than this is missing; otherwise the connection is closed. */
const DRAIN_BYTES = 65_536;
const NOTHING: readonly string[] = [];

/** One request and its response, from the first byte to the last, however it ends. */
export class Exchange implements ForwardingOwner, ConnectionUser, Linked<Exchange> {
  previous: Exchange | undefined = undefined;
  next: Exchange | undefined = undefined;
  readonly #host: ExchangeHost;
  readonly #active: ActiveList<Exchange>;
  readonly #connection: ClientConnection;
  readonly #req: ClientRequest;
  readonly #res: ClientResponse;
  readonly #admission: Admission;
  readonly #startedAt: number;
  /** The client holds its body back until 100 Continue. */
  readonly #holdsBody: boolean;
  /** For an upgrade: what the client sent after the request. */
  readonly #upgradeHead: Buffer | undefined;
  #outcome: Outcome | undefined = undefined;
  #forwarding: Forwarding | undefined = undefined;
  #fault: Fault | undefined = undefined;
  #status = 0;
  #decisionMs = 0;
  #answerBytes = 0;
  /** A response of our own was written. */
  #answered = false;
  /** What of a complete response the client has not taken yet, and since when that has been so much. */
  #unflushed: { readonly bytes: number; readonly since: number } | undefined = undefined;
  #over = false;

  constructor(
    host: ExchangeHost,
    active: ActiveList<Exchange>,
    connection: ClientConnection,
    req: ClientRequest,
    res: ClientResponse,
    holdsBody: boolean,
    upgradeHead: Buffer | undefined,
  ) {
    this.#host = host;
    this.#active = active;
    this.#connection = connection;
    this.#req = req;
    this.#res = res;
    this.#holdsBody = holdsBody;
    this.#upgradeHead = upgradeHead;
    this.#startedAt = host.clock.monotonic();
    const trace = host.tracer?.begin(req.head.raw, this.#startedAt);
    this.#admission = new Admission(req, connection, host.snapshot, host.server, trace);
    connection.enter(this);
    active.add(this);
  }

  start(): void {
    const { fault, route } = this.#admission;
    if (fault !== undefined) this.refuse(fault);
    else if (route !== undefined) this.#decide(route);
  }

  /** Answers with a fault of our own. */
  refuse(fault: Fault): void {
    this.#fault = fault;
    const { framing } = this.#admission;
    // Where the end of this request is uncertain, so is the start of the next.
    if (framing === 'malformed' || framing === 'unsupported' || this.#connection.surplus) {
      this.#res.shouldKeepAlive = false;
    }
    this.#answer(fault.status, fault.length, fault.body);
  }

  /** Watches the time limits. @param now monotonic milliseconds */
  tick(now: number): void {
    this.#forwarding?.tick(now);
    if (this.#unflushed === undefined) return;
    const idleMs = this.#host.server.streamIdleTimeoutMs;
    const left = this.#res.unflushed;
    if (left !== this.#unflushed.bytes) this.#unflushed = { bytes: left, since: now };
    else if (idleMs > 0 && now - this.#unflushed.since > idleMs) {
      this.#fault = FAULTS.streamIdle;
      this.#res.destroy();
      this.#finish();
    }
  }

  forwarded(): void {
    this.#status = this.#forwarding?.status ?? 0;
    this.#finishWhenFlushed();
  }

  unanswered(fault: Fault): void {
    this.refuse(fault);
  }

  brokenOff(fault: Fault): void {
    this.#fault = fault;
    this.#status = this.#forwarding?.status ?? 0;
    this.#finish();
  }

  clientGone(): void {
    if (this.#over) return;
    this.#forwarding?.abort(FAULTS.clientGone);
    // A refusal that the client did not wait for stays what it is.
    if (this.#fault === undefined) this.#fault = FAULTS.clientGone;
    if (this.#status === 0) this.#status = this.#forwarding?.status || FAULTS.clientGone.status;
    this.#finish();
  }

  requestBroken(timeout: boolean): void {
    if (this.#over) return;
    const fault = timeout ? FAULTS.requestTimeout : FAULTS.malformed;
    this.#forwarding?.abort(fault);
    this.#res.shouldKeepAlive = false;
    if (this.#answered) {
      // The answer is out; only the rest of the request was still being read.
      this.#res.end();
    } else if (this.#res.headersSent) {
      this.#status = this.#forwarding?.status ?? this.#status;
      this.#fault ??= fault;
      this.#res.destroy();
      this.#finish();
    } else this.refuse(fault);
  }

  /** Shutdown has waited long enough. */
  cutOff(): void {
    if (this.#over) return;
    this.#forwarding?.abort(FAULTS.drained);
    this.#fault ??= FAULTS.drained;
    if (this.#status === 0) this.#status = this.#forwarding?.status || FAULTS.drained.status;
    this.#connection.socket.destroy();
    this.#finish();
  }

  #decide(route: CompiledRoute): void {
    const { method, path, host, clientIp, head, query, trace } = this.#admission;
    const facts = new PlainRequestFacts(method, path.decoded, host, route.name, clientIp, head.raw, query);
    const outcome = route.limits.decide(facts, trace);
    if (!(outcome instanceof Promise)) {
      this.#decided(route, outcome);
      return;
    }
    outcome.then(
      (decided) => this.#decided(route, decided),
      (error: unknown) => {
        this.#host.logger.error({ route: route.name, reason: reasonOf(error) }, 'the limiter failed on a request');
        if (!this.#over) this.refuse(FAULTS.internal);
      },
    );
  }

  #decided(route: CompiledRoute, outcome: Outcome): void {
    if (this.#over) {
      outcome.release?.();
      return;
    }
    this.#outcome = outcome;
    const now = this.#host.clock.monotonic();
    this.#decisionMs = now - this.#startedAt;
    this.#admission.trace?.decisionEnded(now, route.limits.names, this.#verdict());
    const rejection = outcome.rejection;
    if (rejection !== undefined) {
      this.#answer(rejection.status, String(Buffer.byteLength(rejection.body)), rejection.body);
      return;
    }
    const { head, method } = this.#admission;
    if (head.maxForwards === '0' && (method === 'OPTIONS' || method === 'TRACE')) {
      // It may go no further (RFC 9110, 7.6.2), so the answer is ours; we reflect nothing.
      if (method === 'TRACE') this.refuse(FAULTS.method);
      else this.#answer(204, undefined, '');
      return;
    }
    const forwarding = new Forwarding(
      this,
      this.#host,
      route.upstream,
      this.#admission,
      this.#req,
      this.#res,
      outcome.headers,
      this.#holdsBody,
    );
    this.#forwarding = forwarding;
    forwarding.start(this.#connection, this.#upgradeHead, now);
  }

  /** Sends a response of our own. @param length of the body as a field value; undefined = no body */
  #answer(status: number, length: string | undefined, body: string): void {
    const res = this.#res;
    if (res.headersSent || res.destroyed) return;
    this.#status = status;
    this.#answered = true;
    this.#answerBytes = body.length;
    const fields: string[] = [];
    if (length !== undefined) fields.push('Content-Type', 'application/problem+json', 'Content-Length', length);
    const added = this.#outcome?.headers ?? NOTHING;
    for (let i = 0; i < added.length; i++) fields.push(added[i] ?? '');
    const lingers = this.#leavesBody();
    if (lingers || this.#host.draining) res.shouldKeepAlive = false;
    res.writeHead(status, fields, length === undefined ? 'none' : 'length', false);
    const text = body === '' ? '' : utf8AsLatin1(body);
    if (lingers) {
      res.flush(text);
      endAfterLingering(this.#req, res, this.#host.clock);
    } else res.end(text);
    this.#finishWhenFlushed();
  }

  /** Whether so much of the request's body is still to come that the connection has to be given up. */
  #leavesBody(): boolean {
    const { framing, head } = this.#admission;
    if (framing === 'none' || this.#req.complete || this.#connection.broken) return false;
    const body = this.#forwarding?.body;
    // Whoever waits for 100 Continue and gets a final answer may send the body or not: Node closes the connection.
    if (this.#holdsBody && body === undefined) return false;
    if (framing !== 'length' || (head.contentLength ?? 0) - (body?.bytes ?? 0) > DRAIN_BYTES) return true;
    body?.discard();
    return false;
  }

  /** A response is over when the system has taken it; one that lingers has said all it has to say. */
  #finishWhenFlushed(): void {
    const res = this.#res;
    const bytes = res.unflushed;
    if (bytes === 0 || res.destroyed || this.#forwarding?.status === 101) {
      this.#finish(this.#forwarding?.endedAt ?? 0);
      return;
    }
    this.#unflushed = { bytes, since: this.#host.coarseNow };
    res.flushed(() => this.#finish());
  }

  /** @param at now, in monotonic milliseconds; 0 = not known */
  #finish(at = 0): void {
    if (this.#over) return;
    this.#over = true;
    this.#connection.leave(this);
    this.#outcome?.release?.();
    const now = at || this.#host.clock.monotonic();
    const event = this.#event(now);
    this.#host.telemetry.requestFinished(event);
    this.#admission.trace?.finished(event, this.#admission, now);
    this.#active.remove(this);
  }

  #event(now: number): RequestEvent {
    const { route, method, path, clientIp, trace } = this.#admission;
    const outcome = this.#outcome;
    const forwarding = this.#forwarding;
    const shadowed = outcome?.shadowViolated ?? NOTHING;
    const violated = outcome?.violated ?? NOTHING;
    return {
      route: route?.name ?? '',
      outcome: this.#verdict(),
      status: this.#status,
      method,
      path: path.match,
      clientIp,
      violated: violated.length === 0 ? shadowed : violated,
      upstream: forwarding === undefined ? undefined : route?.upstream.options.name,
      durationMs: now - this.#startedAt,
      decisionMs: this.#decisionMs,
      upstreamMs: forwarding?.durationMs,
      bytesIn: forwarding?.bytesIn ?? 0,
      bytesOut: forwarding === undefined || forwarding.status === 0 ? this.#answerBytes : forwarding.bytesOut,
      fault: this.#fault?.code,
      traceId: trace?.traceId,
    };
  }

  #verdict(): RequestEvent['outcome'] {
    if (this.#fault !== undefined) return 'error';
    const outcome = this.#outcome;
    // 400 is no verdict of a limit: the request's cost could not be read.
    if (outcome?.rejection !== undefined) return outcome.rejection.status === 400 ? 'error' : 'denied';
    return outcome !== undefined && outcome.shadowViolated.length > 0 ? 'shadow_denied' : 'allowed';
  }
}
