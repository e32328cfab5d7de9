import type { Clock } from '../../core/clock.ts';
import type { Scenario } from '../scenario.ts';
import type { Way } from '../ways.ts';
import type { Host } from './fleet.ts';
import { pause } from './processes.ts';

export interface Watched {
  readonly clock: Clock;
  readonly scenario: Scenario;
  readonly way: Way;
  readonly hosts: readonly Host[];
  /** As requests carried them. */
  readonly keys: readonly string[];
  readonly signal: AbortSignal;
  /** Monotonic time of the last request. */
  readonly fromMs: number;
}

const WITHIN_MS = 30_000;
const MOST_KEYS = 20;

/** Seconds from the last request until all hosts were seen to hold the same counts; null: not while it was watched. */
export async function convergence({
  clock,
  scenario,
  way,
  hosts,
  keys,
  signal,
  fromMs,
}: Watched): Promise<number | null> {
  const { policy } = scenario;
  const until = clock.monotonic() + WITHIN_MS;
  const watched = keys.slice(0, MOST_KEYS);
  while (clock.monotonic() < until) {
    signal.throwIfAborted();
    const asked = clock.monotonic();
    const views = await Promise.all(
      watched.map((key) =>
        Promise.all(hosts.map((host) => remaining(`${host.adminUrl}/v1/limits/${way}/keys/${key}`))),
      ),
    );
    // Hosts answer one after the other, and meanwhile the window slides on.
    const answered = clock.monotonic();
    const tolerated = 1 + ((answered - asked) / policy.windowMs) * policy.limit;
    const agree = views.every((each) => Math.max(...each) - Math.min(...each) <= tolerated);
    if (agree) return (answered - fromMs) / 1_000;
    await pause(clock, Math.max(5, scenario.intervalMs / 10));
  }
  return null;
}

async function remaining(url: string): Promise<number> {
  const answer = await fetch(url).catch(() => undefined);
  if (answer?.ok !== true) return Number.NaN;
  const { counters } = (await answer.json()) as { readonly counters: readonly { readonly remaining: number }[] };
  return counters[0]?.remaining ?? Number.NaN;
}
