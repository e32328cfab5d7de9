/** Histories that both twins can run, and the TypeScript side of running them. */
import type { WindowedPolicy } from '../../../src/algorithms/algorithm.ts';
import type { WindowedState } from '../../../src/algorithms/registry.ts';
import { algorithmFor } from '../../../src/algorithms/registry.ts';

/** Policies of one history share algorithm and window. */
export type Step =
  | { readonly op: 'take'; readonly policy: WindowedPolicy; readonly now: number; readonly cost: number }
  | {
      readonly op: 'refund';
      readonly policy: WindowedPolicy;
      readonly now: number;
      readonly cost: number;
      readonly takenAt: number;
    }
  /** A state appears from nowhere: left by another policy, another clock, another program. */
  | { readonly op: 'place'; readonly policy: WindowedPolicy; readonly now: number; readonly text: string };

export function codeOf(policy: WindowedPolicy | undefined): 'f' | 's' | 't' {
  switch (policy?.algorithm) {
    case 'fixed-window':
    case undefined:
      return 'f';
    case 'sliding-window':
      return 's';
    case 'token-bucket':
      return 't';
  }
}

export function extraOf(policy: WindowedPolicy): number {
  switch (policy.algorithm) {
    case 'fixed-window':
      return 0;
    case 'sliding-window':
      return policy.buckets;
    case 'token-bucket':
      return policy.burst;
  }
}

/** The text that the Lua twin keeps. */
export function textOf(state: WindowedState): string {
  if ('count' in state) return `f:${state.index}:${state.count}`;
  if ('level' in state) return `t:${state.level}:${state.at}`;
  const counts = [...state.counts];
  while (counts.length > 1 && counts.at(-1) === 0) counts.pop();
  return `s:${state.index}:${counts.length === 0 ? 0 : counts.join(',')}`;
}

/** What a well-formed text means. */
export function stateOf(text: string): WindowedState {
  const [code, first, second] = text.split(':');
  if (code === 'f') return Object.freeze({ index: Number(first), count: Number(second) });
  if (code === 't') return Object.freeze({ level: Number(first), at: Number(second) });
  const counts = Object.freeze((second ?? '').split(',').map(Number));
  return Object.freeze({ index: Number(first), counts });
}

/** Runs a history in TypeScript on frozen states; the lines that lua/replay.lua answers. */
export function replay(steps: readonly Step[]): string[] {
  let state: WindowedState | undefined;
  return steps.map((step) => {
    const { policy, now } = step;
    const algorithm = algorithmFor(policy);
    let answer = '- - - -';
    if (step.op === 'place') {
      state = stateOf(step.text);
    } else if (step.op === 'refund') {
      if (state !== undefined) state = algorithm.refund(policy, state, step.cost, step.takenAt);
    } else {
      const { allowed, remaining, retryAfterMs, resetMs, next } = algorithm.decide(policy, state, step.cost, now);
      answer = `${allowed ? 'yes' : 'no'} ${remaining} ${retryAfterMs} ${resetMs}`;
      if (allowed) state = next;
    }
    if (state === undefined) return `${answer} - -`;
    const text = textOf(state);
    state = stateOf(text);
    return `${answer} ${text} ${Math.max(1, algorithm.expiresAt(policy, state) - now)}`;
  });
}
