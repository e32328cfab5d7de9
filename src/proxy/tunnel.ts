import type { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';

/** Most bytes kept of a client that speaks before the upstream has agreed to the new protocol. */
const EARLY_BYTES = 65_536;

/** Bytes both ways between two sockets after an upgrade, as fast as the slower one reads. */
export class Tunnel {
  readonly #client: Duplex;
  readonly #closed: () => void;
  #upstream: Duplex | undefined;
  #early: Buffer[] = [];
  #earlyBytes = 0;
  #over = false;
  bytesIn = 0;
  bytesOut = 0;
  /** Set whenever a byte moves; whoever watches for idleness clears it. */
  moved = true;

  /** @param closed called once when both directions have ended or one has failed */
  constructor(client: Duplex, head: Buffer, closed: () => void) {
    this.#client = client;
    this.#closed = closed;
    if (head.length > 0) this.#fromClient(head);
    client.on('data', (chunk: Buffer) => this.#fromClient(chunk));
    client.on('error', () => this.destroy());
    client.on('close', () => this.destroy());
    client.resume();
  }

  /** The upstream has agreed. @param head what it already sent in the new protocol */
  connect(upstream: Duplex, head: Buffer): void {
    if (this.#over) {
      upstream.destroy();
      return;
    }
    this.#upstream = upstream;
    const client = this.#client;
    client.on('end', () => upstream.end());
    client.on('drain', () => upstream.resume());
    upstream.on('data', (chunk: Buffer) => this.#fromUpstream(chunk));
    upstream.on('end', () => client.end());
    upstream.on('drain', () => client.resume());
    upstream.on('error', () => this.destroy());
    upstream.on('close', () => this.#upstreamClosed());
    if (client.readableEnded) upstream.end();
    for (const chunk of this.#early) upstream.write(chunk);
    this.#early = [];
    if (head.length > 0) this.#fromUpstream(head);
    upstream.resume();
    client.resume();
  }

  destroy(): void {
    if (this.#over) return;
    this.#over = true;
    this.#client.destroy();
    this.#upstream?.destroy();
    this.#closed();
  }

  /** What the upstream said last is still on its way to the client. */
  #upstreamClosed(): void {
    if (this.#over) return;
    if (this.#client.writableFinished || this.#client.destroyed) this.destroy();
    else {
      this.#client.once('finish', () => this.destroy());
      this.#client.end();
    }
  }

  #fromClient(chunk: Buffer): void {
    this.moved = true;
    this.bytesIn += chunk.length;
    if (this.#upstream !== undefined) {
      if (!this.#upstream.write(chunk)) this.#client.pause();
      return;
    }
    this.#early.push(chunk);
    this.#earlyBytes += chunk.length;
    if (this.#earlyBytes >= EARLY_BYTES) this.#client.pause();
  }

  #fromUpstream(chunk: Buffer): void {
    this.moved = true;
    this.bytesOut += chunk.length;
    if (!this.#client.write(chunk)) this.#upstream?.pause();
  }
}
