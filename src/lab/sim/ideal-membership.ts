import type { Member, Membership } from '../../cluster/membership.ts';
import type { Peer } from '../../cluster/peer.ts';
import type { Random } from '../../core/random.ts';
import type { VirtualClock } from '../../core/virtual-clock.ts';
import type { DetectionTimes } from './ideal-view.ts';
import { IdealView } from './ideal-view.ts';
import type { Machine, Process } from './machine.ts';
import type { Routes } from './routes.ts';

export interface IdealMembershipOptions {
  readonly clock: VirtualClock;
  readonly random: Random;
  readonly machines: readonly Machine[];
  readonly routes: Routes;
  readonly times: DetectionTimes;
}

/**
 * Membership that costs no message and makes no mistake, only takes time: what real probing finds out, for simulations of
 * what is built on it, and of very many hosts. Call {@link changed} after each fault.
 */
export class IdealMembership {
  readonly #options: IdealMembershipOptions;
  readonly #views: IdealView[] = [];
  readonly #viewOf: (IdealView | undefined)[] = [];
  readonly #observers: (Observer | undefined)[] = [];

  constructor(options: IdealMembershipOptions) {
    this.#options = options;
  }

  /** A new process joins and knows at once who is there. */
  join(process: Process): Membership {
    const observer = new Observer(process, () => this.#viewOf[process.host]);
    this.#observers[process.host] = observer;
    this.#leaveView(process.host);
    const view = this.#views.find((each) => this.#isAlike(each, process.host)) ?? this.#newView();
    this.#enter(view, process.host);
    return observer;
  }

  /** Hosts, machines or ways between them have changed. */
  changed(): void {
    this.#split();
    for (const view of this.#views) this.#observe(view);
  }

  #observe(view: IdealView): void {
    const { machines, routes } = this.#options;
    const [first, second] = view.observers;
    for (const { index, on, process } of machines) {
      const from = first === index ? second : first;
      if (from === undefined) continue;
      const hears = routes.canTalk(from, index) && on;
      const lives = process !== undefined && !process.clock.paused;
      view.observe(index, hears && lives ? 'alive' : hears && process === undefined ? 'ended' : 'silent');
    }
  }

  /** Views whose observers no longer reach the same hosts become several. */
  #split(): void {
    for (const view of [...this.#views]) {
      const [first] = view.observers;
      if (first === undefined) continue;
      const strangers = [...view.observers].filter((host) => !this.#isAlike(view, host));
      const made: IdealView[] = [];
      for (const host of strangers) {
        this.#leaveView(host);
        const other = made.find((each) => this.#isAlike(each, host)) ?? this.#newView(view);
        if (!made.includes(other)) made.push(other);
        this.#enter(other, host);
      }
    }
    for (let i = this.#views.length - 1; i >= 0; i--)
      if (this.#views[i]?.observers.size === 0) this.#views.splice(i, 1);
  }

  #isAlike(view: IdealView, host: number): boolean {
    const { routes } = this.#options;
    const [first] = view.observers;
    if (first === undefined || first === host) return true;
    return !routes.hasSingleCuts && routes.canTalk(first, host) && routes.groupOf(first) === routes.groupOf(host);
  }

  #newView(from?: IdealView): IdealView {
    const { clock, random, machines, times } = this.#options;
    const view = new IdealView({ clock, random, machines, times, changed: (each) => this.#tell(each) }, from);
    if (from === undefined) view.learnAll();
    this.#views.push(view);
    return view;
  }

  #enter(view: IdealView, host: number): void {
    view.observers.add(host);
    this.#viewOf[host] = view;
  }

  #leaveView(host: number): void {
    this.#viewOf[host]?.observers.delete(host);
    this.#viewOf[host] = undefined;
  }

  /** Who no longer runs sees nothing. */
  leave(host: number): void {
    this.#leaveView(host);
    this.#observers[host] = undefined;
  }

  #tell(view: IdealView): void {
    for (const host of view.observers) this.#observers[host]?.tell();
  }
}

/** One process's membership: a view, without itself. */
class Observer implements Membership {
  readonly self: Peer;
  readonly #process: Process;
  readonly #view: () => IdealView | undefined;
  readonly #listeners = new Set<() => void>();
  #seen: IdealView | undefined;
  #version = -1;
  #peers: readonly Member[] = [];
  #all: readonly Member[] = [];
  #visibleShare = 1;

  constructor(process: Process, view: () => IdealView | undefined) {
    this.self = process.self;
    this.#process = process;
    this.#view = view;
  }

  get peers(): readonly Member[] {
    this.#refresh();
    return this.#peers;
  }
  get all(): readonly Member[] {
    this.#refresh();
    return this.#all;
  }
  get visibleShare(): number {
    this.#refresh();
    return this.#visibleShare;
  }
  heard(): void {}
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  tell(): void {
    if (this.#listeners.size === 0) return;
    this.#process.clock.run(() => {
      for (const listener of this.#listeners) listener();
    });
  }

  #refresh(): void {
    const view = this.#view();
    if (view === undefined || (view === this.#seen && view.version === this.#version)) return;
    this.#seen = view;
    this.#version = view.version;
    const all: Member[] = [];
    const peers: Member[] = [];
    let dead = 0;
    view.members.forEach((member, machine) => {
      if (member === undefined || machine === this.#process.host) return;
      all.push(member);
      if (member.state === 'alive' || member.state === 'suspect') peers.push(member);
      else if (member.state === 'dead') dead += 1;
    });
    // Mostly all are there: with 10,000 hosts one list of them each is a lot already.
    this.#all = all.length === peers.length ? peers : all;
    this.#peers = peers;
    this.#visibleShare = (peers.length + 1) / (peers.length + 1 + dead);
  }
}
