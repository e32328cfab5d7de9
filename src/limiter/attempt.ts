import { SluiceError } from '../core/errors.ts';
import type { DecisionTrace } from '../core/tracing.ts';
import type { Check, GroupVerdict, Strategy, Verdict } from '../sharing/strategy.ts';
import type { Ask, Standing } from './ask.ts';
import { groupOf, unanswered } from './ask.ts';
import { Charges } from './charges.ts';
import type { CompiledLimit, Plan, PlannedRate } from './compile.ts';
import { counterOf } from './compile.ts';
import type { LimiterContext } from './context.ts';
import { keyId } from './key-text.ts';
import { despiteLostPeers } from './lost-peers.ts';
import type { Outcome } from './outcome.ts';
import { outcomeOf } from './outcome-of.ts';
import type { Stage } from './stages.ts';

/**
 * One request on its way through its limits: stage by stage, each charged as a whole or not at all. When a later stage refuses,
 * what earlier ones charged is given back, so that a refused request ends up charging nothing. Meanwhile counters are too
 * high, never too low: nothing is admitted above a limit in any interleaving.
 */
export class Attempt {
  readonly #context: LimiterContext;
  readonly #trace: DecisionTrace | undefined;
  readonly #asks: Ask[] = [];
  #taken: Charges | undefined;
  #shadowMissing: string[] | undefined;
  #refused = false;

  constructor(context: LimiterContext, trace: DecisionTrace | undefined) {
    this.#context = context;
    this.#trace = trace;
  }

  /** True when an enforced limit has refused; nothing more is to be asked. */
  get refused(): boolean {
    return this.#refused;
  }

  get empty(): boolean {
    return this.#asks.length === 0 && this.#shadowMissing === undefined;
  }

  add(limit: CompiledLimit, plan: Plan, rates: readonly PlannedRate[], label: string, cost: number): void {
    const checks: Check[] = [];
    const key = keyId(label);
    for (const rate of rates) {
      checks.push({
        limit: limit.name,
        counter: counterOf(rate, key),
        policy: rate.policy,
        cost,
        shadow: limit.shadow,
        lease: limit.lease,
        holder: rate.policy.algorithm === 'concurrency' ? this.#context.holders.next() : undefined,
      });
    }
    this.#asks.push({ limit, key, plan, rates, cost, checks, verdicts: undefined, standing: 'unasked' });
  }

  /** A limit in shadow mode would have refused the request for the key it lacks. */
  addShadowMissing(limit: CompiledLimit): void {
    this.#context.telemetry.decision(limit.name, limit.sharing, 'shadow_denied');
    this.#trace?.decided(limit.name, limit.sharing, 'shadow_denied');
    this.#shadowMissing ??= [];
    this.#shadowMissing.push(limit.name);
  }

  /** Refuses, without asking anybody, what `stage` is known to refuse. */
  recall(stage: Stage): void {
    const { denials } = this.#context;
    if (denials.size === 0) return;
    for (const ask of this.#asks) {
      if (ask.limit.sharing !== stage.sharing) continue;
      const known = ask.checks.map((check) => denials.find(check));
      if (known.every((verdict) => verdict === undefined)) continue;
      ask.verdicts = known;
      ask.standing = 'known';
      if (!ask.limit.shadow) this.#refused = true;
    }
  }

