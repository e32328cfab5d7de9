import type { Random } from '../../core/random.ts';

/** From `atMs` on, so many requests a second. */
export interface Step {
  readonly atMs: number;
  readonly perSecond: number;
}

/** Which host a request comes to. */
export type HostChoice =
  /** Any, each as likely. */
  | { readonly kind: 'even' }
  /** A part of the traffic comes to a part of the hosts: 0.7 and 0.3 are 70 % to three of ten. */
  | { readonly kind: 'skewed'; readonly traffic: number; readonly hosts: number }
  | { readonly kind: 'one'; readonly host: number }
  /** A client that goes to another host every so often, with all it has. */
  | { readonly kind: 'roaming'; readonly everyMs: number };

/** Which key it carries. */
export type KeyChoice =
  | { readonly kind: 'one' }
  | { readonly kind: 'even'; readonly keys: number }
  /** The k-th most popular of `keys` is asked for in proportion to 1 / k^exponent. */
  | { readonly kind: 'zipf'; readonly keys: number; readonly exponent: number };

/** Arrivals that do not wait for answers (an open loop). */
export interface Workload {
  /** `poisson`: independent of each other; `regular`: one like the other; `bursts`: all at once at the edges of windows. */
  readonly arrivals:
    | { readonly kind: 'poisson' | 'regular'; readonly steps: readonly Step[] }
    /** `count` requests just before the end of each window and as many just after, within `spreadMs` on either side. */
    | { readonly kind: 'bursts'; readonly windowMs: number; readonly count: number; readonly spreadMs: number };
  readonly hosts: HostChoice;
  readonly keys: KeyChoice;
  readonly cost: number;
}

export interface Arrival {
  /** Milliseconds since the start of the simulation. */
  readonly at: number;
  readonly host: number;
  readonly key: number;
  readonly cost: number;
}

export interface WorkloadScene {
  readonly random: Random;
  readonly hosts: number;
  readonly fromMs: number;
  readonly untilMs: number;
  /** Unix time at the start of the simulation, to which windows are aligned. */
  readonly epochMs: number;
}

/** The arrivals of one workload, in order of their time. */
export function* arrivalsOf(workload: Workload, scene: WorkloadScene): Generator<Arrival, void> {
  const host = hostChooser(workload.hosts, scene);
  const key = keyChooser(workload.keys, scene.random);
  for (const at of timesOf(workload, scene)) yield { at, host: host(at), key: key(), cost: workload.cost };
}

function timesOf({ arrivals }: Workload, scene: WorkloadScene): Generator<number, void> {
  return arrivals.kind === 'bursts' ? bursts(arrivals, scene) : flow(arrivals, scene);
}

function* flow(
  { kind, steps }: { readonly kind: 'poisson' | 'regular'; readonly steps: readonly Step[] },
  { random, fromMs, untilMs }: WorkloadScene,
): Generator<number, void> {
  for (let i = 0; i < steps.length; i++) {
    const step = steps[i];
    if (step === undefined || step.perSecond <= 0) continue;
    const gap = 1_000 / step.perSecond;
    const end = Math.min(untilMs, steps[i + 1]?.atMs ?? untilMs);
    // What is memoryless may start anew at each step; what is regular starts somewhere in its gap.
    let at = Math.max(fromMs, step.atMs) + (kind === 'poisson' ? exponential(gap, random) : gap * random.next());
    while (at < end) {
      yield at;
      at += kind === 'poisson' ? exponential(gap, random) : gap;
    }
  }
}

function* bursts(
  { windowMs, count, spreadMs }: { readonly windowMs: number; readonly count: number; readonly spreadMs: number },
  { fromMs, untilMs, epochMs }: WorkloadScene,
): Generator<number, void> {
  for (let edge = Math.ceil((epochMs + fromMs + spreadMs) / windowMs) * windowMs - epochMs; ; edge += windowMs) {
    for (let i = 0; i < 2 * count; i++) {
      const at = edge - spreadMs + ((i + 0.5) * spreadMs) / count;
      if (at >= untilMs) return;
      yield at;
    }
  }
}

function exponential(mean: number, random: Random): number {
  return -mean * Math.log(1 - random.next());
}

function hostChooser(choice: HostChoice, { random, hosts }: WorkloadScene): (at: number) => number {
  switch (choice.kind) {
    case 'even':
      return () => random.below(hosts);
    case 'skewed': {
      const hot = Math.min(hosts, Math.max(1, Math.round(choice.hosts * hosts)));
      return () =>
        hot === hosts || random.next() < choice.traffic ? random.below(hot) : hot + random.below(hosts - hot);
    }
    case 'one':
      return () => choice.host;
    case 'roaming': {
      let turn = -1;
      let host = 0;
      return (at) => {
        const now = Math.floor(at / choice.everyMs);
        if (now !== turn && hosts > 1) host = (host + 1 + random.below(hosts - 1)) % hosts;
        turn = now;
        return host;
      };
    }
  }
}

function keyChooser(choice: KeyChoice, random: Random): () => number {
  if (choice.kind === 'one') return () => 0;
  if (choice.kind === 'even') return () => random.below(choice.keys);
  const upTo = new Float64Array(choice.keys);
  let sum = 0;
  for (let k = 0; k < choice.keys; k++) {
    sum += 1 / (k + 1) ** choice.exponent;
    upTo[k] = sum;
  }
  return () => {
    const wanted = random.next() * sum;
    let [low, high] = [0, choice.keys - 1];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((upTo[middle] ?? 0) < wanted) low = middle + 1;
      else high = middle;
    }
    return low;
  };
}
