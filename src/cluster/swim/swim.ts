import type { Clock, Timer } from '../../core/clock.ts';
import { PeerError } from '../../core/errors.ts';
import type { Logger } from '../../core/logger.ts';
import type { Random } from '../../core/random.ts';
import type { Telemetry } from '../../core/telemetry.ts';
import type { Channel } from '../channel.ts';
import type { Member, MemberState, Membership } from '../membership.ts';
import type { Peer } from '../peer.ts';
import { ChangeLog } from './change-log.ts';
import { ChangeNotifier } from './change-notifier.ts';
import type { Claim } from './claim.ts';
import { Joining } from './joining.ts';
import { Judge } from './judge.ts';
import { MemberList } from './member-list.ts';
import type { MemberRecord } from './member-record.ts';
import type { Answer } from './messages.ts';
import { readMessage, readQuestion } from './messages.ts';
import { PERIOD_TICKS, Probing } from './probing.ts';
import { Speaker } from './speaker.ts';

/** One tick. A host is probed each second. */
const TICK_MS = 200;
/** So much between two ticks means that this host did not run: it was stopped, or starved. */
const PAUSE_MS = 1_000;
/** After that it only listens for this long. */
const LISTEN_TICKS = 10;
/** News beside what pings carry: to so many hosts a tick, while there is any. */
const NEWS_FANOUT = 3;
/** Between two comparisons of all that is known; more with more than 32 hosts. */
const COMPARE_TICKS = 50;
/** What one comparison may bring without being news for others as well. */
const FEW = 8;

export interface SwimOptions {
  /** This host. The address is the name by which others write to it. */
  readonly self: Peer;
  /** The subject `membership`. Nobody else may have set its receiver. */
  readonly channel: Channel;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  /** Told of answers that cannot be read. Messages that cannot be read are for the channel to tell of. */
  readonly telemetry: Pick<Telemetry, 'peerRefused'>;
  /** After how long a silent host is taken for gone. Default 10 minutes. */
  readonly forgetAfterMs?: number;
}

/**
 * Who else is there, after SWIM (A. Das, I. Gupta, A. Motivala: SWIM, DSN 2002): each second a host probes one other, directly and,
 * without an answer, through three others; changes spread with the probes, and beside them to three hosts each 200 ms while there
 * are any. With suspicion, refutation, fair turns, and a comparison of everything with a random host every 10 s or (with more than 32
 * hosts) more. A message is at most one packet however many hosts there are, and a tick takes constant time.
 *
 * **How long it takes.** A host that falls silent is suspect after 1 to 4 s (1.6 periods on average until somebody probes it, and one
 * until the verdict), and dead 5 s after that; with more than 17 hosts 4 log₁₀ N s after that. One whose machine refuses connections is gone
 * instead, in 1 to 4 s. Where many fall silent at once, it takes up to twice as long until the last is noticed. A pause of 5 s
 * kills nobody, and a longer one is refuted as soon as it is over.
 *
 * **When this host itself did not run** (it was stopped, or starved of CPU), what it did not hear says nothing about others. Waiting is
 * counted in ticks that have been run, so such time does not count; after a second without a tick this host judges nobody for 2 s,
 * says that it lives, and compares what it knows with another. (Where a machine is suspended its monotonic clock stands still, and nothing
 * has to be done.)
 *
 * **Who is forgotten.** A dead host counts as missing until it is heard of again, or a connection to it is refused, or
 * - it was listed by discovery and is no longer (at once, here; others go by their own lists), or
 * - it has been dead for `forgetAfterMs`, wherever it was learnt of.
 *
 * It is `gone` then, and a message of it brings it back. A host that is alive is a member whether listed or not. A listed
 * address that has never answered is a dead host with incarnation 0 after 5 s of silence, for this host may be the one that is cut off;
 * one where nobody listens is nobody. Listed addresses are tried every 1 to 10 s until somebody answers.
 */
