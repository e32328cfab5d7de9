/** Random policies and random lives of one counter. */
import fc from 'fast-check';
import type { WindowedPolicy } from '../../../src/algorithms/algorithm.ts';
import type { WindowedState } from '../../../src/algorithms/registry.ts';
import { algorithmFor } from '../../../src/algorithms/registry.ts';
import type { Step } from './step.ts';
import { stateOf, textOf } from './step.ts';

const MOST = Number.MAX_SAFE_INTEGER;

const windows = fc.oneof(
  fc.integer({ min: 1, max: 60 }),
  fc.constantFrom(1_000, 10_000, 60_000, 3_600_000, 86_400_000),
  fc.integer({ min: 61, max: 100_000 }),
);

/** So few that sums over a whole history stay exact. */
function fewUnits(): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 3, arbitrary: fc.integer({ min: 1, max: 20 }) },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: 100_000 }) },
  );
}

/** Mostly few, sometimes as many as the arithmetic allows. */
function anyUnits(windowMs: number): fc.Arbitrary<number> {
  return fc.oneof(
    { weight: 8, arbitrary: fewUnits() },
    { weight: 1, arbitrary: fc.integer({ min: 1, max: Math.floor(MOST / windowMs) }) },
    { weight: 1, arbitrary: fc.constant(Math.floor(MOST / windowMs)) },
  );
}

function policiesWith(unitsFor: (windowMs: number) => fc.Arbitrary<number>): fc.Arbitrary<WindowedPolicy> {
  return windows.chain((windowMs) => {
    const numbers = { limit: unitsFor(windowMs), windowMs: fc.constant(windowMs) };
    const buckets = fc.oneof(fc.constant(2), fc.integer({ min: 3, max: 60 }));
    return fc.oneof(
      fc.record({ algorithm: fc.constant('fixed-window' as const), ...numbers }),
      fc.record({ algorithm: fc.constant('sliding-window' as const), ...numbers, buckets }),
      fc.record({ algorithm: fc.constant('token-bucket' as const), ...numbers, burst: unitsFor(windowMs) }),
    );
  });
}

/** The most that one question may take. */
export function capacityOf(policy: WindowedPolicy): number {
  return policy.algorithm === 'token-bucket' ? policy.burst : policy.limit;
}

/** The length of what a policy counts by. */
export function sliceOf(policy: WindowedPolicy): number {
  return policy.algorithm === 'sliding-window' ? Math.ceil(policy.windowMs / (policy.buckets - 1)) : policy.windowMs;
}

/** What happens next, in terms of what has happened so far. Fractions are of a slice or of the capacity. */
interface Event {
  readonly kind: 'take' | 'refund' | 'reload' | 'place';
  readonly move: 'stay' | 'within' | 'edge' | 'windows' | 'retry' | 'back' | 'far' | 'past';
  readonly fraction: number;
  readonly whole: number;
  readonly amount: 'one' | 'some' | 'all' | 'over' | 'none';
  readonly nudge: number;
}

function eventOf(kinds: readonly Event['kind'][], moves: readonly Event['move'][]): fc.Arbitrary<Event> {
  return fc.record({
    kind: fc.constantFrom(...kinds),
    move: fc.constantFrom(...moves),
    fraction: fc.double({ min: 0, max: 1, noNaN: true }),
    whole: fc.integer({ min: 0, max: 130 }),
    amount: fc.constantFrom('one', 'one', 'some', 'some', 'all', 'over', 'none'),
    nudge: fc.integer({ min: -1, max: 1 }),
  });
}

const starts = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1_700_000_000_000, max: 1_800_000_000_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 100_000 }) },
  { weight: 1, arbitrary: fc.integer({ min: 4_000_000_000_000_000, max: 8_000_000_000_000_000 }) },
);

/** A counter's life with everything that can befall it: clocks that step, refunds, reloads, strange states. */
export const anyHistory: fc.Arbitrary<readonly Step[]> = livesOf(
  policiesWith(anyUnits),
  ['take', 'take', 'take', 'take', 'take', 'refund', 'refund', 'reload', 'place'],
  ['stay', 'stay', 'within', 'within', 'edge', 'windows', 'retry', 'retry', 'back', 'far', 'past'],
);

/** A counter's life under one policy and a clock that never goes back; with refunds if asked for. */
export function orderlyHistory(kinds: readonly ('take' | 'refund')[]): fc.Arbitrary<readonly Step[]> {
  return livesOf(policiesWith(fewUnits), kinds, [
    'stay',
    'stay',
    'within',
    'within',
    'edge',
    'edge',
    'windows',
    'retry',
    'retry',
  ]);
}

