import type { Socket } from 'node:net';
import { connect } from 'node:net';
import type { Clock, Timer } from '../../core/clock.ts';
import type { Random } from '../../core/random.ts';
import type { Telemetry } from '../../core/telemetry.ts';
import { ACK, FRAME_HEAD, FrameReader, MESSAGE, putFrame } from './frames.ts';
import type { HostPort } from './host-port.ts';

const QUEUE_BYTES = 512 << 10;
/** What waits longer is dropped: newer counts say the same, and a peer refuses what is older than 10 s. */
const QUEUE_MS = 5_000;
const CONNECT_MS = 2_000;
/** A peer says each second what it has read. One that does not is stuck, or cut off: a new connection finds out sooner than TCP. */
const STALL_MS = 4_000;
const IDLE_MS = 60_000;
const FIRST_BACKOFF_MS = 100;
const MAX_BACKOFF_MS = 5_000;

export interface TcpLinkOptions {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Pick<Telemetry, 'peerRefused'>;
  /** What opens each connection. */
  opening(): Buffer;
}

/** `full`: the system takes no more for now; `waiting`: for the next attempt to connect. */
type State = 'idle' | 'connecting' | 'open' | 'full' | 'waiting' | 'closed';

interface Waiting {
  readonly bytes: Uint8Array;
  readonly at: number;
}

/**
 * The way of messages to one peer: one connection, kept open, made anew when it breaks. What cannot be written waits in a
 * queue of at most 512 KiB and 5 s, of which the oldest give way; so a peer that does not read holds up nobody else.
 */
export class TcpLink {
  readonly #address: HostPort;
  readonly #options: TcpLinkOptions;
  #socket: Socket | undefined;
  #state: State = 'idle';
  /** When the state was entered, monotonic milliseconds. */
  #since = 0;
  #retry: Timer | undefined;
  #backoffMs = FIRST_BACKOFF_MS;
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  #isFlushing = false;
  /** When the first bytes were written that the peer has not said to have read. */
  #unreadSince: number | undefined;
  #usedAt: number;

  constructor(address: HostPort, options: TcpLinkOptions) {
    this.#address = address;
    this.#options = options;
    this.#usedAt = options.clock.monotonic();
  }

  send(bytes: Uint8Array): void {
    if (this.#state === 'closed') return;
    this.#usedAt = this.#options.clock.monotonic();
    const size = FRAME_HEAD + bytes.length;
    let dropped = 0;
    for (; this.#queuedBytes + size > QUEUE_BYTES && dropped < this.#queue.length; dropped++) {
      this.#queuedBytes -= FRAME_HEAD + (this.#queue[dropped]?.bytes.length ?? 0);
      this.#options.telemetry.peerRefused('overloaded');
    }
    if (dropped > 0) this.#queue.splice(0, dropped);
    this.#queue.push({ bytes, at: this.#usedAt });
    this.#queuedBytes += size;
    if (this.#state === 'open') this.#flushSoon();
    else if (this.#state === 'idle') this.#connect();
  }

  /** Looked after once in a while; false when it has not been used for a minute and may be thrown away. */
  look(now: number): boolean {
    if (this.#state === 'connecting' && now - this.#since >= CONNECT_MS) this.#broken();
    if (this.#unreadSince !== undefined && now - this.#unreadSince >= STALL_MS) this.#broken();
    return now - this.#usedAt < IDLE_MS;
  }

  close(): void {
    this.#enter('closed');
    this.#retry?.cancel();
    this.#socket?.destroy();
    this.#queue = [];
  }

  #enter(state: State): void {
    this.#state = state;
    this.#since = this.#options.clock.monotonic();
  }

  #connect(): void {
    this.#enter('connecting');
    const socket = connect({ ...this.#address, noDelay: true, keepAlive: true });
    this.#socket = socket;
    const reader = new FrameReader(
      false,
      (type) => (type === ACK ? 0 : undefined),
      () => {
        // It reads. While there is more for it to read than the system takes, it must go on.
        this.#unreadSince = this.#state === 'full' ? this.#options.clock.monotonic() : undefined;
        this.#backoffMs = FIRST_BACKOFF_MS;
        return true;
      },
    );
    const isCurrent = (): boolean => this.#socket === socket;
    socket.on('connect', () => {
      if (!isCurrent()) return;
      socket.write(this.#options.opening());
      this.#enter('open');
      this.#flush();
    });
    socket.on('data', (chunk: Buffer) => {
      if (isCurrent() && reader.push(chunk) !== undefined) this.#broken();
    });
    socket.on('drain', () => {
      if (!isCurrent() || this.#state !== 'full') return;
      this.#enter('open');
      this.#flush();
    });
    socket.on('error', () => {});
    socket.on('close', () => {
      if (isCurrent()) this.#broken();
    });
  }

  /** Everything that is sent in one turn of the event loop goes out in one write. */
  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    this.#options.clock.endOfTurn(() => {
      this.#isFlushing = false;
      if (this.#state === 'open') this.#flush();
    });
  }

  #flush(): void {
    const now = this.#options.clock.monotonic();
    this.#dropOld(now);
    if (this.#queue.length === 0 || this.#socket === undefined) return;
    const out = Buffer.allocUnsafe(this.#queuedBytes);
    let at = 0;
    for (const { bytes } of this.#queue) at = putFrame(out, at, MESSAGE, bytes);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#unreadSince ??= now;
    if (!this.#socket.write(out)) this.#enter('full');
  }

  #dropOld(now: number): void {
    const keep = this.#queue.findIndex(({ at }) => now - at < QUEUE_MS);
    const old = this.#queue.splice(0, keep === -1 ? this.#queue.length : keep);
    for (const { bytes } of old) this.#queuedBytes -= FRAME_HEAD + bytes.length;
  }

  #broken(): void {
    if (this.#state === 'closed') return;
    const { clock, random } = this.#options;
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.destroy();
    this.#unreadSince = undefined;
    this.#enter('waiting');
    // Between half and all of it, so that hosts do not come back in step.
    this.#retry = clock.after(this.#backoffMs * (0.5 + random.next() / 2), () => {
      this.#enter('idle');
      this.#dropOld(clock.monotonic());
      if (this.#queue.length > 0) this.#connect();
    });
    this.#backoffMs = Math.min(MAX_BACKOFF_MS, this.#backoffMs * 2);
  }
}
