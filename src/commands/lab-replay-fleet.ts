/** The same log on several gateways that share nothing, beside one count for all. */
import { createHash } from 'node:crypto';
import type { Config } from '../config/types.ts';
import type { Clock } from '../core/clock.ts';
import type { Random } from '../core/random.ts';
import type { Judged } from '../lab/replay/judged.ts';
import type { LogEntry } from '../lab/replay/log-entry.ts';
import { Judge, splitConfig } from './lab-replay-judge.ts';

/** How requests reach the gateways: each one any of them, or all of a client's the same. */
export type Spread = 'requests' | 'clients';

export interface FleetOptions {
  readonly config: Config;
  readonly hosts: number;
  readonly spread: Spread;
  readonly clock: Clock;
  readonly random: Random;
  readonly host: string | undefined;
}

/** Against one count for all hosts. */
export interface WithoutSharing {
  readonly refused: number;
  /** One count for all would have refused them. */
  readonly wronglyAdmitted: number;
  /** One count for all would have admitted them. */
  readonly wronglyRefused: number;
}

export interface FleetReport {
  readonly hosts: number;
  readonly spread: Spread;
  /** One count for all: `redis`. */
  readonly shared: { readonly refused: number };
  /** Each host the whole limit. */
  readonly none: WithoutSharing;
  /** Each host the limit divided by the hosts. */
  readonly split: WithoutSharing;
}

interface Way {
  readonly judges: readonly Judge[];
  refused: number;
  wronglyAdmitted: number;
  wronglyRefused: number;
}

export class Fleet {
  readonly #options: FleetOptions;
  readonly #none: Way;
  readonly #split: Way;
  #refused = 0;

  constructor(options: FleetOptions) {
    this.#options = options;
    const way = (config: Config): Way => ({
      judges: Array.from({ length: options.hosts }, () => new Judge({ ...options, config })),
      refused: 0,
      wronglyAdmitted: 0,
      wronglyRefused: 0,
    });
    this.#none = way(options.config);
    this.#split = way(splitConfig(options.config, options.hosts));
  }

  async start(): Promise<void> {
    for (const judge of this.#all()) await judge.start();
  }

  async close(): Promise<void> {
    for (const judge of this.#all()) await judge.close();
  }

  /** @param shared what one count for all decided */
  async judge(entry: LogEntry, shared: Judged): Promise<void> {
    const host = this.#hostOf(shared.client ?? entry.client);
    const right = shared.refusedBy.length > 0;
    if (right) this.#refused += 1;
    for (const way of [this.#none, this.#split]) {
      const judged = await way.judges[host]?.judge(entry);
      const refused = judged !== undefined && judged.refusedBy.length > 0;
      if (refused) way.refused += 1;
      if (refused && !right) way.wronglyRefused += 1;
      if (!refused && right) way.wronglyAdmitted += 1;
    }
  }

  report(): FleetReport {
    const { hosts, spread } = this.#options;
    return {
      hosts,
      spread,
      shared: { refused: this.#refused },
      none: numbersOf(this.#none),
      split: numbersOf(this.#split),
    };
  }

  #hostOf(client: string): number {
    const { hosts, spread, random } = this.#options;
    if (spread === 'requests') return random.below(hosts);
    return createHash('sha256').update(client).digest().readUInt32BE(0) % hosts;
  }

  *#all(): Generator<Judge> {
    yield* this.#none.judges;
    yield* this.#split.judges;
  }
}

function numbersOf({ refused, wronglyAdmitted, wronglyRefused }: Way): WithoutSharing {
  return { refused, wronglyAdmitted, wronglyRefused };
}
