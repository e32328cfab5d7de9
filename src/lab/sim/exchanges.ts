import { PeerError, WireError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { VirtualClock } from '../../core/virtual-clock.ts';
import type { Machine, Process } from './machine.ts';
import { overheadOf } from './machine.ts';
import type { Routes } from './routes.ts';
import type { Trace } from './trace.ts';
import type { Traffic } from './traffic.ts';
import { drawReliableDelay } from './weather.ts';

export interface ExchangesOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly machines: readonly Machine[];
  readonly routes: Routes;
  readonly traffic: Traffic;
  readonly trace: Trace;
  /** Called when a promise is settled or will be waited for. */
  readonly unsettled: () => void;
}

/** What an asker waits for an answer. */
const DEADLINE_MS = 1_000;
/** Most bytes of a question or an answer. */
export const MAX_EXCHANGE = 4 << 20;

const QUESTION = 2;
const ANSWER = 3;

/** A question under way, until it is answered, refused, or late. */
interface Asked {
  readonly asker: Process;
  readonly subject: number;
  readonly to: number;
  readonly payload: Uint8Array;
  readonly settle: (answer: Uint8Array | PeerError) => void;
}

/**
 * Questions over short connections: one round trip to connect, one for question and answer. What is lost is sent again;
 * what is cut off gets no answer. A machine that is on, but on which nothing listens, says so at once.
 */
export class Exchanges {
  readonly #options: ExchangesOptions;

  constructor(options: ExchangesOptions) {
    this.#options = options;
  }

  /** @param to undefined: nobody has that address */
  ask(asker: Process, subject: number, to: number | undefined, payload: Uint8Array): Promise<Uint8Array> {
    const { unsettled } = this.#options;
    // Whoever is dead goes no further.
    if (asker.clock.dead) return new Promise(() => {});
    if (payload.length > MAX_EXCHANGE) throw new WireError(`has ${payload.length} bytes, too many for a question`);
    unsettled();
    return new Promise((resolve, reject) => {
      let open = true;
      const settle = (answer: Uint8Array | PeerError): void => {
        asker.clock.run(() => {
          if (!open) return;
          open = false;
          deadline.cancel();
          unsettled();
          if (answer instanceof PeerError) reject(answer);
          else resolve(answer);
        });
      };
      const deadline = asker.clock.after(DEADLINE_MS, () =>
        settle(new PeerError('there was no answer in time', false)),
      );
      if (to !== undefined) this.#connect({ asker, subject, to, payload, settle });
    });
  }

  #connect(asked: Asked): void {
    const { machines } = this.#options;
    const { asker, to } = asked;
    this.#travel(asker.host, to, () => {
      const machine = machines[to];
      if (machine?.on !== true) return;
      if (machine.process === undefined) {
        this.#travel(to, asker.host, () => asked.settle(new PeerError('nobody listens there', true)));
      } else {
        // The answer to the connection attempt, and the question on its heels.
        this.#travel(to, asker.host, () => this.#question(asked));
      }
    });
  }

  #question(asked: Asked): void {
    const { machines, traffic } = this.#options;
    const { asker, subject, to, payload } = asked;
    if (asker.clock.dead) return;
    const bytes = payload.length + overheadOf(asker.self);
    traffic.sent(subject, asker.host, bytes);
    const begun = machines[to]?.process;
    this.#travel(asker.host, to, () => {
      const there = machines[to]?.process;
      // A process that ended in between takes its connections with it.
      if (there === undefined || there !== begun) return this.#reset(asked);
      there.clock.run(() => {
        traffic.received(subject, to, bytes);
        this.#answer(asked, there);
      });
    });
  }

  #answer(asked: Asked, there: Process): void {
    const { clock, traffic, trace } = this.#options;
    const { asker, subject, to, payload } = asked;
    const receiver = there.receivers[subject];
    if (receiver === undefined) return;
    trace.tell(clock.monotonic(), QUESTION, (asker.host << 12) ^ to, trace.ofBytes(payload));
    const answer = receiver.question(asker.self, payload);
    if (answer.length > MAX_EXCHANGE) throw new WireError(`has ${answer.length} bytes, too many for an answer`);
    trace.tell(clock.monotonic(), ANSWER, (asker.host << 12) ^ to, trace.ofBytes(answer));
    const bytes = answer.length + overheadOf(there.self);
    traffic.sent(subject, to, bytes);
    this.#travel(to, asker.host, () => {
      if (asker.clock.dead) return;
      asker.clock.run(() => {
        traffic.received(subject, asker.host, bytes);
        asker.heard?.(there.self);
        asked.settle(answer);
      });
    });
  }

  #reset(asked: Asked): void {
    const { machines } = this.#options;
    if (machines[asked.to]?.on !== true) return;
    this.#travel(asked.to, asked.asker.host, () => asked.settle(new PeerError('the connection was reset', false)));
  }

  /** Calls `arrived` after one way; never when there is none. */
  #travel(from: number, to: number, arrived: () => void): void {
    const { clock, random, routes } = this.#options;
    const weather = routes.way(from, to);
    if (weather === undefined) return;
    const delay = drawReliableDelay(weather, random);
    if (Number.isFinite(delay)) clock.after(delay, arrived);
  }
}
