import type { Buffer } from 'node:buffer';
import type { Admission } from './admission.ts';
import { forwardedRequestFields } from './request-headers.ts';
import type { UpstreamRequest } from './upstream/client.ts';
import type { UpstreamServer } from './upstream/upstream.ts';

/** An admitted request on its way to an upstream; the same for every attempt. */
export class OutgoingRequest {
  readonly #admission: Admission;
  readonly #fields: readonly string[];
  readonly #preserveHost: boolean;
  readonly #upgrading: boolean;

  /**
   * @param peer address of the client's connection
   * @param vias value for a Via field after a request in HTTP/1.0, and in HTTP/1.1
   */
  constructor(
    admission: Admission,
    peer: string,
    vias: readonly [string, string],
    preserveHost: boolean,
    upgrading: boolean,
  ) {
    const { head, authority, framing, peerTrusted, trace } = admission;
    const via = vias[admission.httpMinor === 0 ? 0 : 1];
    this.#admission = admission;
    this.#preserveHost = preserveHost;
    this.#upgrading = upgrading;
    const chunked = framing === 'chunked';
    const traced = trace !== undefined;
    this.#fields = forwardedRequestFields(head, { peer, peerTrusted, authority, scheme: 'http', via, chunked, traced });
  }

  /**
   * As one server gets it.
   *
   * @param body the whole body; undefined when there is none or it streams
   * @param fresh over a new connection
   * @param trace fields of this attempt's own, flat; undefined when requests are not traced
   */
  to(
    server: UpstreamServer,
    body: Buffer | undefined,
    streaming: boolean,
    fresh: boolean,
    trace: readonly string[] | undefined,
  ): UpstreamRequest {
    const { method, path, query, head, authority, framing } = this.#admission;
    return {
      method,
      target: query === '' ? path.forward : path.forward + query,
      host: this.#preserveHost && authority !== '' ? authority : server.authority,
      fields: trace === undefined ? this.#fields : [...this.#fields, ...trace],
      upgrade: this.#upgrading ? head.upgrade : undefined,
      body,
      streaming,
      length: framing === 'length' ? head.contentLength : undefined,
      fresh,
    };
  }
}
