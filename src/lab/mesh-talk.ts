/** What a full mesh of any size says, by a formula: where it is too much to be simulated. */
import type { WindowedPolicy } from '../algorithms/algorithm.ts';
import type { CountsMessage } from '../cluster/wire/counts.ts';
import { encodeCounts } from '../cluster/wire/counts-codec.ts';
import { sizeOfNumber } from '../cluster/wire/writer.ts';
import { keepOf, sliceOf } from '../sharing/replicated-state.ts';
import type { Load, Scenario } from './scenario.ts';
import { ratePerSecond } from './scenario.ts';
import { addressOf, overheadOf } from './sim/machine.ts';
import { SharedLimit } from './sim/shared-limit.ts';

export interface MeshTalk {
  readonly messagesPerSecond: number;
  readonly bytesPerSecond: number;
  readonly hottestHostMessagesPerSecond: number;
}

/** Hosts that are asked alike: so many requests a second for each key. */
interface Sort {
  readonly hosts: number;
  readonly rates: readonly number[];
}

/** A change is told in two intervals in a row. */
const TOLD = 2;
/** Each host exchanges its whole state with another one so often: a question and an answer. */
const REPAIR_EVERY_S = 10;
/** What a question and an answer have before their content, together. */
const EXCHANGE_HEADS = 9;
const MAX_PACKET = 1_400;
/** Moments of a sub-window at which a message is looked at. */
const MOMENTS = 32;
/** The longest age that is told in one byte, milliseconds, as ages are rounded. */
const SHORT_AGE_MS = 127.5;
const SELF = { address: addressOf(0), incarnation: 1_700_000_000_000 };

/**
 * Each interval I a host tells all others what it has counted in this interval or the one before. With r requests a second that come
 * to it independently of each other it has something to tell with the probability 1 − e^(−2 r I), so
 *
 *     messages a second = Σ over hosts of (N − 1) / I × (1 − e^(−2 r I)), and 2 N / 10 s for exchanges of whole states
 *     bytes a second    = these × what codec and envelope make of a message, on average over a sub-window
 *
 * A message has a record for each key that was asked for, and two just after a sub-window has ended. What varies in time is taken at its
 * average: steps, bursts, clients that roam.
 */
export function meshTalk(scenario: Scenario, hosts: number): MeshTalk {
  const others = (hosts - 1) / (scenario.intervalMs / 1_000);
  const repairs = hosts / REPAIR_EVERY_S;
  // Names that are longer than the first host's.
  let letters = 0;
  for (let host = 0; host < hosts; host++) letters += addressOf(host).length;
  const longer = letters / hosts - SELF.address.length;
  let [messages, bytes, most] = [0, 0, 0];
  for (const sort of sortsOf(scenario, hosts)) {
    const each = eachInterval(scenario, longer, sort.rates);
    messages += sort.hosts * others * each.messages;
    bytes += sort.hosts * others * each.bytes;
    most = Math.max(most, others * each.messages);
  }
  // An exchange carries what a message does, both ways.
  const content = messages === 0 ? 0 : bytes / messages - overheadOf(SELF);
  return {
    messagesPerSecond: messages + 2 * repairs,
    bytesPerSecond: bytes + repairs * (2 * (overheadOf(SELF) + content) + EXCHANGE_HEADS),
    // What it sends, what it hears of each other, and questions and answers of its own and of one other.
    hottestHostMessagesPerSecond: most + (messages - most) / Math.max(1, hosts - 1) + 4 / REPAIR_EVERY_S,
  };
}

/**
 * Messages to one other host, and their bytes, as expected of one host in one interval.
 * @param longer characters of the host's name beyond those of the first host's
 */
function eachInterval({ policy, intervalMs, loads }: Scenario, longer: number, rates: readonly number[]) {
  const perMs = rates.map((rate) => rate / 1_000);
  const all = perMs.reduce((sum, rate) => sum + rate, 0);
  const anyWithin = (rate: number, ms: number): number => 1 - Math.exp(-rate * Math.max(0, ms));
  const toldMs = TOLD * intervalMs;
  const busy = anyWithin(all, toldMs);
  if (busy === 0) return { messages: 0, bytes: 0 };
  const offered = loads.reduce((sum, load) => sum + timesLimit(load) * ratePerSecond(policy), 0);
  const admitted = Math.min(1, ratePerSecond(policy) / offered);
  const cost = loads[0]?.cost ?? 1;
  const sliceMs = sliceOf(policy);
  const sizes = new RecordSizes(policy, perMs.length);
  let bytes = 0;
  for (let moment = 0; moment < MOMENTS; moment++) {
    const sinceMs = ((moment + 0.5) / MOMENTS) * sliceMs;
    // The envelope names the host, and the counts do.
    let sum = busy * (2 * longer + overheadOf(SELF) + sizes.empty);
    for (const [key, rate] of perMs.entries()) {
      const now = anyWithin(rate, Math.min(sinceMs, toldMs));
      const before = anyWithin(rate, Math.min(sliceMs, toldMs - sinceMs));
      // Somebody who tells has been asked.
      const asked = cost * Math.max(1, Math.round(rate * sinceMs));
      const taken = Math.round(asked * admitted);
      const { alone, more } = sizes.of(key, taken);
      const toldApart = (1 - admitted ** asked) * sizeOfNumber(asked);
      const isFirst = busy * (rate / all);
      sum += isFirst * alone + Math.max(0, now + before - isFirst) * more + (now + before) * toldApart;
    }
    bytes += sum / MOMENTS;
  }
  // An age of more than 127 ms takes another byte.
  const lately = anyWithin(all, intervalMs - SHORT_AGE_MS);
  const earlier = anyWithin(all, Math.min(intervalMs, toldMs - SHORT_AGE_MS));
  bytes += lately + (1 - anyWithin(all, intervalMs)) * earlier;
  // Filled to the last one.
  const packets = bytes / busy <= MAX_PACKET ? 1 : bytes / busy / MAX_PACKET + 0.5;
  return { messages: busy * packets, bytes: bytes + (packets - 1) * busy * overheadOf(SELF) };
}

