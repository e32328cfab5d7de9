/** Hosts with a membership each, on a network that exists in memory: one seed is one run. */
import type { Channel, Receiver } from '../../../src/cluster/channel.ts';
import type { Peer } from '../../../src/cluster/peer.ts';
import { Swim } from '../../../src/cluster/swim/swim.ts';
import type { Clock, Timer } from '../../../src/core/clock.ts';
import { repeating } from '../../../src/core/clock.ts';
import { PeerError, WireError } from '../../../src/core/errors.ts';
import type { Logger } from '../../../src/core/logger.ts';
import { silentLogger } from '../../../src/core/logger.ts';
import type { Random } from '../../../src/core/random.ts';
import { seededRandom } from '../../../src/core/random.ts';
import { Agenda } from './agenda.ts';

export interface FleetOptions {
  readonly seed: number;
  /** {@link VirtualFleet.loss} from the start. */
  readonly loss?: number;
  /** Of messages that arrive, those that arrive again. Default 0. */
  readonly duplication?: number;
  /** One way, milliseconds; each message draws from half to one and a half of it. Default 2. */
  readonly latencyMs?: number;
  readonly maxPayload?: number;
  readonly maxExchange?: number;
  readonly forgetAfterMs?: number;
  readonly logger?: (address: string) => Logger;
}

const QUESTION_TIMEOUT_MS = 1_500;
/** What a stopped process finds in its socket when it goes on. */
const SOCKET_BUFFER = 256;
const EPOCH = 1_700_000_000_000;

type Reach = (from: string, to: string) => boolean;

export class VirtualFleet {
  readonly agenda = new Agenda();
  readonly random: Random;
  readonly options: FleetOptions;
  readonly hosts = new Map<string, VirtualHost>();
  /** Other names that lead to a host. */
  readonly aliases = new Map<string, string>();
  reaches: Reach = () => true;
  /** Part of the messages that are lost, each by itself. */
  loss: number;
  /** Part of the questions that get no answer. A reliable way repeats what is lost, so 0 at first. */
  questionLoss = 0;
  messages = 0;
  bytes = 0;
  largest = 0;
  questions = 0;

  constructor(options: FleetOptions) {
    this.options = options;
    this.random = seededRandom(options.seed);
    this.loss = options.loss ?? 0;
  }

  /** `count` machines with nothing running on them. */
  machines(count: number): VirtualHost[] {
    return Array.from({ length: count }, () => {
      const host = new VirtualHost(this, addressOf(this.hosts.size));
      this.hosts.set(host.address, host);
      return host;
    });
  }

  /** So many hosts that list each other, started within a second of each other. */
  async start(count: number): Promise<VirtualHost[]> {
    const hosts = this.machines(count);
    const list = hosts.map(({ address }) => address);
    for (const host of hosts) this.agenda.at(this.agenda.now + this.random.below(1_000), () => host.start(list));
    await this.run(1_000);
    return hosts;
  }

  run(ms: number): Promise<void> {
    return this.agenda.run(ms);
  }

  /** Lets time pass until `look` is true, looking every 100 ms; how long that took. Throws after `withinMs`. */
  async until(what: string, look: () => boolean, withinMs: number): Promise<number> {
    const start = this.agenda.now;
    while (!look()) {
      if (this.agenda.now - start >= withinMs) {
        const seen = [...this.hosts.values()].slice(0, 8).map((host) => host.describe());
        throw new Error(`not within ${withinMs} ms: ${what}\n${seen.join('\n')}`);
      }
      await this.run(100);
    }
    return this.agenda.now - start;
  }

  /** Every running host sees exactly the running ones, all of them alive. */
  agrees(): boolean {
    const running = [...this.hosts.values()].filter((host) => host.swim !== undefined);
    return running.every((host) => host.sees(running));
  }

  /** Hosts of different groups do not reach each other. */
  partition(...groups: readonly (readonly VirtualHost[])[]): void {
    const side = new Map(groups.flatMap((group, i) => group.map(({ address }) => [address, i] as const)));
    this.reaches = (from, to) => side.get(from) === side.get(to);
  }

