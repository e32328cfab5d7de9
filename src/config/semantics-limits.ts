import { formatRate } from '../core/rate.ts';
import type { Rate } from '../core/types.ts';
import type { FaultCode, Problem } from './faults.ts';
import { neverRefuses } from './idle-rates.ts';
import { formatPart, formatSource, mayBeMissing } from './key-part.ts';
import type { LimitShape, OverrideShape } from './schema-limits.ts';
import { checkReach } from './semantics-overrides.ts';
import type { Subject } from './subject.ts';

/** What cannot work, or would never have an effect, within one limit. */
export function checkLimit(limit: LimitShape, path: string, subject: Subject): void {
  new LimitCheck(limit, path, subject).run();
}

class LimitCheck {
  readonly #limit: LimitShape;
  readonly #path: string;
  readonly #subject: Subject;
  /** The limit itself has no room for its cost: the overrides are then not asked again. */
  #costly = false;

  constructor(limit: LimitShape, path: string, subject: Subject) {
    this.#limit = limit;
    this.#path = path;
    this.#subject = subject;
  }

  run(): void {
    this.#checkKey();
    this.#checkSettings();
    const { rate, burst, algorithm } = this.#limit;
    if (algorithm === 'concurrency') this.#checkConcurrencyCost();
    else if (rate !== undefined) this.#checkNumbers(this.#path, rate, burst);
    for (const [i, override] of this.#limit.overrides.entries()) this.#checkOverride(override, i);
    checkReach(this.#limit.overrides, this.#path, this.#subject);
  }

  #fault(path: string, code: FaultCode, message: string, hint?: string): void {
    const { places, faults } = this.#subject;
    const problem: Problem = hint === undefined ? { code, message } : { code, message, hint };
    // A setting that stands there is pointed at by its value; one that is missing by the name of what lacks it.
    faults.add(places.written(path) && path !== this.#path ? places.valueAt(path) : places.keyAt(path), path, problem);
  }

  #written(key: string): boolean {
    return this.#subject.places.written(`${this.#path}/${key}`);
  }

  #keyPath(index: number): string {
    const listed = `${this.#path}/key/${index}`;
    return this.#subject.places.written(listed) ? listed : `${this.#path}/key`;
  }

