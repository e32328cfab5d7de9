import type { Socket } from 'node:net';
import type { CidrSet } from '../core/ip.ts';
import { canonicalIp } from '../core/ip.ts';

/** What is going on on a connection; told when the client is gone. */
export interface ConnectionUser {
  clientGone(): void;
  /** The rest of the request cannot be read. */
  requestBroken(timeout: boolean): void;
}

/** One client connection. */
export class ClientConnection {
  readonly socket: Socket;
  /** Address of the peer, canonical. */
  readonly peer: string;
  /** Over the bound: its first request is answered 503 and the connection closed. */
  readonly surplus: boolean;
  /** A request could not be read: nothing more is answered here. */
  broken = false;
  /** Usually one; more when the client pipelines. */
  readonly users: ConnectionUser[] = [];
  #trusted = false;
  #trustedIn: CidrSet | undefined;

  constructor(socket: Socket, surplus: boolean) {
    this.socket = socket;
    this.surplus = surplus;
    // A connection that is already closed again has no address; its requests end before anybody counts them.
    this.peer = canonicalIp(socket.remoteAddress ?? '') ?? '0.0.0.0';
  }

  /** Whether the peer is a trusted proxy; worked out once for each set. */
  trustedBy(trusted: CidrSet): boolean {
    if (this.#trustedIn !== trusted) {
      this.#trustedIn = trusted;
      this.#trusted = trusted.contains(this.peer);
    }
    return this.#trusted;
  }

  leave(user: ConnectionUser): void {
    const at = this.users.indexOf(user);
    if (at === this.users.length - 1) this.users.pop();
    else if (at !== -1) this.users.splice(at, 1);
  }

  closed(): void {
    for (const user of [...this.users]) user.clientGone();
  }
}
