/** The busiest keys of a limit over all instances that share a Redis, exchanged only while somebody asks. */
import type { Clock } from '../core/clock.ts';
import { SharedAnswers } from '../core/shared-answers.ts';
import type { FleetTopAnswer, SentTop, TopSummary } from '../core/top-summary.ts';
import { addUpTops, readTop, writeTop } from '../core/top-summary.ts';
import type { KeyLayout } from './keys.ts';
import type { LuaScript } from './lua-script-loader.ts';
import type { ScriptRunner } from './script-runner.ts';

export interface RedisFleetTopOptions {
  readonly clock: Clock;
  readonly runner: ScriptRunner;
  readonly scripts: Readonly<Record<'ask' | 'publish' | 'read', LuaScript>>;
  readonly keys: KeyLayout;
  /** This instance, as its heartbeat calls it. */
  readonly instance: string;
  /** What this machine is called. */
  readonly host: string;
  /** What this instance has counted; undefined: it has no such limit. */
  readonly own: (limit: string) => TopSummary | undefined;
}

/** Others go on publishing for so long after they were last asked. */
const ASK_MS = 10_000;
/** A summary that was not renewed with one of the next heartbeats is no longer true. */
const FRESH_MS = 3_000;
/** Somewhat longer than the time between two heartbeats. */
const PATIENCE_MS = 1_500;
const PAUSE_MS = 100;
/** Bounds what a curious operator with many limits can make of the heartbeat's reply. */
const MOST_LIMITS = 64;
/** Instances asked at once, so that one script call stays short. */
const MOST_INSTANCES = 256;

/**
 * Who asks puts the limit's name where every instance's heartbeat sees it, and collects what they put down. The first
 * answer takes until the next heartbeat of the slowest, about a second; while somebody keeps asking the next come at once.
 */
export class RedisFleetTop {
  readonly #options: RedisFleetTopOptions;
  readonly #answers = new SharedAnswers<FleetTopAnswer>();

  constructor(options: RedisFleetTopOptions) {
    this.#options = options;
  }

  /** Puts down what this instance has counted. What cannot be written is missed by whoever asks, who says so. */
  publish(limits: readonly string[]): void {
    const { runner, scripts, keys, instance, host, own } = this.#options;
    for (const limit of limits) {
      const summary = own(limit);
      if (summary === undefined) continue;
      const text = writeTop({ host, ...summary });
      runner.run(scripts.publish, [keys.top(limit, instance)], [text, FRESH_MS]).catch(() => {});
    }
  }

  /**
   * Several askers at once share one answer.
   * @throws StoreError when Redis cannot be asked
   */
  ask(limit: string): Promise<FleetTopAnswer> {
    return this.#answers.ask(limit, (name) => this.#collect(name));
  }

  async #collect(limit: string): Promise<FleetTopAnswer> {
    const { clock, runner, scripts, keys, instance, host, own } = this.#options;
    const until = clock.monotonic() + PATIENCE_MS;
    const reply = await runner.run(scripts.ask, [keys.topWanted, keys.instances], [limit, ASK_MS, MOST_LIMITS]);
    const live = Array.isArray(reply) ? reply.map(String).filter((id) => id !== instance) : [];
    const asked = live.slice(0, MOST_INSTANCES);
    const found = new Map<string, SentTop>();
    const mine = own(limit);
    if (mine !== undefined) found.set(instance, { host, ...mine });
    for (;;) {
      const left = asked.filter((id) => !found.has(id));
      if (left.length > 0) await this.#read(limit, left, found);
      if (left.every((id) => found.has(id)) || clock.monotonic() >= until) break;
      await new Promise<void>((resolve) => clock.after(PAUSE_MS, resolve));
    }
    return addUpTops(
      found,
      live.filter((id) => !found.has(id)),
    );
  }

  /** A read that fails is tried again as long as there is time. */
  async #read(limit: string, ids: readonly string[], found: Map<string, SentTop>): Promise<void> {
    const { runner, scripts, keys } = this.#options;
    const names = ids.map((id) => keys.top(limit, id));
    const reply = await runner.run(scripts.read, names, []).catch(() => undefined);
    if (!Array.isArray(reply)) return;
    for (const [i, id] of ids.entries()) {
      const text: unknown = reply[i];
      const summary = typeof text === 'string' ? readTop(text) : undefined;
      if (summary !== undefined) found.set(id, summary);
    }
  }
}
