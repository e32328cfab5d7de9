import type { SharingName } from '../core/types.ts';
import type { Check, Strategy } from '../sharing/strategy.ts';
import type { CompiledLimit, PlannedRate } from './compile.ts';
import { counterOf } from './compile.ts';
import type { LimiterContext } from './context.ts';
import { keyId } from './key-text.ts';
import type { KeyAdmin, KeyCounterView } from './keys-admin.ts';

/**
 * Keys by the text that `explain` shows (see key-text.ts), with overrides applied. A hashed id (`sha256=…`) works as well, but
 * no glob can match it: where one holds for that key, write the whole key.
 */
export class LimitKeys implements KeyAdmin {
  readonly #limits: ReadonlyMap<string, CompiledLimit>;
  readonly #strategyOf: (sharing: SharingName) => Strategy;
  readonly #context: LimiterContext;

  constructor(
    limits: ReadonlyMap<string, CompiledLimit>,
    strategyOf: (sharing: SharingName) => Strategy,
    context: LimiterContext,
  ) {
    this.#limits = limits;
    this.#strategyOf = strategyOf;
    this.#context = context;
  }

  async peek(name: string, key: string): Promise<readonly KeyCounterView[] | undefined> {
    const limit = this.#limits.get(name);
    if (limit === undefined) return undefined;
    const strategy = this.#strategyOf(limit.sharing);
    return Promise.all(
      counters(limit, key).map(async ({ rate, check }) => {
        const view = await strategy.peek(check);
        return { ...view, policy: rate.words, limit: rate.policy.limit };
      }),
    );
  }

  async reset(name: string, key: string): Promise<boolean | undefined> {
    const limit = this.#limits.get(name);
    if (limit === undefined) return undefined;
    const { denials, fallback } = this.#context;
    const strategy = this.#strategyOf(limit.sharing);
    const asked = counters(limit, key).map(async ({ check }) => {
      const spare = await fallback.reset(check);
      try {
        return (await strategy.reset(check)) || spare;
      } finally {
        // Last, so that no answer from before the reset is remembered after it.
        denials.forget(check.counter);
      }
    });
    const existed = await Promise.all(asked);
    return existed.includes(true);
  }
}

function counters(limit: CompiledLimit, key: string): { rate: PlannedRate; check: Check }[] {
  const label = limit.key.labelFrom(key);
  const id = keyId(label);
  const rates = limit.plans.find(label).rates ?? [];
  return rates.map((rate) => ({
    rate,
    check: {
      limit: limit.name,
      counter: counterOf(rate, id),
      policy: rate.policy,
      cost: 1,
      shadow: limit.shadow,
      lease: limit.lease,
      holder: undefined,
    },
  }));
}