  heal(): void {
    this.reaches = () => true;
  }

  send(from: Peer, name: string, payload: Uint8Array): void {
    const { duplication = 0, maxPayload = 1_300 } = this.options;
    const to = this.aliases.get(name) ?? name;
    if (payload.length > maxPayload) throw new Error(`a message of ${payload.length} bytes`);
    this.messages++;
    this.bytes += payload.length;
    this.largest = Math.max(this.largest, payload.length);
    for (let copies = this.random.next() < duplication ? 2 : 1; copies > 0; copies--) {
      if (this.random.next() < this.loss || !this.reaches(from.address, to)) continue;
      this.agenda.at(this.agenda.now + this.latency(), () => this.hosts.get(to)?.deliver(from, payload));
    }
  }

  exchange(from: VirtualHost, self: Peer, name: string, payload: Uint8Array): Promise<Uint8Array> {
    const { maxExchange = 65_536 } = this.options;
    const to = this.aliases.get(name) ?? name;
    if (payload.length > maxExchange) throw new Error(`a question of ${payload.length} bytes`);
    this.questions++;
    const { promise, resolve, reject } = Promise.withResolvers<Uint8Array>();
    // Nothing that is under way outlives the process that waits for it.
    const life = from.lives;
    const settle = (after: number, how: () => void): void => {
      this.agenda.at(this.agenda.now + after, () =>
        from.whenRunning(() => {
          if (from.lives !== life) return;
          this.agenda.settling = true;
          how();
        }),
      );
    };
    settle(QUESTION_TIMEOUT_MS, () => reject(new PeerError('no answer', false)));
    const host = this.hosts.get(to);
    const isLost = this.random.next() < this.questionLoss;
    if (host === undefined || !host.isOn || !this.reaches(from.address, to) || isLost) return promise;
    this.agenda.at(this.agenda.now + 2 * this.latency(), () => {
      if (host.swim === undefined) return settle(this.latency(), () => reject(new PeerError('refused', true)));
      host.whenRunning(() => {
        const answer = host.ask(self, payload);
        if (answer === undefined || !this.reaches(to, from.address)) return;
        if (answer.length > maxExchange) throw new Error(`an answer of ${answer.length} bytes`);
        settle(this.latency(), () => resolve(answer));
      });
    });
    return promise;
  }

  latency(): number {
    return (this.options.latencyMs ?? 2) * (0.5 + this.random.next());
  }
}

export function addressOf(i: number): string {
  return `10.0.${i >> 8}.${i & 255}:7946`;
}

export class VirtualHost {
  readonly address: string;
  readonly #fleet: VirtualFleet;
  swim: Swim | undefined;
  /** The machine; while it is off nobody answers, not even to say that nobody listens. */
  isOn = true;
  /** So many processes have been started here. */
  lives = 0;
  malformed = 0;
  #receiver: Receiver | undefined;
  #pausedUntil = 0;
  #waiting: (() => void)[] = [];
  /** `address state` of each change that this host saw, oldest first. */
  readonly seen: string[] = [];

  constructor(fleet: VirtualFleet, address: string) {
    this.#fleet = fleet;
    this.address = address;
  }

