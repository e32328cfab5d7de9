import type { Weather } from './weather.ts';

/** What goes wrong, when, and for how long (milliseconds). Hosts by number. */
export type Fault = {
  readonly atMs: number;
} /** The processes end at once, unable to say so; started again after `forMs`, when given. */ & (
  | { readonly kind: 'crash'; readonly hosts: readonly number[]; readonly forMs?: number }
  /** The machines are off, and nobody answers for them. */
  | { readonly kind: 'machines-off'; readonly hosts: readonly number[]; readonly forMs: number }
  /** The processes stand still; their clocks do not. */
  | { readonly kind: 'pause'; readonly hosts: readonly number[]; readonly forMs: number }
  /** Whoever holds the leader's slot crashes. Restarted after `forMs`. */
  | { readonly kind: 'leader-crash'; readonly slot: number; readonly forMs: number }
  /** Each list is cut off from all others; store and coordination service stay with those that are in no list. */
  | { readonly kind: 'partition'; readonly sides: readonly (readonly number[])[]; readonly forMs: number }
  /** Nothing gets from the first to the second, while the other way is open. */
  | {
      readonly kind: 'one-way';
      readonly from: readonly number[];
      readonly to: readonly number[];
      readonly forMs: number;
    }
  | { readonly kind: 'weather'; readonly weather: Weather; readonly forMs: number }
  | { readonly kind: 'store-outage'; readonly forMs: number }
  | { readonly kind: 'coordination-outage'; readonly forMs: number }
  /** Wall clocks step by so much. */
  | { readonly kind: 'clock-step'; readonly hosts: readonly number[]; readonly byMs: number }
);

/** What a fault schedule moves. */
export interface Faultable {
  after(ms: number, fn: () => void): void;
  crash(hosts: readonly number[]): void;
  start(hosts: readonly number[]): void;
  machines(hosts: readonly number[], on: boolean): void;
  pause(hosts: readonly number[], paused: boolean): void;
  leaderOf(slot: number): number | undefined;
  partition(sides: readonly (readonly number[])[]): void;
  cut(from: readonly number[], to: readonly number[]): void;
  heal(): void;
  weather(weather: Weather | undefined): void;
  storeOut(out: boolean): void;
  coordinationOut(out: boolean): void;
  stepClocks(hosts: readonly number[], byMs: number): void;
}

/** Sets up all faults of a schedule. Faults of one kind must not overlap on one host, nor partitions and one-way cuts anywhere. */
export function schedule(faults: readonly Fault[], world: Faultable): void {
  for (const fault of faults) {
    world.after(fault.atMs, () => {
      const undo = begin(fault, world);
      if ('forMs' in fault && fault.forMs !== undefined) world.after(fault.forMs, undo);
    });
  }
}

/** Lets a fault happen; returns how it ends. */
function begin(fault: Fault, world: Faultable): () => void {
  switch (fault.kind) {
    case 'crash':
      world.crash(fault.hosts);
      return () => world.start(fault.hosts);
    case 'machines-off':
      world.machines(fault.hosts, false);
      return () => {
        world.machines(fault.hosts, true);
        world.start(fault.hosts);
      };
    case 'pause':
      world.pause(fault.hosts, true);
      return () => world.pause(fault.hosts, false);
    case 'leader-crash': {
      const host = world.leaderOf(fault.slot);
      if (host === undefined) return () => {};
      world.crash([host]);
      return () => world.start([host]);
    }
    case 'partition':
      world.partition(fault.sides);
      return () => world.heal();
    case 'one-way':
      world.cut(fault.from, fault.to);
      return () => world.heal();
    case 'weather':
      world.weather(fault.weather);
      return () => world.weather(undefined);
    case 'store-outage':
      world.storeOut(true);
      return () => world.storeOut(false);
    case 'coordination-outage':
      world.coordinationOut(true);
      return () => world.coordinationOut(false);
    case 'clock-step':
      world.stepClocks(fault.hosts, fault.byMs);
      return () => {};
  }
}
