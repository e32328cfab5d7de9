import type { Channel } from '../../cluster/channel.ts';
import { WireError } from '../../core/errors.ts';
import type { Random } from '../../core/random.ts';
import type { PeerTraffic } from '../../core/telemetry.ts';
import type { VirtualClock } from '../../core/virtual-clock.ts';
import { Exchanges, MAX_EXCHANGE } from './exchanges.ts';
import type { Machine, Process } from './machine.ts';
import { overheadOf } from './machine.ts';
import { Routes } from './routes.ts';
import type { Trace } from './trace.ts';
import { SUBJECTS, Traffic } from './traffic.ts';
import type { Weather } from './weather.ts';
import { drawDelay } from './weather.ts';

export interface NetworkOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly machines: readonly Machine[];
  readonly weather: Weather;
  readonly trace: Trace;
  /** Called when a promise has been settled or is about to be waited for: what follows from it must run before time goes on. */
  readonly unsettled: () => void;
}

/** As on the wire: one packet, with what the envelope needs; see {@link overheadOf}. */
const MAX_PACKET = 1_400;
/** Deliveries happen at whole multiples of it, milliseconds: all of one moment are one entry in the queue of events. */
const TICK_MS = 1 / 8;
/** What a socket holds for a process that does not read (Linux's default rmem). */
const SOCKET_BYTES = 212_992;
/** A host refuses messages of a clock that differs by more. */
const MAX_CLOCK_GAP_MS = 10_000;

const DELIVERED = 1;

/** One payload of one sender, to however many. */
interface Packet {
  readonly from: Process;
  readonly subject: number;
  readonly payload: Uint8Array;
  /** As on the wire. */
  readonly bytes: number;
  readonly hash: number;
}

/** What arrives in one moment, in two columns: millions of small objects would cost more than all else. */
interface Arrivals {
  count: number;
  readonly to: number[];
  readonly packets: Packet[];
}

/**
 * A network of datagrams and of short connections, deterministic: all chance comes from one source of randomness, all
 * time from one virtual clock. Nothing is copied: a message to many hosts is one array, delivered many times.
 */
export class VirtualNetwork {
  readonly routes: Routes;
  readonly traffic: Traffic;
  readonly #options: NetworkOptions;
  readonly #exchanges: Exchanges;
  readonly #places = new Map<string, number>();
  readonly #moments = new Map<number, Arrivals>();
  readonly #spare: Arrivals[] = [];
  #deliveries = 0;
  #lost = 0;
  #clockRefusals = 0;

  constructor(options: NetworkOptions) {
    this.#options = options;
    this.routes = new Routes(options.machines.length, options.weather);
    this.traffic = new Traffic(options.machines.length);
    this.#exchanges = new Exchanges({ ...options, routes: this.routes, traffic: this.traffic });
    for (const { address, index } of options.machines) this.#places.set(address, index);
  }

  /** Messages handed to a process. */
  get deliveries(): number {
    return this.#deliveries;
  }
  /** Messages that never got there: lost on the way, cut off, or nobody there. */
  get lost(): number {
    return this.#lost;
  }
  /** Messages refused because the clocks of both sides differ too much. */
  get clockRefusals(): number {
    return this.#clockRefusals;
  }

  /** What `process` uses to talk about `subject`. */
  channel(process: Process, subject: PeerTraffic): Channel {
    const number = SUBJECTS.indexOf(subject);
    let last: Packet | undefined;
    return {
      maxPayload: MAX_PACKET - overheadOf(process.self),
      maxExchange: MAX_EXCHANGE,
      send: (to, payload) => {
        if (last?.payload !== payload) last = this.#pack(process, number, payload);
        this.#send(last, to);
      },
      exchange: (to, payload) => this.#exchanges.ask(process, number, this.#places.get(to), payload),
      receive: (receiver) => {
        process.receivers[number] = receiver;
      },
    };
  }

  #pack(from: Process, subject: number, payload: Uint8Array): Packet {
    const overhead = overheadOf(from.self);
    if (payload.length > MAX_PACKET - overhead) {
      throw new WireError(`has ${payload.length} bytes, too many for a packet`);
    }
    return { from, subject, payload, bytes: payload.length + overhead, hash: this.#options.trace.ofBytes(payload) };
  }

  #send(packet: Packet, address: string): void {
    const { host, clock } = packet.from;
    if (clock.dead) return;
    this.traffic.sent(packet.subject, host, packet.bytes);
    const to = this.#places.get(address);
    const weather = to === undefined ? undefined : this.routes.way(host, to);
    if (to === undefined || weather === undefined) {
      this.#lost += 1;
      return;
    }
    const { random } = this.#options;
    if (weather.duplicate > 0 && random.next() < weather.duplicate) this.#launch(packet, to, weather);
    if (weather.loss > 0 && random.next() < weather.loss) this.#lost += 1;
    else this.#launch(packet, to, weather);
  }

  #launch(packet: Packet, to: number, weather: Weather): void {
    const { clock, random } = this.#options;
    const now = clock.monotonic();
    // The next moment at the earliest: what is being delivered now is not added to.
    const tick = Math.max(Math.floor(now / TICK_MS) + 1, Math.ceil((now + drawDelay(weather, random)) / TICK_MS));
    let arrivals = this.#moments.get(tick);
    if (arrivals === undefined) {
      arrivals = this.#spare.pop() ?? { count: 0, to: [], packets: [] };
      this.#moments.set(tick, arrivals);
      clock.after(tick * TICK_MS - now, () => this.#arrive(tick));
    }
    const at = arrivals.count++;
    arrivals.to[at] = to;
    arrivals.packets[at] = packet;
  }

  #arrive(tick: number): void {
    const arrivals = this.#moments.get(tick);
    if (arrivals === undefined) return;
    const { machines } = this.#options;
    for (let i = 0; i < arrivals.count; i++) {
      const packet = arrivals.packets[i];
      const to = machines[arrivals.to[i] ?? -1]?.process;
      if (packet === undefined) continue;
      if (to === undefined) this.#lost += 1;
      else if (to.clock.paused) this.#hold(packet, to);
      else this.#deliver(packet, to, packet.from.clock.now());
    }
    this.#moments.delete(tick);
    arrivals.count = 0;
    this.#spare.push(arrivals);
  }

  #hold(packet: Packet, to: Process): void {
    if (to.waitingBytes + packet.bytes > SOCKET_BYTES) {
      this.#lost += 1;
      return;
    }
    to.waitingBytes += packet.bytes;
    const sentAt = packet.from.clock.now();
    to.clock.run(() => {
      to.waitingBytes -= packet.bytes;
      this.#deliver(packet, to, sentAt);
    });
  }

  /** @param sentAt the sender's wall time, give or take the way here */
  #deliver(packet: Packet, to: Process, sentAt: number): void {
    const { from, subject, payload, bytes } = packet;
    const gap = to.clock.now() - sentAt;
    if (gap > MAX_CLOCK_GAP_MS || gap < -MAX_CLOCK_GAP_MS) {
      this.#clockRefusals += 1;
      return;
    }
    const { clock, trace } = this.#options;
    this.#deliveries += 1;
    this.traffic.received(subject, to.host, bytes);
    trace.tell(clock.monotonic(), DELIVERED, (from.host << 12) ^ to.host, packet.hash);
    if (subject !== 0) to.heard?.(from.self);
    to.receivers[subject]?.message(from.self, payload);
  }
}
