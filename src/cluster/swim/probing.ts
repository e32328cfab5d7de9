import type { Clock } from '../../core/clock.ts';
import { PeerError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Random } from '../../core/random.ts';
import type { Peer } from '../peer.ts';
import type { Judge } from './judge.ts';
import type { MemberList } from './member-list.ts';
import type { MemberRecord } from './member-record.ts';
import type { Answer } from './messages.ts';
import type { Speaker } from './speaker.ts';

/** In a period one host is probed. */
export const PERIOD_TICKS = 5;
/** So long it may take to answer, before others are asked to reach it. */
const DIRECT_TICKS = 2;
/** How many others. */
const RELAYS = 3;
/** Most pings at a time on behalf of others; the oldest give way. */
const MAX_ERRANDS = 256;
/** This often in a row an answer came over the reliable way only, before it is worth a word. */
const ONE_WAY = 5;

/** About so many hosts in all ask a suspect themselves, however many there are. */
const MAX_ASKING = 256;

interface Probe {
  readonly record: MemberRecord;
  readonly incarnation: number;
  readonly ticket: number;
  readonly startedAt: number;
  answered: boolean;
  /** Answered a question, which goes another way than messages do. */
  asked: boolean;
}

/** A ping on behalf of another host. */
interface Errand {
  readonly target: string;
  readonly requester: string;
  readonly ticket: number;
}

export interface ProbingOptions {
  readonly list: MemberList;
  readonly judge: Judge;
  readonly speaker: Speaker;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Whoever answered a question. */
  readonly answered: (answer: Answer) => void;
}

/**
 * Probes one host a period, in fair turns (Das, Gupta, Motivala, DSN 2002, sections 3 and 4.3): a ping; without an answer, pings
 * through others and, beside them, a question, whose connection the host's machine refuses when the process has ended. Any
 * message of the host within the period is as good as an answer.
 */
export class Probing {
  readonly #options: ProbingOptions;
  readonly #errands = new Map<number, Errand>();
  #probe: Probe | undefined;
  #ticket: number;
  #phase: number;
  #oneWay = 0;

  constructor(options: ProbingOptions) {
    this.#options = options;
    // Tickets of an earlier life must not fit; nor should all hosts probe in step.
    this.#ticket = options.random.below(2 ** 30);
    this.#phase = options.random.below(PERIOD_TICKS);
  }

  /** @param listening this host has just been away: nobody is judged by what was not heard meanwhile */
  tick(listening: boolean): void {
    this.#lookAgain();
    if (this.#phase === 0) {
      if (!listening) this.#conclude();
      this.#start();
      this.#callAbsent();
    } else if (this.#phase === DIRECT_TICKS) this.#insist();
    this.#phase = (this.#phase + 1) % PERIOD_TICKS;
  }

  /** Drops what is going on: this host was away, and an answer may have come and gone. */
  reset(): void {
    this.#probe = undefined;
  }

  acknowledged(from: Peer, ticket: number): void {
    const probe = this.#probe;
    if (probe?.ticket === ticket && probe.record.address === from.address) {
      probe.answered = true;
      return;
    }
    const errand = this.#errands.get(ticket);
    if (errand?.target !== from.address) return;
    this.#errands.delete(ticket);
    this.#options.speaker.send(errand.requester, {
      kind: 'relayed',
      ticket: errand.ticket,
      incarnation: from.incarnation,
    });
  }

  relayed(ticket: number, incarnation: number): void {
    const probe = this.#probe;
    if (probe?.ticket === ticket && incarnation >= probe.incarnation) probe.answered = true;
  }

  /** Another host cannot reach `target`, and asks us to try. */
  runErrand(requester: Peer, target: string, ticket: number): void {
    const record = this.#options.list.get(target);
    if (record === undefined || record.incarnation === 0) return;
    for (const oldest of this.#errands.keys()) {
      if (this.#errands.size < MAX_ERRANDS) break;
      this.#errands.delete(oldest);
    }
    const own = this.#ticket++;
    this.#errands.set(own, { target, requester: requester.address, ticket });
    this.#options.speaker.send(target, { kind: 'ping', ticket: own });
  }

  #start(): void {
    const { list, speaker, clock } = this.#options;
    const record = list.present.next();
    this.#probe = undefined;
    if (record === undefined) return;
    const ticket = this.#ticket++;
    const startedAt = clock.monotonic();
    this.#probe = {
      record,
      incarnation: record.incarnation,
      ticket,
      startedAt,
      answered: false,
      asked: false,
    };
    speaker.send(record.address, { kind: 'ping', ticket });
  }

  #insist(): void {
    const probe = this.#probe;
    if (probe === undefined || this.#isAnswered(probe)) return;
    const { list, speaker } = this.#options;
    const { record, ticket } = probe;
    for (const relay of list.present.some(RELAYS, record)) {
      speaker.send(relay.address, { kind: 'ask', ticket, target: record.address });
    }
    void this.#question(probe);
  }

  async #question(probe: Probe): Promise<void> {
    const { speaker, judge, list, answered } = this.#options;
    const { record, incarnation } = probe;
    try {
      const answer = await speaker.ask(record.address, 'who');
      probe.asked = answer.self.address === record.address;
      answered(answer);
    } catch (error) {
      if (!(error instanceof PeerError) || !error.refused) return;
      // Something of it may have arrived meanwhile, or a new life of it.
      const isSame = list.get(record.address) === record && record.incarnation === incarnation;
      if (isSame && record.heardAt < probe.startedAt) judge.ended(record);
    }
  }

  #conclude(): void {
    const probe = this.#probe;
    if (probe === undefined) return;
    const { record } = probe;
    if (probe.answered || (!probe.asked && this.#isAnswered(probe))) this.#oneWay = 0;
    else if (probe.asked) this.#noteOneWay(record);
    else if (record.incarnation === probe.incarnation) this.#options.judge.accuse(record);
  }

  #isAnswered({ answered, record, startedAt }: Probe): boolean {
    return answered || record.heardAt >= startedAt;
  }

  #noteOneWay({ address }: MemberRecord): void {
    if (++this.#oneWay !== ONE_WAY) return;
    this.#options.logger.warn(
      { peer: address },
      'peers: answers arrive over TCP but not over UDP; is UDP to the port of peers.listen let through?',
    );
  }

  /** Any sign of life ends a suspicion, so its ticket is not kept. */
  #lookAgain(): void {
    const { list, judge, speaker, random } = this.#options;
    const record = judge.secondLook();
    if (record === undefined || random.below(list.present.size) >= MAX_ASKING) return;
    speaker.send(record.address, { kind: 'ping', ticket: this.#ticket++ });
  }

  /** Hosts on the other side of a cut have to be called, or the two sides would never hear of each other again. */
  #callAbsent(): void {
    const { list, speaker } = this.#options;
    const record = list.absent.next();
    if (record === undefined || record.incarnation === 0 || record.claimed === 'left') return;
    speaker.send(record.address, { kind: 'ping', ticket: this.#ticket++ });
  }
}