function livesOf(
  policies: fc.Arbitrary<WindowedPolicy>,
  kinds: readonly Event['kind'][],
  moves: readonly Event['move'][],
): fc.Arbitrary<readonly Step[]> {
  return fc
    .tuple(policies, starts, fc.array(eventOf(kinds, moves), { minLength: 1, maxLength: 60, size: 'max' }))
    .map(([policy, start, events]) => stepsOf(policy, start, events));
}

/** Turns events into steps by living through them. */
function stepsOf(first: WindowedPolicy, start: number, events: readonly Event[]): readonly Step[] {
  const steps: Step[] = [];
  const taken: { now: number; cost: number }[] = [];
  let policy = first;
  let state: WindowedState | undefined;
  let now = start;
  let retryAfterMs = 0;
  for (const event of events) {
    now = moved(event, now, retryAfterMs, policy);
    const algorithm = algorithmFor(policy);
    if (event.kind === 'reload') {
      policy = reloaded(policy, event);
    } else if (event.kind === 'place') {
      state = strange(policy, event, now);
      steps.push({ op: 'place', policy, now, text: textOf(state) });
      continue;
    } else if (event.kind === 'refund') {
      const one = taken[Math.floor(event.fraction * taken.length)];
      if (one === undefined || state === undefined) continue;
      taken.splice(taken.indexOf(one), 1);
      steps.push({ op: 'refund', policy, now, cost: one.cost, takenAt: one.now });
      state = algorithm.refund(policy, state, one.cost, one.now);
      continue;
    }
    const cost = amountOf(event, capacityOf(policy));
    const decision = algorithmFor(policy).decide(policy, state, cost, now);
    steps.push({ op: 'take', policy, now, cost });
    retryAfterMs = decision.retryAfterMs;
    if (!decision.allowed) continue;
    state = decision.next;
    if (cost > 0) taken.push({ now, cost });
  }
  return steps;
}

function moved(
  { move, fraction, whole, nudge }: Event,
  now: number,
  retryAfterMs: number,
  policy: WindowedPolicy,
): number {
  const slice = sliceOf(policy);
  const to = (time: number): number => Math.min(Math.max(0, Math.floor(time)), 8_500_000_000_000_000);
  switch (move) {
    case 'stay':
      return now;
    case 'within':
      return to(now + fraction * slice);
    case 'edge':
      return to(Math.max(now, (Math.floor(now / slice) + 1 + (whole % 3)) * slice + nudge));
    case 'windows':
      return to(now + fraction * slice * (whole % 64));
    case 'retry':
      return to(now + Math.max(0, retryAfterMs + nudge));
    case 'back':
      return to(now - fraction * 2 * slice);
    case 'past':
      return to(now - whole * slice - nudge);
    case 'far':
      return to(now + 2 ** (whole / 3));
  }
}

function amountOf({ amount, fraction, whole }: Event, capacity: number): number {
  switch (amount) {
    case 'none':
      return 0;
    case 'one':
      return 1;
    case 'some':
      return Math.max(1, Math.floor(fraction * capacity));
    case 'all':
      return capacity;
    case 'over':
      return whole % 2 === 0 ? capacity + 1 : MOST;
  }
}

/** Other numbers, the same algorithm and window: a reload. */
function reloaded(policy: WindowedPolicy, { fraction, whole }: Event): WindowedPolicy {
  const most = Math.floor(MOST / policy.windowMs);
  const limit = Math.min(most, Math.max(1, Math.floor(policy.limit * fraction * 2)));
  switch (policy.algorithm) {
    case 'fixed-window':
      return { ...policy, limit };
    case 'sliding-window':
      return { ...policy, limit };
    case 'token-bucket':
      return { ...policy, limit, burst: Math.min(most, 1 + whole) };
  }
}

/** A well-formed state at a random distance from now, with random contents. */
function strange(policy: WindowedPolicy, { fraction, whole, nudge }: Event, now: number): WindowedState {
  const slice = sliceOf(policy);
  const most = Math.floor(MOST / policy.windowMs);
  const index = Math.max(0, Math.floor(now / slice) + (whole - 65) + nudge);
  switch (policy.algorithm) {
    case 'fixed-window':
      return stateOf(`f:${index}:${Math.floor(fraction * most)}`);
    case 'sliding-window': {
      // Together below 2^53, as real ones are; sometimes far above the limit.
      const unit = Math.min(Math.floor((fraction * policy.limit) / 3), Math.floor(MOST / 300));
      const counts = Array.from({ length: policy.buckets }, (_, i) => ((i * 7 + whole) % 5) * unit);
      return stateOf(`s:${index}:${counts.join(',')}`);
    }
    case 'token-bucket':
      return stateOf(
        `t:${Math.floor(fraction * most * policy.windowMs)}:${Math.max(0, Math.floor(now + (fraction * 4 - 2) * policy.windowMs))}`,
      );
  }
}