/** What records take, as the codec writes them. */
class RecordSizes {
  /** A message that names the host and has no record. */
  readonly empty: number;
  readonly #policy: WindowedPolicy;
  readonly #limit: SharedLimit;
  readonly #keys: number;
  readonly #known = new Map<string, { readonly alone: number; readonly more: number }>();

  constructor(policy: WindowedPolicy, keys: number) {
    this.#policy = policy;
    this.#limit = new SharedLimit(policy, 'allow');
    this.#keys = keys;
    this.empty = this.#sizeOf([]) + 1 + SELF.address.length + sizeOfNumber(SELF.incarnation) + 1;
  }

  /** A record of the key, the first one of a message, and one more: of another sub-window when there is one key, else after another key. */
  of(key: number, taken: number): { readonly alone: number; readonly more: number } {
    const name = `${String(key).length} ${sizeOfNumber(taken)}`;
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    const record = { key, taken };
    const before = { key: this.#keys === 1 ? key : (7 * key + 3) % this.#keys, taken };
    const made = {
      alone: this.#sizeOf([record]) - this.empty,
      more: this.#sizeOf([before, record]) - this.#sizeOf([before]),
    };
    this.#known.set(name, made);
    return made;
  }

  #sizeOf(records: readonly { readonly key: number; readonly taken: number }[]): number {
    const sliceMs = sliceOf(this.#policy);
    const message: CountsMessage = {
      kind: 'counts',
      origins: [{ ...SELF, ageMs: 0 }],
      records: records.map(({ key, taken }, i) => ({
        counter: this.#limit.check(key, 1).counter,
        sliceMs,
        keep: keepOf(this.#policy),
        epoch: 0,
        index: Math.floor(SELF.incarnation / sliceMs) - i,
        tallies: [{ origin: 0, taken, returned: 0, asked: taken }],
      })),
    };
    return encodeCounts(message, MAX_PACKET).reduce((sum, { length }) => sum + length, 0);
  }
}

/** The first host, which may be the only one that is asked; the others that are asked more; the rest. */
function sortsOf({ loads, policy, durationMs }: Scenario, hosts: number): Sort[] {
  const keys = Math.max(1, ...loads.map((load) => (load.keys.kind === 'one' ? 1 : load.keys.keys)));
  const hot = Math.max(1, ...loads.map((load) => hotOf(load, hosts)));
  const ratesAt = (host: number): number[] => {
    const rates = new Array<number>(keys).fill(0);
    for (const load of loads) {
      const all = (timesLimit(load, durationMs) * ratePerSecond(policy)) / load.cost;
      const ofKeys = sharesOf(load);
      const times = all * ofKeys.length * shareAt(load, host, hosts);
      for (const [key, share] of ofKeys.entries()) rates[key] = (rates[key] ?? 0) + times * share;
    }
    return rates;
  };
  return [
    { hosts: 1, rates: ratesAt(0) },
    { hosts: hot - 1, rates: ratesAt(hot - 1) },
    { hosts: hosts - hot, rates: ratesAt(hosts - 1) },
  ].filter((sort) => sort.hosts > 0);
}

function hotOf({ hosts: choice }: Load, hosts: number): number {
  return choice.kind === 'skewed' ? Math.min(hosts, Math.max(1, Math.round(choice.hosts * hosts))) : 1;
}

/** The part of a load's requests that come to a host. */
function shareAt(load: Load, host: number, hosts: number): number {
  const choice = load.hosts;
  const hot = hotOf(load, hosts);
  if (choice.kind === 'one') return host === choice.host ? 1 : 0;
  if (choice.kind !== 'skewed' || hot === hosts) return 1 / hosts;
  return host < hot ? choice.traffic / hot : (1 - choice.traffic) / (hosts - hot);
}

/** The part of a load's requests that is for each key. */
function sharesOf({ keys: choice }: Load): number[] {
  if (choice.kind === 'one') return [1];
  const weights = Array.from({ length: choice.keys }, (_, k) =>
    choice.kind === 'zipf' ? 1 / (k + 1) ** choice.exponent : 1,
  );
  const sum = weights.reduce((all, weight) => all + weight, 0);
  return weights.map((weight) => weight / sum);
}

/** What is offered of each key in times of the limit, on average. */
function timesLimit({ arrivals, steps }: Load, durationMs = Number.POSITIVE_INFINITY): number {
  // Just before the edges of windows, and just after.
  if (arrivals === 'bursts') return 2 * (steps[0]?.timesLimit ?? 1);
  if (steps.length === 1 || durationMs === Number.POSITIVE_INFINITY) return steps[0]?.timesLimit ?? 0;
  let sum = 0;
  for (const [i, { atMs, timesLimit: times }] of steps.entries()) {
    sum += times * Math.max(0, Math.min(durationMs, steps[i + 1]?.atMs ?? durationMs) - atMs);
  }
  return sum / durationMs;
}
