import type { TokenBucketPolicy, WindowedPolicy } from '../algorithms/algorithm.ts';
import type { WindowedState } from '../algorithms/registry.ts';
import { algorithmFor } from '../algorithms/registry.ts';
import type { TokenBucketState } from '../algorithms/token-bucket.ts';
import { tokenBucket } from '../algorithms/token-bucket.ts';
import type { Clock } from '../core/clock.ts';
import type { Replica } from './replica.ts';
import type { ReplicaCounter } from './replica-counter.ts';
import type { Visibility } from './replica-visible.ts';
import { settled } from './replicated-buckets.ts';
import type { Place } from './replicated-lot.ts';
import { drawsLot, untilNextLot } from './replicated-lot.ts';
import { quickVerdict } from './replicated-quick.ts';
import { keepOf, knownState, sliceOf } from './replicated-state.ts';
import type { NewsTimes } from './replicated-use.ts';
import { memoryOf, OwnUse } from './replicated-use.ts';
import type { Check, CounterView, GroupVerdict, Verdict } from './strategy.ts';

export interface ReplicatedCountsOptions {
  readonly clock: Pick<Clock, 'now'>;
  readonly replica: Replica;
  /** Other hosts that can be seen. Asked only for checks with a share. */
  readonly visible: () => Visibility;
  /** This host among all. Asked only when units are drawn for. */
  readonly place: () => Place;
}

/** A verdict, and where to count what it allows. */
interface Judged extends Verdict {
  readonly use: OwnUse;
  readonly counter: ReplicaCounter;
  readonly index: number;
  /** The bucket, and that of the share, if the units are taken. */
  readonly bucket: TokenBucketState | undefined;
  readonly shareBucket: TokenBucketState | undefined;
}

interface Known extends Verdict {
  readonly next: WindowedState;
}

const NO_VERDICTS: GroupVerdict = { allowed: true, verdicts: [], at: 0 };

/**
 * Decisions on a replica: in memory and at once, the same for all ways of sharing that have one.
 *
 * A check needs room in the known total: what the algorithm says of the sum of this host's counts and those that others
 * have told. Between two reports nobody sees what the others take, so beyond that a host may take only its share of what
 * is left. With u the units it admitted lately, which others have not heard of on average (in the last one to two
 * {@link NewsTimes.unseenMs}), R what there was to share (what is known to be left, u, and what others were heard to have taken in the
 * running one), and w its part of the demand:
 *
 *     allowed: u + cost ≤ w × R, or by lot with the chance (w × R − u) / cost, once a round (see replicated-lot.ts)
 *
 * or, whatever the shares, when there is enough left beside all that others may have taken and not told, for that is no more than they ask for.
 * A share that is not used up is shared again with the next report. A key that nobody else asks for has w = 1 and is judged
 * as by `local`. None of this ever admits what the known total refuses. Hosts that know the same and ask alike admit no more
 * than is left; what they admit beyond comes only of what they have not heard.
 */
export class ReplicatedCounts {
  /** The way of sharing sets it. */
  times: NewsTimes = { horizonMs: 0, unseenMs: 0 };
  readonly #options: ReplicatedCountsOptions;
  readonly #replica: Replica;

  constructor(options: ReplicatedCountsOptions) {
    this.#options = options;
    this.#replica = options.replica;
  }

