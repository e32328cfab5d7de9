/** Hosts that decide on replicas and tell each other everything when told to: what they know is always clear. */
import { seededRandom } from '../../src/core/random.ts';
import { VirtualClock } from '../../src/core/virtual-clock.ts';
import { Replica } from '../../src/sharing/replica.ts';
import { ReplicaNews } from '../../src/sharing/replica-news.ts';
import { ReplicatedCounts } from '../../src/sharing/replicated-counts.ts';
import type { Check } from '../../src/sharing/strategy.ts';

export const HORIZON = 200;
/** The start of a minute, and of a round of lots. */
export const MINUTE = 1_700_000_040_000;

export class Host {
  readonly replica: Replica;
  readonly counts: ReplicatedCounts;
  admitted = 0;
  refused = 0;

  constructor(clock: VirtualClock, rank: number, hosts: number) {
    this.replica = new Replica({
      self: { address: `h${rank}:1`, incarnation: 1 },
      maxCounters: 1_000,
      learns: 'only',
      onEvict: () => {},
      onNews: () => {},
    });
    this.counts = new ReplicatedCounts({
      clock,
      replica: this.replica,
      visible: () => this.visible,
      place: () => ({ rank, hosts }),
    });
    this.counts.times = { horizonMs: HORIZON, unseenMs: HORIZON };
  }

  visible = { addresses: new Set<string>(), totals: true };

  ask(check: Check): boolean {
    const { allowed } = this.counts.check([check]);
    if (allowed) this.admitted += check.cost;
    else this.refused += check.cost;
    return allowed;
  }
}

export class World {
  readonly clock = new VirtualClock(MINUTE);
  readonly hosts: readonly Host[];

  constructor(hosts: number) {
    this.hosts = Array.from({ length: hosts }, (_, i) => new Host(this.clock, i, hosts));
  }

  get admitted(): number {
    return this.hosts.reduce((sum, host) => sum + host.admitted, 0);
  }

  /** All tell all, at once. */
  tell(): void {
    const now = this.clock.now();
    for (const from of this.hosts) {
      const news = new ReplicaNews(from.replica, now, this.clock.monotonic());
      for (const slot of from.replica.changes.lately(2)) news.addOwn(slot);
      from.replica.changes.nextRound();
      if (news.empty) continue;
      for (const to of this.hosts) if (to !== from) to.replica.merge(news.message(), now, this.clock.monotonic());
    }
  }

  /** `perSecond` units a second for each host, at random moments, for `ms` milliseconds; all tell all every 100 ms. */
  run(check: Check, ms: number, perSecond: (host: number) => number, seed = 1): void {
    const random = seededRandom(seed);
    for (let t = 0; t < ms; t++) {
      this.hosts.forEach((host, i) => {
        const expected = perSecond(i) / 1_000;
        for (let n = Math.floor(expected + random.next()); n > 0; n--) host.ask(check);
      });
      this.clock.advance(1);
      if (t % 100 === 99) this.tell();
    }
  }
}
