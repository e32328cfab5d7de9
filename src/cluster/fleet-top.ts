/** The busiest keys of a limit over all hosts that know each other, asked for one by one when somebody wants to know. */
import type { Clock } from '../core/clock.ts';
import { WireError } from '../core/errors.ts';
import { SharedAnswers } from '../core/shared-answers.ts';
import type { Telemetry } from '../core/telemetry.ts';
import type { FleetTopAnswer, SentTop, TopSummary } from '../core/top-summary.ts';
import { addUpTops, readTop, writeTop } from '../core/top-summary.ts';
import type { Channel, Receiver } from './channel.ts';
import type { Membership } from './membership.ts';

export interface PeersFleetTopOptions {
  readonly clock: Clock;
  readonly channel: Channel;
  readonly membership: Membership;
  readonly telemetry: Pick<Telemetry, 'peerRefused'>;
  /** What this machine is called. */
  readonly host: string;
  /** What this host has counted; undefined: it has no such limit. */
  readonly own: (limit: string) => TopSummary | undefined;
}

/** First byte of questions and answers. */
const VERSION = 1;
/** As long as the name of a limit may be. */
const MOST_NAME_BYTES = 64;
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/;
/** Twice a hundred keys, however they are escaped. */
const MOST_ANSWER_BYTES = 262_144;
/** Who has not answered by then is missing. */
const PATIENCE_MS = 1_500;
/** Hosts asked for one answer; the others are missing in it. */
const MOST_HOSTS = 256;
/** Questions under way at a time, all limits together. */
const MOST_AT_ONCE = 32;

/**
 * A host asks the others over the way that they have anyway, and answers them. Nothing is sent unless an operator asks. A question
 * names the limit; an answer holds at most a hundred keys of each kind, and nothing where the host has no such limit.
 */
export class PeersFleetTop implements Receiver {
  readonly #options: PeersFleetTopOptions;
  readonly #answers = new SharedAnswers<FleetTopAnswer>();
  readonly #waiting: (() => void)[] = [];
  #asking = 0;

  constructor(options: PeersFleetTopOptions) {
    this.#options = options;
    options.channel.receive(this);
  }

  /** Several askers at once share one answer. Never rejects. */
  ask(limit: string): Promise<FleetTopAnswer> {
    return this.#answers.ask(limit, (name) => this.#collect(name));
  }

  message(): void {
    throw new WireError('is no question for busiest keys');
  }

  /** @throws WireError */
  question(_from: unknown, payload: Uint8Array): Uint8Array {
    const name = Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength).toString('latin1', 1);
    if (payload[0] !== VERSION || payload.length > 1 + MOST_NAME_BYTES || !NAME.test(name)) {
      throw new WireError('is no question for busiest keys');
    }
    const { host, own } = this.#options;
    const summary = own(name);
    return framed(summary === undefined ? '' : writeTop({ host, ...summary }));
  }

  async #collect(limit: string): Promise<FleetTopAnswer> {
    const { clock, membership, host, own } = this.#options;
    const { self, peers, all } = membership;
    const found = new Map<string, SentTop>();
    const mine = own(limit);
    if (mine !== undefined) found.set(self.address, { host, ...mine });
    // Who is known to be well comes first, so that those who hang hold up nobody.
    const asked = [...peers].sort((a, b) => Number(a.state !== 'alive') - Number(b.state !== 'alive'));
    const question = framed(limit);
    let open = true;
    const each = asked.slice(0, MOST_HOSTS).map(async ({ address }) => {
      const summary = await this.#askOne(address, question, () => open);
      if (summary !== undefined && open) found.set(address, summary);
    });
    await new Promise<void>((resolve) => {
      const timer = clock.after(PATIENCE_MS, resolve);
      void Promise.all(each).then(() => {
        timer.cancel();
        resolve();
      });
    });
    open = false;
    // Hosts that are cut off may be counting; those that have ended are not missed.
    const missing = all.filter(({ address, state }) => state !== 'gone' && !found.has(address));
    return addUpTops(
      found,
      missing.map(({ address }) => address),
    );
  }

  /** undefined: no answer, or none to be believed. @param wanted whether anybody still waits for it */
  async #askOne(address: string, question: Uint8Array, wanted: () => boolean): Promise<SentTop | undefined> {
    await this.#place();
    try {
      return wanted() ? this.#read(await this.#options.channel.exchange(address, question)) : undefined;
    } catch {
      return undefined;
    } finally {
      this.#leavePlace();
    }
  }

  /** Waits until fewer than {@link MOST_AT_ONCE} ask. */
  async #place(): Promise<void> {
    if (this.#asking < MOST_AT_ONCE) this.#asking += 1;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Whoever has waited longest takes it over. */
  #leavePlace(): void {
    const next = this.#waiting.shift();
    if (next === undefined) this.#asking -= 1;
    else next();
  }

  #read(answer: Uint8Array): SentTop | undefined {
    // That host has no such limit.
    if (answer.length === 1 && answer[0] === VERSION) return undefined;
    const sound = answer.length <= MOST_ANSWER_BYTES && answer[0] === VERSION;
    const text = Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength).toString('utf8', 1);
    const summary = sound ? readTop(text) : undefined;
    if (summary === undefined) this.#options.telemetry.peerRefused('malformed');
    return summary;
  }
}

function framed(text: string): Uint8Array {
  const bytes = Buffer.from(`\0${text}`, 'utf8');
  bytes[0] = VERSION;
  return bytes;
}