  /** Asks one stage. Returns a promise where it needs time; it never rejects for a strategy's fault. */
  ask(stage: Stage): Promise<void> | undefined {
    let asks = this.#asksOf(stage);
    const { clock, telemetry } = this.#context;
    const share = stage.strategy.visibleShare?.() ?? 1;
    if (share < 1) {
      const applied = despiteLostPeers(asks, share, telemetry, this.#trace);
      asks = applied.asks;
      if (applied.refused) {
        this.#refuse();
        return undefined;
      }
    }
    if (asks.length === 0) return undefined;
    const group = groupOf(asks);
    const sentAt = clock.monotonic();
    let answer: GroupVerdict | Promise<GroupVerdict>;
    try {
      answer = stage.strategy.check(group);
    } catch (error) {
      return this.#failed(stage, asks, sentAt, error);
    }
    if (answer instanceof Promise) {
      return answer.then(
        (verdict) => {
          const failure = verdict.failure === undefined ? undefined : codeOf(verdict.failure);
          this.#trace?.asked(stage.sharing, sentAt, clock.monotonic(), failure);
          return this.#answered(stage, asks, group, sentAt, verdict);
        },
        (error: unknown) => {
          this.#trace?.asked(stage.sharing, sentAt, clock.monotonic(), codeOf(error));
          return this.#failed(stage, asks, sentAt, error);
        },
      );
    }
    return this.#answered(stage, asks, group, sentAt, answer);
  }

  #answered(
    stage: Stage,
    asks: readonly Ask[],
    group: readonly Check[],
    sentAt: number,
    verdict: GroupVerdict,
  ): Promise<void> | undefined {
    this.#context.telemetry.decisionTime(stage.sharing, (this.#context.clock.monotonic() - sentAt) / 1_000);
    if (stage.remote) {
      for (let i = 0; i < group.length; i++) {
        const check = group[i];
        const answer = verdict.verdicts[i];
        if (check !== undefined && answer !== undefined && !answer.allowed) {
          this.#context.denials.remember(check, answer, sentAt);
        }
      }
    }
    if (verdict.failure === undefined) {
      this.#settle(stage.strategy, asks, group, verdict, stage.last);
      return undefined;
    }
    this.#context.defects.report(stage.sharing, verdict.failure);
    this.#settle(stage.strategy, asks, group, verdict, false);
    if (this.#refused) return undefined;
    const left = asks.filter(({ standing }) => standing === 'unasked');
    return this.#decideByPolicy(left, stage.last);
  }

  /** Takes in an answer to what is not answered of `asks`, of whichever strategy gave it. */
  #settle(
    strategy: Strategy,
    asks: readonly Ask[],
    group: readonly Check[],
    verdict: GroupVerdict,
    last: boolean,
  ): void {
    let from = 0;
    for (const ask of asks) {
      const checks = unanswered(ask);
      const part = checks.length === group.length ? verdict : partOf(verdict, from, checks.length);
      from += checks.length;
      ask.verdicts = ask.verdicts === undefined ? part.verdicts : filledIn(ask.verdicts, part.verdicts);
      ask.standing = standingOf(ask.verdicts);
      if (!verdict.allowed) continue;
      if (ask.standing === 'denied') {
        this.#giveBackPartly(strategy, ask, checks, part);
        continue;
      }
      if (!last) this.#take().add(ask, strategy, checks, part);
      this.#hold(strategy, checks, part);
    }
    if (!verdict.allowed) this.#refuse();
  }

