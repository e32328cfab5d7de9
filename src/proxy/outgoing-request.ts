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
   * @param via value for a Via field
   */
  constructor(admission: Admission, peer: string, via: string, preserveHost: boolean, upgrading: boolean) {
    const { head, authority, framing, peerTrusted } = admission;
    this.#admission = admission;
    this.#preserveHost = preserveHost;
    this.#upgrading = upgrading;
    const chunked = framing === 'chunked';
    this.#fields = forwardedRequestFields(head, { peer, peerTrusted, authority, scheme: 'http', via, chunked });
  }

  /**
   * As one server gets it.
   *
   * @param body the whole body; undefined when there is none or it streams
   * @param fresh over a new connection
   */
  to(server: UpstreamServer, body: Buffer | undefined, streaming: boolean, fresh: boolean): UpstreamRequest {
    const { method, path, query, head, authority, framing } = this.#admission;
    return {
      method,
      target: query === '' ? path.forward : path.forward + query,
      host: this.#preserveHost && authority !== '' ? authority : server.authority,
      fields: this.#fields,
      upgrade: this.#upgrading ? head.upgrade : undefined,
      body,
      streaming,
      length: framing === 'length' ? head.contentLength : undefined,
      fresh,
    };
  }
}
