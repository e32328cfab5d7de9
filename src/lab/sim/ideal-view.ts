import type { Member, MemberState } from '../../cluster/membership.ts';
import type { Random } from '../../core/random.ts';
import type { VirtualClock } from '../../core/virtual-clock.ts';
import type { Machine } from './machine.ts';

/** How long it takes until others know, milliseconds; each time up to half as much again, by chance. */
export interface DetectionTimes {
  /** That a host is there, or there again. */
  readonly aliveMs: number;
  /** That a process has ended whose machine still answers. */
  readonly goneMs: number;
  /** That a silent host is suspect, and that it is dead. */
  readonly suspectMs: number;
  readonly deadMs: number;
  /** That a dead or ended one is forgotten, after that. */
  readonly forgetMs: number;
}

export const SWIM_LIKE: DetectionTimes = {
  aliveMs: 300,
  goneMs: 1_500,
  suspectMs: 1_500,
  deadMs: 5_000,
  forgetMs: 60_000,
};

/** What can be found out about a host now: it answers, its machine says that it ended, or there is silence. */
type Truth = 'alive' | 'ended' | 'silent';

/**
 * What a class of hosts knows of all others: hosts that can reach the same ones learn the same at the same time. One record
 * for many observers, since 10,000 times 10,000 would be too many.
 */
export class IdealView {
  readonly observers = new Set<number>();
  readonly #clock: VirtualClock;
  readonly #random: Random;
  readonly #machines: readonly Machine[];
  readonly #times: DetectionTimes;
  readonly #changed: (view: IdealView) => void;
  /** By machine; undefined: not known, or forgotten. */
  readonly members: (Member | undefined)[];
  /** What was last seen to be true, so that an older conclusion under way is void once it is not. */
  readonly #truths: (string | undefined)[];
  /** Grows with each change. */
  version = 0;

  constructor(
    parts: {
      readonly clock: VirtualClock;
      readonly random: Random;
      readonly machines: readonly Machine[];
      readonly times: DetectionTimes;
      readonly changed: (view: IdealView) => void;
    },
    from?: IdealView,
  ) {
    this.#clock = parts.clock;
    this.#random = parts.random;
    this.#machines = parts.machines;
    this.#times = parts.times;
    this.#changed = parts.changed;
    this.members = from === undefined ? [] : from.members.slice();
    // Conclusions under way belong to the view that drew them: they are drawn anew.
    this.#truths = [];
    this.version = from?.version ?? 0;
  }

  /** Knows at once what is there, as after joining. */
  learnAll(): void {
    for (const { index, process } of this.#machines) {
      if (process !== undefined) this.#set(index, 'alive');
    }
  }

  /** Something may be different from now on: concludes what follows, in due time. */
  observe(machine: number, truth: Truth): void {
    const incarnation = this.#machines[machine]?.process?.self.incarnation ?? 0;
    const told = truth === 'alive' ? `alive ${incarnation}` : truth;
    if (this.#truths[machine] === told) return;
    this.#truths[machine] = told;
    const known = this.members[machine];
    const { aliveMs, goneMs, suspectMs, deadMs, forgetMs } = this.#times;
    if (truth === 'alive') {
      if (known?.state === 'alive' && known.incarnation === incarnation) return;
      this.#later(machine, told, aliveMs, 'alive');
      return;
    }
    if (known === undefined) return;
    if (truth === 'ended') {
      this.#later(machine, told, goneMs, 'gone');
      this.#later(machine, told, goneMs + forgetMs, undefined);
      return;
    }
    // Cut off after it has ended: nobody can tell any more.
    if (known.state === 'gone') {
      this.#later(machine, told, forgetMs, undefined);
      return;
    }
    if (known.state !== 'dead') {
      this.#later(machine, told, suspectMs, 'suspect');
      this.#later(machine, told, deadMs, 'dead');
    }
    this.#later(machine, told, deadMs + forgetMs, undefined);
  }

  #later(machine: number, truth: string, ms: number, state: MemberState | undefined): void {
    const delay = ms * (1 + this.#random.next() / 2);
    this.#clock.after(delay, () => {
      if (this.#truths[machine] !== truth || this.observers.size === 0) return;
      // Chance may have turned two conclusions round.
      if (state === 'suspect' && this.members[machine]?.state === 'dead') return;
      this.#set(machine, state);
      this.#changed(this);
    });
  }

  #set(machine: number, state: MemberState | undefined): void {
    this.version += 1;
    const known = this.members[machine];
    if (state === undefined) {
      this.members[machine] = undefined;
      return;
    }
    const self = state === 'alive' ? this.#machines[machine]?.process?.self : known;
    if (self === undefined) return;
    const { address, incarnation } = self;
    this.members[machine] = { address, incarnation, state, since: this.#clock.monotonic() };
  }
}
