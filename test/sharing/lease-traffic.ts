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

/** One request through one gateway: it takes the same cost from every book. Resolves when decided or failed. */
export async function request(world: World, gateway: number, books: readonly Book[], manner: Manner): Promise<void> {
  const chosen = world.gateways[gateway];
  if (chosen === undefined) return;
  const cost = manner.cost();
  const group = books.map((book) => ({ ...book.check, cost }));
  const answer = chosen.strategy.check(group);
  const leased = !(answer instanceof Promise);
  // A lease decides at this moment; the store decided when it said so.
  const now = world.clock.now();
  let verdict: GroupVerdict;
  try {
    verdict = leased ? answer : await answer;
  } catch {
    return;
  }
  if (!verdict.allowed || !chosen.remote.alive) return;
  if (world.random.next() < manner.undone) {
    chosen.strategy.refund(group, verdict);
    return;
  }
  const late = !leased && 'lease' in (verdict.verdicts[0] ?? {});
  for (const book of books) {
    book.admissions.push({ at: leased ? now : late ? world.clock.now() : verdict.at, cost, leased: leased || late });
  }
}
