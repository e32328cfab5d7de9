import type { Clock } from '../../core/clock.ts';
import type { PeerRefusal } from '../../core/telemetry.ts';
import type { Peer } from '../peer.ts';
import { ReplayWindow } from './replay-window.ts';

/** Most that a sender's clock may differ from ours, either way. */
export const MAX_CLOCK_GAP_MS = 10_000;

/**
 * A sender silent for so long is forgotten. Whatever it has sent before is refused for its time by then: it was at most one
 * gap ahead when it was taken, and is more than one gap behind now.
 */
const FORGET_MS = 2 * MAX_CLOCK_GAP_MS + 1_000;

/** Messages overtake one another and go to many hosts under one count: a second's worth of a large fleet. */
const MESSAGE_WINDOW = 8_192;
const SESSION_WINDOW = 1_024;

const MAX_SENDERS = 16_384;

interface Sender {
  readonly peer: Peer;
  readonly messages: ReplayWindow;
  /** Questions and greetings of connections, which are counted apart: they are slow, and messages would overtake them. */
  readonly sessions: ReplayWindow;
  /** When something of it was last taken, monotonic milliseconds. */
  lastAt: number;
}

/** What has been taken from whom, so that nothing is taken twice. About 1.3 KiB a sender; ends 21 s after its last message. */
export class Senders {
  readonly #clock: Clock;
  readonly #senders = new Map<string, Sender>();
  #sweptAt = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#senders.size;
  }

  /** Takes an authenticated message: the sender as known from now on, or why not. */
  take(address: string, incarnation: number, sequence: number, isSession: boolean): Peer | PeerRefusal {
    const now = this.#clock.monotonic();
    let sender = this.#senders.get(address);
    if (sender === undefined || sender.peer.incarnation !== incarnation) {
      if (sender !== undefined && sender.peer.incarnation > incarnation && now - sender.lastAt <= FORGET_MS) {
        return 'replayed';
      }
      if (sender === undefined && !this.#makeRoom(now)) return 'overloaded';
      sender = {
        peer: { address, incarnation },
        messages: new ReplayWindow(MESSAGE_WINDOW),
        sessions: new ReplayWindow(SESSION_WINDOW),
        lastAt: now,
      };
      this.#senders.set(address, sender);
    }
    if (!(isSession ? sender.sessions : sender.messages).take(sequence)) return 'replayed';
    sender.lastAt = now;
    return sender.peer;
  }

  #makeRoom(now: number): boolean {
    if (now - this.#sweptAt >= FORGET_MS || this.#senders.size >= MAX_SENDERS) {
      this.#sweptAt = now;
      for (const [address, { lastAt }] of this.#senders) if (now - lastAt > FORGET_MS) this.#senders.delete(address);
    }
    return this.#senders.size < MAX_SENDERS;
  }
}
