/** Faults of a scenario, done to real processes. */
import type { Clock, Timer } from '../../core/clock.ts';
import type { Scenario } from '../scenario.ts';
import { faultsOn } from '../scenario.ts';
import type { Fault } from '../sim/faults.ts';
import type { Fleet } from './fleet.ts';

export interface FaultsUnderWay {
  /** Waits for what is under way, and undoes what has not ended yet. */
  end(): Promise<void>;
}

/** From now on, at the times of the scenario. */
export function letThingsHappen(clock: Clock, scenario: Scenario, fleet: Fleet): FaultsUnderWay {
  const timers = new Set<Timer>();
  const working = new Set<Promise<void>>();
  const open = new Set<() => Promise<void>>();
  const work = (task: () => Promise<void>): void => {
    const done: Promise<void> = task()
      // A host that does not come back shows when the fleet is waited for.
      .catch(() => {})
      .finally(() => working.delete(done));
    working.add(done);
  };
  for (const fault of faultsOn(scenario, fleet.hosts.length)) {
    const begin = clock.after(fault.atMs, () =>
      work(async () => {
        const undo = await happen(fault, fleet);
        open.add(undo);
        const forMs = 'forMs' in fault ? (fault.forMs ?? 0) : 0;
        timers.add(clock.after(forMs, () => work(async () => void (open.delete(undo) && (await undo())))));
      }),
    );
    timers.add(begin);
  }
  return {
    end: async () => {
      for (const timer of timers) timer.cancel();
      await Promise.all(working);
      for (const timer of timers) timer.cancel();
      await Promise.all([...open].map((undo) => undo()));
      open.clear();
    },
  };
}

/** Lets a fault happen; returns how it ends. */
async function happen(fault: Fault, fleet: Fleet): Promise<() => Promise<void>> {
  switch (fault.kind) {
    case 'crash':
      await Promise.all(fault.hosts.map((host) => fleet.kill(host)));
      return async () => void (await Promise.all(fault.hosts.map((host) => fleet.restart(host))));
    case 'leader-crash': {
      const host = await fleet.leaderOf(fault.slot);
      if (host === undefined) return async () => {};
      await fleet.kill(host);
      return () => fleet.restart(host);
    }
    case 'pause': {
      const stand = (still: boolean): void => {
        for (const host of fault.hosts) fleet.hosts[host]?.running.stand(still);
      };
      stand(true);
      return async () => stand(false);
    }
    // It stands still: connections stay open and nothing answers, as when a network loses all its packets.
    case 'store-outage':
      fleet.redis?.running.stand(true);
      return async () => fleet.redis?.running.stand(false);
    case 'coordination-outage':
      fleet.etcd?.running.stand(true);
      return async () => fleet.etcd?.running.stand(false);
    default:
      throw new Error(`${fault.kind} cannot be done to real gateways`);
  }
}