  /** A limit in shadow mode whose one rate had room and whose other had not: as when enforced, it is charged on neither. */
  #giveBackPartly(strategy: Strategy, ask: Ask, checks: readonly Check[], verdict: GroupVerdict): void {
    checks.forEach((check, i) => {
      if (verdict.verdicts[i]?.allowed !== true) return;
      this.#take().refund(strategy, [check], { ...partOf(verdict, i, 1), allowed: true });
    });
    this.#taken?.giveBack(ask);
  }

  #hold(strategy: Strategy, checks: readonly Check[], { verdicts }: GroupVerdict): void {
    for (let i = 0; i < checks.length; i++) {
      const check = checks[i];
      if (check?.holder !== undefined && verdicts[i]?.allowed === true) this.#take().hold(strategy, check);
    }
  }

  #take(): Charges {
    this.#taken ??= new Charges(this.#context.defects);
    return this.#taken;
  }

  #refuse(): void {
    this.#refused = true;
    this.#taken?.giveBack();
  }

  /** The stage's count cannot be reached: each limit's own policy decides. */
  #failed(stage: Stage, asks: readonly Ask[], sentAt: number, error: unknown): Promise<void> | undefined {
    const { clock, telemetry, defects } = this.#context;
    telemetry.decisionTime(stage.sharing, (clock.monotonic() - sentAt) / 1_000);
    defects.report(stage.sharing, error);
    return this.#decideByPolicy(asks, stage.last);
  }

  /** Decides what nobody has answered of `asks`. */
  #decideByPolicy(asks: readonly Ask[], last: boolean): Promise<void> | undefined {
    const { telemetry } = this.#context;
    const alone: Ask[] = [];
    for (const ask of asks) {
      const { name, onFailure, shadow } = ask.limit;
      telemetry.fallback(name, onFailure);
      this.#trace?.fellBack(name, onFailure);
      if (onFailure === 'local') {
        alone.push(ask);
      } else if (onFailure === 'allow') {
        ask.standing = 'waved';
      } else {
        ask.standing = 'unavailable';
        if (shadow) this.#taken?.giveBack(ask);
        else this.#refused = true;
      }
    }
    if (this.#refused) {
      this.#refuse();
      return undefined;
    }
    return alone.length === 0 ? undefined : this.#decideAlone(alone, last);
  }

  #decideAlone(asks: readonly Ask[], last: boolean): Promise<void> | undefined {
    const { fallback, shares, defects } = this.#context;
    for (const ask of asks) {
      ask.checks = ask.checks.map((check, i) =>
        ask.verdicts?.[i] === undefined ? { ...check, policy: shares.of(check.policy) } : check,
      );
    }
    const group = groupOf(asks);
    // Nothing is left to count with: availability is what `local` was chosen for.
    const wave = (error: unknown): void => {
      defects.report('fallback', error);
      for (const ask of asks) ask.standing = 'waved';
    };
    try {
      const answer = fallback.check(group);
      if (answer instanceof Promise) {
        return answer.then((verdict) => this.#settle(fallback, asks, group, verdict, last), wave);
      }
      this.#settle(fallback, asks, group, answer, last);
    } catch (error) {
      wave(error);
    }
    return undefined;
  }

  #asksOf(stage: Stage): readonly Ask[] {
    let all = true;
    for (const ask of this.#asks) {
      if (ask.limit.sharing !== stage.sharing || ask.standing !== 'unasked') all = false;
    }
    if (all) return this.#asks;
    return this.#asks.filter((ask) => ask.limit.sharing === stage.sharing && ask.standing === 'unasked');
  }

  /** What to do with the request. Reports each limit's decision; call once. */
  outcome(): Outcome {
    const release = this.#taken?.releaser();
    return outcomeOf(this.#asks, this.#refused, this.#shadowMissing, release, this.#context, this.#trace);
  }
}

function codeOf(error: unknown): string {
  return error instanceof SluiceError ? error.code : 'internal';
}

function standingOf(verdicts: readonly (Verdict | undefined)[]): Standing {
  let standing: Standing = 'allowed';
  for (const verdict of verdicts) {
    if (verdict === undefined) standing = 'unasked';
    else if (!verdict.allowed) return 'denied';
  }
  return standing;
}

/** `verdicts` with the missing ones out of `found`, in order. */
function filledIn(
  verdicts: readonly (Verdict | undefined)[],
  found: readonly (Verdict | undefined)[],
): readonly (Verdict | undefined)[] {
  let next = 0;
  return verdicts.map((verdict) => verdict ?? found[next++]);
}

/** The verdict on some of a group's checks, with the times at which they were charged. */
function partOf({ allowed, verdicts, at, ats }: GroupVerdict, from: number, count: number): GroupVerdict {
  const part = { allowed, verdicts: verdicts.slice(from, from + count), at };
  return ats === undefined ? part : { ...part, ats: ats.slice(from, from + count) };
}