export class Swim implements Membership {
  readonly self: Peer;
  readonly #options: SwimOptions;
  readonly #list: MemberList;
  readonly #judge: Judge;
  readonly #speaker: Speaker;
  readonly #probing: Probing;
  readonly #joining: Joining;
  readonly #log: ChangeLog;
  readonly #notifier: ChangeNotifier;
  #timer: Timer | undefined;
  #tick = 0;
  #tickedAt = 0;
  #listenUntil = 0;
  #compareAt: number;
  #warned = false;
  #stopped = false;

  constructor(options: SwimOptions) {
    const { self, channel, clock, random, logger, forgetAfterMs = 600_000 } = options;
    this.self = self;
    this.#options = options;
    this.#log = new ChangeLog(logger);
    this.#notifier = new ChangeNotifier(clock, this);
    this.#list = new MemberList({ clock, random, forgetAfterMs, changed: (...change) => this.#changed(...change) });
    this.#speaker = new Speaker({ self, channel, list: this.#list, now: () => clock.monotonic() });
    const [list, speaker, ticks] = [this.#list, this.#speaker, () => this.#tick];
    const tell = (record: MemberRecord): void => speaker.tell(record.address);
    this.#judge = new Judge({ list, clock, ticks, ticksPerPeriod: PERIOD_TICKS, tell });
    const answered = (answer: Answer): void => this.#answered(answer);
    const malformed = (): void => options.telemetry.peerRefused('malformed');
    const judge = this.#judge;
    this.#probing = new Probing({ list, judge, speaker, clock, random, logger, answered });
    const compare = (address: string): void => void this.#compareWith(address);
    this.#joining = new Joining({ self, list, judge, speaker, random, ticks, answered, compare, malformed });
    this.#compareAt = 1 + random.below(COMPARE_TICKS);
    channel.receive({
      message: (from, payload) => this.#message(from, payload),
      question: (from, payload) => this.#question(from, payload),
    });
  }

  get peers(): readonly Member[] {
    return this.#list.peers;
  }
  get all(): readonly Member[] {
    return this.#list.all;
  }
  get visibleShare(): number {
    return this.#list.visibleShare;
  }

  /** Begins to probe. The channel must be able to send. */
  start(): void {
    const { clock, random } = this.#options;
    this.#tickedAt = clock.monotonic();
    // Hosts that are started together should not tick together.
    this.#timer = clock.after(random.next() * TICK_MS, () => {
      this.#timer = clock.every(TICK_MS, () => this.#ticked());
      this.#ticked();
    });
  }

  /** All addresses that discovery lists now, `host:port`, this host's own among them or not. They are asked at once. */
  listed(addresses: readonly string[]): void {
    if (!this.#stopped) this.#joining.listed(addresses);
  }

  /** Resolves when another host has answered, or all listed ones have been tried, or after `withinMs`. */
  joined(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(withinMs, resolve);
      void this.#joining.settled().then(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Says goodbye. The channel should stay until what was sent has gone out. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#timer?.cancel();
    this.#speaker.sayGoodbye();
  }

  heard(from: Peer): void {
    if (this.#stopped) return;
    if (from.address === this.self.address) this.#heardSelf(from.incarnation);
    else if (this.#judge.heard(from) === 'revived') {
      // It learns what is said of it, so that it can refute that for all.
      this.#speaker.send(from.address, { kind: 'news' });
    }
  }

  onChange(listener: () => void): () => void {
    return this.#notifier.add(listener);
  }

  #ticked(): void {
    const now = this.#options.clock.monotonic();
    this.#tick++;
    if (now - this.#tickedAt >= PAUSE_MS) this.#wakeUp();
    this.#tickedAt = now;
    const listening = this.#tick < this.#listenUntil;
    this.#probing.tick(listening);
    if (!listening) this.#judge.expire();
    this.#list.sweep();
    this.#joining.tick();
    if (this.#speaker.hasNews) this.#spread();
    if (this.#tick >= this.#compareAt) this.#compare();
    if (this.#tick % PERIOD_TICKS === 0) this.#log.flush();
  }

  /** To hosts that are likely to pass it on, while there are such. */
  #spread(): void {
    const drawn = this.#list.present.some(2 * NEWS_FANOUT);
    const alive = drawn.filter(({ state }) => state === 'alive');
    const chosen = alive.length === 0 ? drawn : alive;
    for (const { address } of chosen.slice(0, NEWS_FANOUT)) this.#speaker.send(address, { kind: 'news' });
  }

  /** This host did not run for a while. Others may have given it up. */
  #wakeUp(): void {
    this.#listenUntil = this.#tick + LISTEN_TICKS;
    this.#probing.reset();
    this.#speaker.refute(this.#speaker.refutation);
    this.#compareAt = this.#tick;
  }

  #compare(): void {
    const { random } = this.#options;
    const hosts = this.#list.present.size + 1;
    const wait = COMPARE_TICKS * (1 + Math.max(0, Math.ceil(Math.log2(hosts / 32))));
    this.#compareAt = this.#tick + wait + random.below(1 + wait / 4);
    const [partner] = this.#list.present.some(1);
    if (partner !== undefined) void this.#compareWith(partner.address);
  }

  async #compareWith(address: string): Promise<void> {
    try {
      this.#answered(await this.#speaker.ask(address, 'all'));
    } catch (error) {
      // Whether it lives is for probing to find out.
      if (!(error instanceof PeerError)) this.#options.telemetry.peerRefused('malformed');
    }
  }

  #answered({ self, claims }: Answer): void {
    if (this.#stopped) return;
    this.heard(self);
    this.#learnAll(claims);
  }

  #message(from: Peer, payload: Uint8Array): void {
    const message = readMessage(payload);
    if (this.#stopped) return;
    this.heard(from);
    this.#learn(message.claims);
    if (from.address === this.self.address) return;
    switch (message.kind) {
      case 'ping':
        this.#speaker.send(from.address, { kind: 'ack', ticket: message.ticket });
        return;
      case 'ack':
        this.#probing.acknowledged(from, message.ticket);
        return;
      case 'ask':
        this.#probing.runErrand(from, message.target, message.ticket);
        return;
      case 'relayed':
        this.#probing.relayed(message.ticket, message.incarnation);
        return;
      case 'news':
    }
  }

  #question(from: Peer, payload: Uint8Array): Uint8Array {
    const { kind, claims } = readQuestion(payload);
    if (!this.#stopped && from.address !== this.self.address) {
      this.heard(from);
      this.#learnAll(claims);
    }
    return this.#speaker.answer(kind, from.address);
  }

  #learn(claims: readonly Claim[]): void {
    for (const claim of claims) if (this.#isNews(claim)) this.#speaker.tell(claim.address);
  }

  /** A newcomer learns of everybody, which is news to nobody else; where two fleets meet it is. */
  #learnAll(claims: readonly Claim[]): void {
    const known = this.#list.size;
    const learnt = claims.filter((claim) => this.#isNews(claim));
    if (learnt.length > Math.max(FEW, known)) return;
    for (const { address } of learnt) this.#speaker.tell(address);
  }

  #isNews(claim: Claim): boolean {
    if (claim.address !== this.self.address) return this.#judge.learn(claim);
    if (claim.incarnation !== this.self.incarnation) this.#heardSelf(claim.incarnation);
    else if (claim.says === 'alive') this.#speaker.catchUp(claim.refutation);
    else if (claim.refutation >= this.#speaker.refutation) this.#speaker.refute(claim.refutation);
    return false;
  }

  #heardSelf(incarnation: number): void {
    if (incarnation <= this.self.incarnation || this.#warned) return;
    this.#warned = true;
    const { address } = this.self;
    const hint =
      'peers.advertise must differ from host to host; or was this machine’s clock set back before the start?';
    this.#options.logger.error({ peer: address, hint }, 'peers: a later process speaks under the name of this host');
  }

  #changed(record: MemberRecord, before: MemberState | undefined): void {
    if (before === undefined && this.#joining.isListed(record.address)) record.listed = 'now';
    if (record.state === 'alive') this.#joining.joined();
    this.#log.note(record, before);
    this.#notifier.changed();
  }
}