  check(group: readonly Check[]): GroupVerdict {
    const now = this.#options.clock.now();
    const only = group[0];
    if (only === undefined) return NO_VERDICTS;
    if (group.length === 1) {
      const judged = this.#judge(only, now);
      this.#count(judged, only.cost, judged.allowed, now);
      return { allowed: judged.allowed || only.shadow, verdicts: [judged], at: now };
    }
    const verdicts = group.map((check) => this.#judge(check, now));
    const allowed = verdicts.every((verdict, i) => verdict.allowed || group[i]?.shadow === true);
    for (let i = 0; i < verdicts.length; i++) {
      const judged = verdicts[i];
      if (judged !== undefined) this.#count(judged, group[i]?.cost ?? 0, allowed && judged.allowed, now);
    }
    return { allowed, verdicts, at: now };
  }

  refund(group: readonly Check[], verdict: GroupVerdict): void {
    const now = this.#options.clock.now();
    for (let i = 0; i < group.length; i++) {
      const check = group[i];
      if (check === undefined || verdict.verdicts[i]?.allowed !== true) continue;
      const counter = this.#replica.find(check.counter);
      if (counter === undefined || check.policy.algorithm === 'concurrency') continue;
      const units =
        check.policy.algorithm === 'token-bucket'
          ? refilled(check.policy, counter.use, check.cost, verdict.at)
          : check.cost;
      this.#replica.giveBack(counter, Math.floor(verdict.at / counter.sliceMs), units, now);
      counter.use?.giveBack(units);
    }
  }

  /** The known total. */
  peek({ counter: name, policy }: Check): CounterView {
    requireWindowed(policy);
    const now = this.#options.clock.now();
    const counter = this.#replica.find(name);
    if (counter === undefined || counter.expiresAt <= now || counter.sliceMs !== sliceOf(policy)) {
      return {
        present: false,
        remaining: algorithmFor(policy).decide(policy, undefined, 0, now).remaining,
        resetMs: 0,
      };
    }
    if (policy.algorithm === 'token-bucket') {
      const use = this.#useOf(counter, now);
      const unheardMs = counter.hear(use, Math.floor(now / counter.sliceMs), now, this.times);
      use.bucket = settled(use.bucket, counter, policy, now, unheardMs);
      const { remaining, resetMs } = tokenBucket.decide(policy, use.bucket.state, 0, now);
      return { present: resetMs > 0, remaining: Math.max(0, remaining), resetMs };
    }
    const { remaining, resetMs } = algorithmFor(policy).decide(policy, knownState(policy, counter, now), 0, now);
    const present = counter.slots.some(
      (slot) => (slot.taken > 0 || slot.othersNet > 0) && (slot.index + slot.keep) * slot.sliceMs > now,
    );
    return { present, remaining, resetMs: present ? resetMs : 0 };
  }

  /** Voids the counter here, and on other hosts as they hear of it. */
  reset(check: Check): boolean {
    const { present } = this.peek(check);
    const { counter, policy } = check;
    requireWindowed(policy);
    const known = this.#replica.own(counter, sliceOf(policy), keepOf(policy));
    this.#replica.reset(known, this.#options.clock.now());
    return present;
  }

  #judge(check: Check, now: number): Judged {
    const { policy, cost } = check;
    requireWindowed(policy);
    const counter = this.#counterOf(check.counter, policy);
    const use = counter.use ?? this.#useOf(counter, now);
    const index = Math.floor(now / counter.sliceMs);
    const unheardMs = counter.hear(use, index, now, this.times);
    if (policy.algorithm !== 'token-bucket' && check.share === undefined) {
      const plain = quickVerdict(policy, counter, index, cost, now);
      if (plain !== undefined) return this.#judged(check, plain, counter, use, index, undefined, undefined, now);
    }
    const known = this.#known(policy, counter, use, cost, now, unheardMs);
    const part = check.share === undefined || check.share >= 1 ? undefined : partOf(policy, check.share);
    const shared = part === undefined ? undefined : this.#ofVisible(part, counter, use, cost, now, unheardMs);
    const plain = shared === undefined ? known : stricter(known, shared);
    const at = 'index' in known.next ? known.next.index : index;
    const bucket = 'level' in known.next ? known.next : undefined;
    const shareBucket = shared !== undefined && 'level' in shared.next ? shared.next : undefined;
    return this.#judged(check, plain, counter, use, at, bucket, shareBucket, now);
  }