  start(list: readonly string[]): Swim {
    const { agenda, options, random } = this.#fleet;
    this.isOn = true;
    const life = ++this.lives;
    const self = { address: this.address, incarnation: EPOCH + Math.floor(agenda.now) };
    const channel: Channel = {
      maxPayload: options.maxPayload ?? 1_300,
      maxExchange: options.maxExchange ?? 65_536,
      send: (to, payload) => this.#fleet.send(self, to, payload),
      exchange: (to, payload) => this.#fleet.exchange(this, self, to, payload),
      receive: (receiver) => {
        this.#receiver = receiver;
      },
    };
    const swim = new Swim({
      self,
      channel,
      clock: new HostClock(this.#fleet, this, life),
      random: seededRandom(random.below(2 ** 31)),
      logger: options.logger?.(this.address) ?? silentLogger,
      telemetry: { peerRefused: () => this.malformed++ },
      forgetAfterMs: options.forgetAfterMs ?? 600_000,
    });
    const states = new Map<string, string>();
    swim.onChange(() => {
      for (const { address, state } of swim.all) {
        if (states.get(address) === state) continue;
        states.set(address, state);
        this.seen.push(`${address} ${state}`);
      }
    });
    this.swim = swim;
    swim.start();
    swim.listed(list);
    return swim;
  }

  /** Says goodbye and ends. */
  stop(): void {
    this.swim?.stop();
    this.crash();
  }

  /** kill -9. */
  crash(): void {
    this.swim = undefined;
    this.#receiver = undefined;
    this.#pausedUntil = 0;
    this.#waiting = [];
    this.lives++;
  }

  powerOff(): void {
    this.crash();
    this.isOn = false;
  }

  /** SIGSTOP, and SIGCONT after `ms`. */
  pause(ms: number): void {
    const { agenda } = this.#fleet;
    const until = agenda.now + ms;
    this.#pausedUntil = until;
    const life = this.lives;
    agenda.at(until, () => {
      if (this.lives !== life || this.#pausedUntil !== until) return;
      this.#pausedUntil = 0;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const fn of waiting) fn();
    });
  }

  /** Now, or when the process goes on; never, when it ends before. */
  whenRunning(fn: () => void): void {
    if (this.#pausedUntil > this.#fleet.agenda.now) this.#waiting.push(fn);
    else fn();
  }

  deliver(from: Peer, payload: Uint8Array): void {
    if (this.#pausedUntil > this.#fleet.agenda.now && this.#waiting.length >= SOCKET_BUFFER) return;
    this.whenRunning(() => {
      try {
        this.#receiver?.message(from, payload);
      } catch (error) {
        if (!(error instanceof WireError)) throw error;
        this.malformed++;
      }
    });
  }

  ask(from: Peer, payload: Uint8Array): Uint8Array | undefined {
    return this.#receiver?.question(from, payload);
  }

  sees(running: readonly VirtualHost[]): boolean {
    const peers = this.swim?.peers ?? [];
    if (peers.length !== running.length - (running.includes(this) ? 1 : 0)) return false;
    const lives = new Map(running.map((host) => [host.address, host.swim?.self.incarnation]));
    return peers.every((peer) => peer.state === 'alive' && lives.get(peer.address) === peer.incarnation);
  }

  stateOf(other: VirtualHost): string | undefined {
    return this.swim?.all.find(({ address }) => address === other.address)?.state;
  }

  describe(): string {
    const all = this.swim?.all.map(({ address, state, incarnation }) => `${address} ${state} ${incarnation - EPOCH}`);
    return `  ${this.address}: ${all === undefined ? 'not running' : `${all.slice(0, 12).join(', ')} (${all.length})`}`;
  }
}

class HostClock implements Clock {
  readonly #fleet: VirtualFleet;
  readonly #host: VirtualHost;
  readonly #life: number;
  readonly #bornAt: number;

  constructor(fleet: VirtualFleet, host: VirtualHost, life: number) {
    this.#fleet = fleet;
    this.#host = host;
    this.#life = life;
    this.#bornAt = fleet.agenda.now;
  }

  now(): number {
    return EPOCH + Math.floor(this.#fleet.agenda.now);
  }
  monotonic(): number {
    return this.#fleet.agenda.now - this.#bornAt;
  }
  after(ms: number, fn: () => void): Timer {
    let isCancelled = false;
    this.#fleet.agenda.at(this.#fleet.agenda.now + ms, () =>
      this.#host.whenRunning(() => {
        if (!isCancelled && this.#host.lives === this.#life) fn();
      }),
    );
    return {
      cancel: () => {
        isCancelled = true;
      },
    };
  }
  every(ms: number, fn: () => void): Timer {
    return repeating(this, ms, fn);
  }
  endOfTurn(fn: () => void): void {
    this.after(0, fn);
  }
}
