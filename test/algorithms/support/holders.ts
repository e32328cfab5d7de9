/** The TypeScript side of running a history of holders. */

import type { ConcurrencyPolicy } from '../../../src/algorithms/algorithm.ts';
import { Holders } from '../../../src/algorithms/concurrency.ts';

export interface HoldersStep {
  /** `damage`: the key is overwritten by another program. */
  readonly op: 'acquire' | 'ask' | 'renew' | 'release' | 'damage' | 'count';
  readonly policy: ConcurrencyPolicy;
  readonly holder: string;
  readonly now: number;
}

/** The lines that lua/replay-holders.lua answers. */
export function replayHolders(steps: readonly HoldersStep[]): string[] {
  let holders = new Holders();
  const lines: string[] = [];
  for (const step of steps) {
    if (step.op === 'damage') holders = new Holders();
    lines.push(`${answerTo(step, holders)} ${holders.count(step.now)}`);
  }
  return lines;
}

function answerTo({ op, policy, holder, now }: HoldersStep, holders: Holders): string {
  switch (op) {
    case 'acquire':
    case 'ask': {
      const decision = op === 'ask' ? holders.decide(policy, undefined, now) : holders.acquire(policy, holder, now);
      const { allowed, remaining, retryAfterMs, resetMs } = decision;
      return `${allowed ? 'yes' : 'no'} ${remaining} ${retryAfterMs} ${resetMs}`;
    }
    case 'renew':
      return holders.renew(policy, holder, now) ? 'yes' : 'no';
    case 'release':
      return holders.release(holder, now) ? 'yes' : 'no';
    case 'damage':
    case 'count':
      return '-';
  }
}
