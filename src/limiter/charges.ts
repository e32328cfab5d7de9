import type { Check, GroupVerdict, Strategy, Verdict } from '../sharing/strategy.ts';
import type { Ask } from './ask.ts';
import type { DefectLog } from './failure.ts';

interface Charge {
  readonly ask: Ask;
  readonly strategy: Strategy;
  readonly group: readonly Check[];
  readonly verdict: GroupVerdict;
}

interface Holding {
  readonly strategy: Strategy;
  readonly check: Check;
}

/** What one request has taken so far: all of it goes back when a limit refuses, places in flight come free when it ends. */
export class Charges {
  readonly #defects: DefectLog;
  #charges: Charge[] = [];
  #holdings: Holding[] = [];

  constructor(defects: DefectLog) {
    this.#defects = defects;
  }

  /** `verdict` is on `group`, and has charged what it allows. */
  add(ask: Ask, strategy: Strategy, group: readonly Check[], verdict: GroupVerdict): void {
    if (verdict.verdicts.some(isAllowed)) this.#charges.push({ ask, strategy, group, verdict });
  }

  /** Takes charge of ending what the check holds. */
  hold(strategy: Strategy, check: Check): void {
    this.#holdings.push({ strategy, check });
  }

  /** Gives back what was taken for one limit; for all when none is named. */
  giveBack(ask?: Ask): void {
    const charges = this.#charges.filter((charge) => ask === undefined || charge.ask === ask);
    this.#charges = this.#charges.filter((charge) => !charges.includes(charge));
    // A refund ends holdings too.
    this.#holdings = ask === undefined ? [] : this.#holdings.filter(({ check }) => !ask.checks.includes(check));
    for (const { strategy, group, verdict } of charges) this.refund(strategy, group, verdict);
  }

  refund(strategy: Strategy, group: readonly Check[], verdict: GroupVerdict): void {
    try {
      strategy.refund(group, verdict);
    } catch (error) {
      this.#defects.report(strategy.sharing, error);
    }
  }

  /** Ends the holdings, once however often it is called; undefined when there are none. */
  releaser(): (() => void) | undefined {
    let held: readonly Holding[] = this.#holdings;
    if (held.length === 0) return undefined;
    return () => {
      const ending = held;
      held = [];
      for (const { strategy, check } of ending) {
        try {
          strategy.release(check);
        } catch (error) {
          this.#defects.report(strategy.sharing, error);
        }
      }
    };
  }
}

function isAllowed(verdict: Verdict | undefined): boolean {
  return verdict?.allowed === true;
}