  #checkKey(): void {
    const { key, whenMissing } = this.#limit;
    const seen = new Set<string>();
    for (const [i, part] of key.entries()) {
      const at = this.#keyPath(i);
      const sources = part.map(formatSource);
      if (key.length > 1 && part.length === 1 && part[0]?.kind === 'global') {
        this.#fault(
          at,
          'global-joined',
          'global joined with other parts changes nothing',
          'remove global, or the other parts',
        );
      }
      for (const [k, source] of sources.entries()) {
        const before = sources.slice(0, k);
        const present = part.slice(0, k).find((s) => !('name' in s));
        if (before.includes(source)) {
          this.#fault(at, 'duplicate-part', `${source} stands twice in this part`, 'remove one');
          break;
        }
        if (present !== undefined) {
          const hint = `put ${formatSource(present)} last`;
          this.#fault(
            at,
            'idle-alternative',
            `${source} is never looked at: ${formatSource(present)} is always present`,
            hint,
          );
          break;
        }
      }
      const spelling = formatPart(part);
      if (seen.has(spelling)) this.#fault(at, 'duplicate-part', `${spelling} is in the key already`, 'remove it');
      seen.add(spelling);
    }
    if (whenMissing === 'deny' && !key.some(mayBeMissing)) {
      const hint = 'only headers, cookies and query parameters can be missing';
      this.#fault(
        `${this.#path}/whenMissing`,
        'never-missing',
        'whenMissing: deny has no effect: this key is always present',
        hint,
      );
    }
  }

  /** Settings of one algorithm beside another one, and settings that an algorithm needs. */
  #checkSettings(): void {
    const { algorithm, rate, max, burst } = this.#limit;
    const foreign = (key: string, belongs: string): void => {
      if (!this.#written(key)) return;
      const hint = `${key} belongs to ${belongs}; remove it, or write algorithm: ${belongs.split(' ')[0]}`;
      this.#fault(`${this.#path}/${key}`, 'other-algorithm', `${key} has no meaning for ${algorithm}`, hint);
    };
    this.#checkLease();
    if (algorithm !== 'sliding-window') foreign('buckets', 'sliding-window');
    if (algorithm !== 'token-bucket') foreign('burst', 'token-bucket');
    if (algorithm === 'concurrency') {
      if (rate !== undefined) {
        const hint = 'it counts requests in flight: write max: N, or choose another algorithm';
        this.#fault(`${this.#path}/rate`, 'other-algorithm', 'rate has no meaning for concurrency', hint);
      } else if (max === undefined) {
        this.#fault(this.#path, 'missing-max', 'a concurrency limit needs max', 'max: 10 for ten requests in flight');
      }
      return;
    }
    foreign('max', 'concurrency');
    foreign('leaseTime', 'concurrency');
    // Who wrote max meant concurrency: one mistake, one fault.
    if (rate === undefined && max === undefined) {
      this.#fault(this.#path, 'missing-rate', `a ${algorithm} limit needs a rate`, 'rate: 100/1m');
    }
    if (algorithm === 'token-bucket' && burst !== undefined && (rate?.length ?? 0) > 1)
      this.#burstWithRates(this.#path);
  }

  #checkLease(): void {
    const { algorithm, sharing, lease } = this.#limit;
    if (lease === 'none') return;
    const path = `${this.#path}/lease`;
    if (algorithm === 'token-bucket' || algorithm === 'concurrency') {
      const hint = 'lease: auto belongs to sliding-window and fixed-window; remove it';
      this.#fault(path, 'other-algorithm', `lease: auto has no meaning for ${algorithm}`, hint);
    } else if (sharing === undefined ? this.#withoutRedis() : sharing !== 'redis') {
      const hint = 'remove it: without Redis every decision is made in memory already';
      this.#fault(path, 'idle-lease', 'lease: auto has no effect: this limit is not shared through Redis', hint);
    }
  }

  #withoutRedis(): boolean {
    const { places } = this.#subject;
    return !places.written('redis') && !places.lost('redis');
  }

  #burstWithRates(path: string): void {
    const hint = 'with several rates each one’s count is its burst';
    this.#fault(`${path}/burst`, 'burst-with-rates', 'burst cannot stand beside several rates', hint);
  }

  #checkConcurrencyCost(): void {
    const { cost } = this.#limit;
    if (cost === 1) return;
    const hint = 'every request in flight counts 1; remove cost';
    this.#fault(`${this.#path}/cost`, 'concurrency-cost', 'a concurrency limit cannot have a cost', hint);
  }

  /** The numbers at `path` (the limit's, or an override's) against each other, the algorithm and the cost. */
  #checkNumbers(path: string, rates: readonly Rate[], burst: number | undefined): void {
    const { algorithm, buckets } = this.#limit;
    const at = (i: number): string => {
      const { places } = this.#subject;
      if (places.written(`${path}/rate/${i}`)) return `${path}/rate/${i}`;
      if (places.written(`${path}/rate`)) return `${path}/rate`;
      return places.written(`${path}/burst`) ? `${path}/burst` : path;
    };
    let costly = false;
    for (const [i, rate] of rates.entries()) {
      if (algorithm === 'sliding-window' && rate.windowMs < buckets - 1) {
        const hint = `each of its ${buckets - 1} parts needs 1ms; use fewer buckets or a longer window`;
        this.#fault(
          at(i),
          'short-window',
          `the window of ${formatRate(rate)} is too short for ${buckets} buckets`,
          hint,
        );
      }
      const most = algorithm === 'token-bucket' ? Math.max(burst ?? 0, rate.count) : rate.count;
      if (algorithm !== 'fixed-window' && most * rate.windowMs > Number.MAX_SAFE_INTEGER) {
        const hint = 'count × window in milliseconds has to stay below 2^53; use a smaller count or window';
        this.#fault(
          at(i),
          'beyond-exact',
          `${most > rate.count ? `a burst of ${most} on ${formatRate(rate)}` : formatRate(rate)} is too large to be counted exactly`,
          hint,
        );
      }
      costly = this.#checkCost(path, rate, burst) || costly;
    }
    if (!costly) this.#checkRatesAgainstEachOther(rates, at);
  }

  #checkCost(path: string, rate: Rate, burst: number | undefined): boolean {
    const { cost, algorithm } = this.#limit;
    const capacity = algorithm === 'token-bucket' ? (burst ?? rate.count) : rate.count;
    if (typeof cost !== 'number' || cost <= capacity) return false;
    if (this.#costly) return true;
    this.#costly = path === this.#path;
    const setting = algorithm === 'token-bucket' && burst !== undefined ? `a burst of ${burst}` : formatRate(rate);
    // An override with too little for the cost is the override's fault, unless the limit itself has too little already.
    const where = path === this.#path ? `${path}/${this.#written('cost') ? 'cost' : 'burst'}` : path;
    const hint = `a request costs ${cost}; lower the cost or raise the limit`;
    this.#fault(where, 'cost-too-high', `nothing is ever admitted: ${setting} never has room for one request`, hint);
    return true;
  }

  #checkRatesAgainstEachOther(rates: readonly Rate[], at: (i: number) => string): void {
    const { algorithm, buckets } = this.#limit;
    for (const [i, rate] of rates.entries()) {
      if (rates.slice(0, i).some((other) => other.windowMs === rate.windowMs)) {
        const hint = 'keep the smaller one';
        this.#fault(at(i), 'same-window', `a rate with the window of ${formatRate(rate)} is in the list already`, hint);
        continue;
      }
      const strict = rates.find(
        (other) => other.windowMs !== rate.windowMs && neverRefuses(rate, other, algorithm, buckets),
      );
      if (strict === undefined) continue;
      const message = `${formatRate(rate)} can never refuse anything: ${formatRate(strict)} always refuses first`;
      this.#fault(at(i), 'idle-rate', message, 'remove it, or make it stricter');
    }
  }

  #checkOverride(override: OverrideShape, index: number): void {
    const path = `${this.#path}/overrides/${index}`;
    const { algorithm, rate: ownRates, burst: ownBurst } = this.#limit;
    const { rate, burst, unlimited } = override;
    const number =
      rate !== undefined ? 'rate' : burst !== undefined ? 'burst' : override.max !== undefined ? 'max' : undefined;
    if (number === undefined && !unlimited) {
      this.#fault(
        path,
        'empty-override',
        'this override changes nothing',
        'give it a rate, burst or max, or unlimited: true',
      );
    } else if (number !== undefined && unlimited) {
      this.#fault(
        `${path}/${number}`,
        'unlimited-numbers',
        `an unlimited override has no ${number}`,
        `remove ${number} or unlimited`,
      );
    } else if (algorithm === 'concurrency' ? number === 'rate' || number === 'burst' : number === 'max') {
      const belongs = number === 'max' ? 'concurrency' : number === 'burst' ? 'token-bucket' : 'the other algorithms';
      this.#fault(
        `${path}/${number}`,
        'other-algorithm',
        `${number} has no meaning for ${algorithm}`,
        `${number} belongs to ${belongs}`,
      );
    } else if (burst !== undefined && algorithm !== 'token-bucket') {
      this.#fault(
        `${path}/burst`,
        'other-algorithm',
        `burst has no meaning for ${algorithm}`,
        'burst belongs to token-bucket',
      );
    } else if (burst !== undefined && (rate ?? ownRates ?? []).length > 1) {
      this.#burstWithRates(path);
    } else if (number !== undefined && algorithm !== 'concurrency') {
      this.#checkNumbers(path, rate ?? ownRates ?? [], burst ?? ownBurst);
    }
  }
}
