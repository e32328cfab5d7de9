/** Requests to the gateways of a lease world, and what became of them. */
import type { LeasablePolicy } from '../../src/sharing/lease.ts';
import type { Check, GroupVerdict } from '../../src/sharing/strategy.ts';
import { check } from '../conformance/strategy.ts';
import type { Admission, World } from './lease-world.ts';

/** What one counter admitted, by the time that the store's clock showed. */
export class Book {
  readonly check: Check;
  readonly policy: LeasablePolicy;
  readonly admissions: Admission[] = [];

  constructor(policy: LeasablePolicy) {
    this.policy = policy;
    this.check = check(policy, { lease: true });
  }

  get units(): number {
    return this.admissions.reduce((sum, { cost }) => sum + cost, 0);
  }
}

export interface Manner {
  readonly cost: () => number;
  /** Probability that a decision is undone, as when another limit refuses. */
  readonly undone: number;
}

/** One request through one gateway: it takes the same cost from every book. What is decided later is noted then. */
export function request(world: World, gateway: number, books: readonly Book[], manner: Manner): void {
  const chosen = world.gateways[gateway];
  if (chosen === undefined) return;
  const cost = manner.cost();
  const group = books.map((book) => (cost === book.check.cost ? book.check : { ...book.check, cost }));
  const note = (verdict: GroupVerdict, waited: boolean): void => {
    if (!verdict.allowed || !chosen.remote.alive) return;
    if (manner.undone > 0 && world.random.next() < manner.undone) {
      chosen.strategy.refund(group, verdict);
      return;
    }
    // A lease decides at this moment; the store decided when it said so.
    const leased = 'lease' in (verdict.verdicts[0] ?? {});
    const at = waited && !leased ? verdict.at : world.clock.now();
    for (const book of books) book.admissions.push({ at, cost, leased });
  };
  const answer = chosen.strategy.check(group);
  // No promise for what is decided at once: these are most, and the test runner follows every promise.
  if (answer instanceof Promise) {
    answer.then(
      (verdict) => note(verdict, true),
      () => {},
    );
  } else {
    note(answer, false);
  }
}
