/** The shared vectors of test/vectors: hand-checked histories with every answer written out. */
import { readFileSync } from 'node:fs';
import type { ConcurrencyPolicy, WindowedPolicy } from '../../../src/algorithms/algorithm.ts';
import type { HoldersStep } from './holders.ts';
import type { Step } from './step.ts';

type Changes = { readonly policy: { readonly limit?: number; readonly burst?: number; readonly buckets?: number } };
type Numbers = {
  readonly allowed: boolean;
  readonly remaining: number;
  readonly retryAfterMs: number;
  readonly resetMs: number;
};

/** `policy`: a reload changes these numbers from here on. `state`: the text kept after the step; null: none. */
type WindowedLine =
  | Changes
  | ({ readonly at: number; readonly cost: number; readonly state: string | null } & Numbers)
  | { readonly at: number; readonly refund: number; readonly takenAt: number; readonly state: string }
  | { readonly at: number; readonly place: string };

/** `alive`: holders after the step. */
type HoldersLine =
  | Changes
  | ({ readonly at: number; readonly acquire: string; readonly alive: number } & Numbers)
  | { readonly at: number; readonly renew: string; readonly held: boolean; readonly alive: number }
  | { readonly at: number; readonly release: string; readonly held: boolean; readonly alive: number }
  | { readonly at: number; readonly damage: string; readonly alive: number }
  | { readonly at: number; readonly alive: number };

interface Vector<Policy, Line> {
  readonly name: string;
  readonly policy: Policy;
  readonly steps: readonly Line[];
}

export interface Case<S> {
  readonly name: string;
  readonly steps: readonly S[];
  /** For each step what both twins must answer. */
  readonly expected: readonly string[];
}

function read<Policy, Line>(name: string): readonly Vector<Policy, Line>[] {
  return JSON.parse(readFileSync(new URL(`../../vectors/${name}.json`, import.meta.url), 'utf8'));
}

function answer({ allowed, remaining, retryAfterMs, resetMs }: Numbers): string {
  return `${allowed ? 'yes' : 'no'} ${remaining} ${retryAfterMs} ${resetMs}`;
}

/** Lines end before the time to live, which follows from the state. */
export function windowedCases(name: 'fixed-window' | 'sliding-window' | 'token-bucket'): Case<Step>[] {
  return read<WindowedPolicy, WindowedLine>(name).map((vector) => {
    let { policy } = vector;
    const steps: Step[] = [];
    const expected: string[] = [];
    for (const line of vector.steps) {
      if ('policy' in line) {
        policy = { ...policy, ...line.policy };
      } else if ('cost' in line) {
        steps.push({ op: 'take', policy, now: line.at, cost: line.cost });
        expected.push(`${answer(line)} ${line.state ?? '-'}`);
      } else if ('refund' in line) {
        steps.push({ op: 'refund', policy, now: line.at, cost: line.refund, takenAt: line.takenAt });
        expected.push(`- - - - ${line.state}`);
      } else {
        steps.push({ op: 'place', policy, now: line.at, text: line.place });
        expected.push(`- - - - ${line.place}`);
      }
    }
    return { name: vector.name, steps, expected };
  });
}

export function holdersCases(): Case<HoldersStep>[] {
  return read<ConcurrencyPolicy, HoldersLine>('concurrency').map((vector) => {
    let { policy } = vector;
    const steps: HoldersStep[] = [];
    const expected: string[] = [];
    for (const line of vector.steps) {
      if ('policy' in line) {
        policy = { ...policy, ...line.policy };
        continue;
      }
      let said = '-';
      if ('acquire' in line) {
        steps.push({ op: 'acquire', policy, holder: line.acquire, now: line.at });
        said = answer(line);
      } else if ('renew' in line) {
        steps.push({ op: 'renew', policy, holder: line.renew, now: line.at });
        said = line.held ? 'yes' : 'no';
      } else if ('release' in line) {
        steps.push({ op: 'release', policy, holder: line.release, now: line.at });
        said = line.held ? 'yes' : 'no';
      } else if ('damage' in line) {
        steps.push({ op: 'damage', policy, holder: line.damage, now: line.at });
      } else {
        steps.push({ op: 'count', policy, holder: '', now: line.at });
      }
      expected.push(`${said} ${line.alive}`);
    }
    return { name: vector.name, steps, expected };
  });
}