  /** With regard to what others take. */
  #judged(
    check: Check,
    plain: Verdict,
    counter: ReplicaCounter,
    use: OwnUse,
    index: number,
    bucket: TokenBucketState | undefined,
    shareBucket: TokenBucketState | undefined,
    now: number,
  ): Judged {
    let { allowed, remaining, retryAfterMs } = plain;
    if (shareBucket === undefined) use.shareBucket = undefined;
    if (!allowed) {
      if (remaining === 0) use.pause(now, retryAfterMs);
    } else {
      const mine = this.#mine(check, use, remaining + check.cost, now);
      if (mine !== undefined) {
        allowed = false;
        remaining = mine;
        retryAfterMs = untilNextLot(now, this.times.horizonMs);
      }
    }
    return { allowed, remaining, retryAfterMs, resetMs: plain.resetMs, use, counter, index, bucket, shareBucket };
  }

  #counterOf(name: string, policy: WindowedPolicy): ReplicaCounter {
    const found = this.#replica.find(name);
    if (found !== undefined && found.policy === policy) return found;
    const counter = this.#replica.own(name, sliceOf(policy), keepOf(policy));
    counter.policy = policy;
    return counter;
  }

  /** undefined: `check` fits into this host's share of the `left` units. Otherwise what of the share is left, whole units. */
  #mine(check: Check, use: OwnUse, left: number, now: number): number | undefined {
    const { cost } = check;
    const weight = use.weight(cost);
    if (weight === 1) return undefined;
    // Enough for everybody, whatever their shares.
    if (cost <= left - use.othersUntold(this.times.unseenMs)) return undefined;
    const unseen = use.unseen;
    const mine = weight * (left + unseen + use.seen) - unseen;
    if (cost <= mine) return undefined;
    if (mine > 0 && drawsLot(check.counter, now, this.times.horizonMs, mine / cost, this.#options.place()))
      return undefined;
    return Math.max(0, Math.floor(mine));
  }

  #known(
    policy: WindowedPolicy,
    counter: ReplicaCounter,
    use: OwnUse,
    cost: number,
    now: number,
    unheardMs: number,
  ): Known {
    if (policy.algorithm !== 'token-bucket') {
      return algorithmFor(policy).decide(policy, knownState(policy, counter, now), cost, now);
    }
    use.bucket = settled(use.bucket, counter, policy, now, unheardMs);
    return notBelowZero(tokenBucket.decide(policy, use.bucket.state, cost, now));
  }

  /** By what can be seen alone, and the share of the limit. */
  #ofVisible(
    part: WindowedPolicy,
    counter: ReplicaCounter,
    use: OwnUse,
    cost: number,
    now: number,
    unheardMs: number,
  ): Known {
    if (part.algorithm !== 'token-bucket') {
      const state = knownState(part, counter, now, this.#options.visible());
      return algorithmFor(part).decide(part, state, cost, now);
    }
    use.shareBucket ??= { state: use.bucket?.state, heardNet: use.bucket?.heardNet ?? counter.heardNet };
    use.shareBucket = settled(use.shareBucket, counter, part, now, unheardMs);
    return notBelowZero(tokenBucket.decide(part, use.shareBucket.state, cost, now));
  }

  #count(judged: Judged, cost: number, taken: boolean, now: number): void {
    const { counter, use } = judged;
    use.ask(cost);
    this.#replica.count(counter, judged.index, cost, taken ? cost : 0, now);
    // Who asked is remembered longer than what was taken, so that a new window is shared from its start; and a bucket until
    // the largest debt is paid.
    const from = judged.bucket === undefined ? judged.index * counter.sliceMs : now;
    const until = from + counter.keep * counter.sliceMs + memoryOf(this.times.horizonMs);
    if (until > counter.expiresAt) counter.expiresAt = until;
    if (!taken) return;
    use.admit(cost);
    if (use.bucket !== undefined && judged.bucket !== undefined) use.bucket.state = judged.bucket;
    if (use.shareBucket !== undefined && judged.shareBucket !== undefined) use.shareBucket.state = judged.shareBucket;
  }

  #useOf(counter: ReplicaCounter, now: number): OwnUse {
    if (counter.use === undefined) {
      const newest = counter.slots[0];
      const stale = now - counter.heardAt > memoryOf(this.times.horizonMs);
      const [recent, since] =
        newest === undefined || stale ? [0, 0] : [newest.othersAsked, now - newest.index * counter.sliceMs];
      counter.use = new OwnUse(now, this.times.horizonMs, counter.heardAsked, recent, since);
    }
    return counter.use;
  }
}

function requireWindowed(policy: Check['policy']): asserts policy is WindowedPolicy {
  if (policy.algorithm !== 'concurrency') return;
  throw new RangeError('hosts that tell each other later cannot count who is in flight now: concurrency needs redis');
}

/** The part of a policy that visible hosts may use: rounded down, but 1 at least, as everybody who falls back does it. */
function partOf(policy: WindowedPolicy, share: number): WindowedPolicy {
  const part = (units: number): number => Math.max(1, Math.floor(units * share + 1e-9));
  return policy.algorithm === 'token-bucket'
    ? { ...policy, limit: part(policy.limit), burst: part(policy.burst) }
    : { ...policy, limit: part(policy.limit) };
}

function stricter(a: Known, b: Known): Known {
  return {
    allowed: a.allowed && b.allowed,
    remaining: Math.min(a.remaining, b.remaining),
    retryAfterMs: Math.max(a.retryAfterMs, b.retryAfterMs),
    resetMs: Math.max(a.resetMs, b.resetMs),
    next: a.next,
  };
}

function notBelowZero(decision: Known): Known {
  return decision.remaining >= 0 ? decision : { ...decision, remaining: 0 };
}

/** Gives `cost` units back to this host's level, and says how many whole ones others may put back as well. */
function refilled(policy: TokenBucketPolicy, use: OwnUse | undefined, cost: number, takenAt: number): number {
  const bucket = use?.bucket;
  if (bucket?.state === undefined) return 0;
  const since = bucket.state.at - takenAt;
  bucket.state = tokenBucket.refund(policy, bucket.state, cost, takenAt);
  if (use?.shareBucket?.state !== undefined) {
    use.shareBucket.state = tokenBucket.refund(policy, use.shareBucket.state, cost, takenAt);
  }
  return since < 0 ? 0 : Math.max(0, Math.floor(cost - (since * policy.limit) / policy.windowMs));
}
