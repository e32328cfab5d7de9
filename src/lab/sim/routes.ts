import type { Weather } from './weather.ts';

/** Which hosts can reach which, and through what weather. By default all, all alike. */
export class Routes {
  readonly #hosts: number;
  #weather: Weather;
  /** Hosts of different groups cannot reach each other. */
  readonly #groups: Int32Array;
  /** Single ways that are cut, as from × hosts + to. */
  readonly #cut = new Set<number>();
  readonly #links = new Map<number, Weather>();
  readonly #isolated: Uint8Array;

  constructor(hosts: number, weather: Weather) {
    this.#hosts = hosts;
    this.#weather = weather;
    this.#groups = new Int32Array(hosts);
    this.#isolated = new Uint8Array(hosts);
  }

  /** What holds where no link has weather of its own. */
  get weather(): Weather {
    return this.#weather;
  }
  set weather(weather: Weather) {
    this.#weather = weather;
  }

  /** The weather on the way, undefined when nothing gets through. */
  way(from: number, to: number): Weather | undefined {
    if (this.#groups[from] !== this.#groups[to]) return undefined;
    if (this.#isolated[from] === 1 || this.#isolated[to] === 1) return undefined;
    if (this.#cut.size > 0 && this.#cut.has(from * this.#hosts + to)) return undefined;
    if (this.#links.size === 0) return this.#weather;
    return this.#links.get(from * this.#hosts + to) ?? this.#weather;
  }

  canTalk(a: number, b: number): boolean {
    return this.way(a, b) !== undefined && this.way(b, a) !== undefined;
  }

  /** Which hosts see the same as this one does, as far as whole groups are concerned. */
  groupOf(host: number): number {
    return this.#groups[host] ?? 0;
  }
  get hasSingleCuts(): boolean {
    return this.#cut.size > 0;
  }

  /** Splits hosts: each list is a side of its own, the others stay together. Replaces an earlier split. */
  partition(sides: readonly (readonly number[])[]): void {
    this.#groups.fill(0);
    sides.forEach((side, i) => {
      for (const host of side) this.#groups[host] = i + 1;
    });
  }
  /** Cuts single ways, in this direction only. */
  cut(from: readonly number[], to: readonly number[]): void {
    for (const a of from) for (const b of to) if (a !== b) this.#cut.add(a * this.#hosts + b);
  }
  /** A machine without a network: off, or its cable is pulled. */
  isolate(host: number, isolated: boolean): void {
    this.#isolated[host] = isolated ? 1 : 0;
  }
  /** Ends partitions and cuts. */
  heal(): void {
    this.#groups.fill(0);
    this.#cut.clear();
  }
  /** One link's own weather, in this direction; undefined: as everywhere. */
  link(from: number, to: number, weather: Weather | undefined): void {
    if (weather === undefined) this.#links.delete(from * this.#hosts + to);
    else this.#links.set(from * this.#hosts + to, weather);
  }
}
