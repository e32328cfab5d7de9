import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { Clock } from '../../core/clock.ts';
import { PeerError, reasonOf } from '../../core/errors.ts';
import { ANSWER, FrameReader } from './frames.ts';
import { codeOf, parseHostPort } from './host-port.ts';
import { MAX_EXCHANGE } from './transport.ts';

/** One question over a connection of its own: a large answer holds nothing else up, and a refusal is today's. */
export class Asking {
  readonly #to: string;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #fail: ((error: PeerError) => void) | undefined;

  constructor(to: string, clock: Clock, timeoutMs: number) {
    this.#to = to;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  fault(why: string, refused = false): PeerError {
    return new PeerError(`${this.#to} cannot be asked: ${why}`, refused);
  }

  /** Gives up. */
  stop(why: string): void {
    this.#fail?.(this.fault(why));
  }

  /** @throws PeerError */
  run(parts: readonly Buffer[]): Promise<Uint8Array> {
    const address = parseHostPort(this.#to);
    if (address === undefined) return Promise.reject(this.fault('that is no host:port'));
    return new Promise<Uint8Array>((resolve, reject) => {
      const socket = connect({ ...address, noDelay: true });
      const timer = this.#clock.after(this.#timeoutMs, () => this.stop(`no answer in ${this.#timeoutMs} ms`));
      const finish = (): void => {
        timer.cancel();
        this.#fail = undefined;
        socket.destroy();
      };
      this.#fail = (error) => {
        finish();
        reject(error);
      };
      this.#listen(socket, (answer) => {
        finish();
        resolve(answer);
      });
      socket.cork();
      for (const part of parts) socket.write(part);
      socket.uncork();
    });
  }

  #listen(socket: Socket, answered: (answer: Uint8Array) => void): void {
    const reader = new FrameReader(
      false,
      (type) => (type === ANSWER ? MAX_EXCHANGE : undefined),
      (_type, bytes) => {
        answered(bytes);
        return false;
      },
    );
    socket.on('data', (chunk: Buffer) => {
      if (this.#fail === undefined) return;
      const fault = reader.push(chunk);
      if (fault !== undefined) this.stop(`what answers there is no peer (${fault})`);
    });
    socket.on('error', (error) => this.#fail?.(this.fault(reasonOf(error), codeOf(error) === 'ECONNREFUSED')));
    socket.on('close', () => this.stop('it closed the connection (has it the same peers.secret?)'));
  }
}
