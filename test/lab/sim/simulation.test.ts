/** The simulation itself, with ways of sharing whose behaviour is known beforehand. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { silentTelemetry } from '../../../src/core/telemetry.ts';
import type { SimulationOptions } from '../../../src/lab/sim/options.ts';
import { SharedLimit } from '../../../src/lab/sim/shared-limit.ts';
import { FAIR_WEATHER } from '../../../src/lab/sim/weather.ts';
import { LocalStrategy } from '../../../src/sharing/local.ts';
import type { Scene } from './scene.ts';
import { STEADY, scene } from './scene.ts';

const alone: SimulationOptions['strategy'] = ({ clock }) =>
  new LocalStrategy({ clock, maxKeys: 1_000, telemetry: silentTelemetry });
const central: SimulationOptions['strategy'] = ({ store }) => store;

async function ran(changes: Partial<SimulationOptions> = {}): Promise<Scene> {
  const it = scene(changes);
  await it.simulation.run();
  return it;
}

describe('a simulation', () => {
  it('is the same run for the same seed, and another for another', async () => {
    const wild = {
      weather: { latencyMs: 1, jitterMs: 2, loss: 0.1, duplicate: 0.1, reorder: 0.1, reorderMs: 50 },
      skewMs: 20,
      driftPpm: 100,
      faults: [{ atMs: 1_000, kind: 'crash', hosts: [1], forMs: 1_000 }],
    } as const;
    const [one, again, other] = [await ran(wild), await ran(wild), await ran({ ...wild, seed: 2 })];
    assert.equal(one.simulation.digest, again.simulation.digest);
    assert.deepEqual(one.decisions, again.decisions);
    assert.notEqual(one.simulation.digest, other.simulation.digest);
  });

  it('offers what the workload says', async () => {
    const { accuracy } = await ran({ strategy: alone });
    const { offered } = accuracy.sums();
    assert.ok(Math.abs(offered - 1_200) < 150, `${offered} offered`);
  });

  it('shows that hosts which share nothing admit up to a limit each', async () => {
    const { accuracy } = await ran({ strategy: alone });
    const full = accuracy.windows().filter(({ offered }) => offered > 300);
    assert.ok(full.length > 0);
    for (const { admitted, oracle, excess } of full) {
      assert.ok(admitted > 300 && admitted <= 400, `${admitted} admitted`);
      assert.deepEqual([oracle, excess], [100, admitted - 100]);
    }
  });

  it('shows that hosts which tell each other admit little more than the limit', async () => {
    const { accuracy, simulation } = await ran();
    const { excess, admitted } = accuracy.sums();
    // An interval's worth of arrivals, more or less.
    assert.ok(excess > 0 && excess <= 40, `${excess} too many`);
    assert.ok(admitted > 250);
    const { sent, received } = simulation.traffic.totals('mesh');
    assert.ok(sent > 12 * 60 && received === sent, `${sent} sent, ${received} received`);
  });

  it('runs the central store as exact as can be, at the price of a round trip', async () => {
    const weather = { ...FAIR_WEATHER, latencyMs: 2 };
    const { accuracy, decisions } = await ran({ strategy: central, store: { weather, timeoutMs: 50 } });
    const { excess, shortfall, offered } = accuracy.sums();
    assert.deepEqual([excess, shortfall], [0, 0]);
    assert.ok(offered > 1_000);
    for (const { askedAt, answeredAt, allowed } of decisions) {
      // A refusal that is known to be met again needs no trip.
      const known = !allowed && answeredAt === askedAt;
      assert.ok(known || (answeredAt - askedAt >= 4 && answeredAt - askedAt < 7));
    }
    assert.ok(decisions.some(({ askedAt, answeredAt }) => askedAt === answeredAt));
  });

  it('lets the failure policy decide while the store is out', async () => {
    const limit = new SharedLimit({ algorithm: 'fixed-window', limit: 100, windowMs: 2_000 }, 'local');
    const faults = [{ atMs: 2_000, kind: 'store-outage', forMs: 2_500 }] as const;
    const { decisions, accuracy } = await ran({ strategy: central, limit, faults });
    const fallback = decisions.filter(({ ground }) => ground === 'fallback');
    assert.ok(fallback.length > 400, `${fallback.length} decided alone`);
    for (const { askedAt } of fallback) assert.ok(askedAt > 2_900 && askedAt < 6_100);
    // Each host's quarter on top of what the store had given out.
    assert.ok(accuracy.sums().excess <= 100);
    assert.ok(decisions.some(({ ground, askedAt }) => ground === 'shared' && askedAt > 6_100));
  });
});

describe('faults', () => {
  it('a crash forgets, a restart is a new life, and nothing is served in between', async () => {
    const faults = [{ atMs: 1_000, kind: 'crash', hosts: [2], forMs: 1_500 }] as const;
    const { simulation, decisions } = await ran({ faults });
    const there = decisions.filter(({ host }) => host === 2).map(({ at }) => at - 1_000);
    assert.ok(there.some((at) => at < 1_000) && there.some((at) => at > 2_510));
    assert.deepEqual(
      there.filter((at) => at > 1_000 && at < 2_500),
      [],
    );
    assert.ok(simulation.unserved > 30, `${simulation.unserved} not served`);
  });

  it('a pause holds timers, messages and requests, and lets them go at its end', async () => {
    const faults = [{ atMs: 1_000, kind: 'pause', hosts: [0], forMs: 2_000 }] as const;
    const { decisions, simulation } = await ran({ faults });
    const there = decisions.filter(({ host }) => host === 0).map(({ at }) => at - 1_000);
    assert.deepEqual(
      there.filter((at) => at > 1_000 && at < 3_000),
      [],
    );
    assert.ok(there.filter((at) => at === 3_000).length > 50);
    assert.equal(simulation.unserved, 0);
  });

  it('a partition makes sides that count by themselves, and ends', async () => {
    const whole = (await ran()).accuracy.sums().excess;
    const faults = [{ atMs: 0, kind: 'partition', sides: [[0, 1]], forMs: 4_000 }] as const;
    const { accuracy } = await ran({ faults });
    const cut = accuracy.windows().filter(({ fromMs, untilMs }) => fromMs > 1_000 && untilMs < 5_000);
    assert.ok(cut.length > 0);
    for (const { excess } of cut) assert.ok(excess > 60 && excess <= 140, `${excess} too many`);
    const after = accuracy.windows().filter(({ fromMs }) => fromMs > 5_000);
    for (const { excess } of after) assert.ok(excess <= 40, `${excess} too many after it, ${whole} without`);
  });

  it('a one-way cut silences one direction only', async () => {
    const faults = [{ atMs: 0, kind: 'one-way', from: [0], to: [1], forMs: 60_000 }] as const;
    const { simulation } = await ran({ faults, hosts: 2 });
    const { received } = simulation.traffic.of('mesh');
    assert.ok((received[0] ?? 0) > 40);
    assert.ok((received[1] ?? 0) < 15, `${received[1]} came through`);
  });

  it('a leader that crashes is replaced under a higher term', async () => {
    const terms: string[] = [];
    const faults = [{ atMs: 1_000, kind: 'leader-crash', slot: 0, forMs: 500 }] as const;
    const it = scene({
      faults,
      durationMs: 12_000,
      workloads: [],
      strategy: (parts) => {
        parts.leadership.onChange(() => {
          const term = parts.leadership.leading(0);
          if (term !== undefined) terms.push(`${parts.self.address} ${term}`);
        });
        return alone(parts);
      },
    });
    await it.simulation.runUntil(1_900);
    const [first] = terms;
    assert.equal(terms.length, 1);
    await it.simulation.run();
    assert.equal(terms.length, 2);
    const term = (line = ''): number => Number(line.split(' ')[1]);
    assert.ok(term(terms[1]) > term(first));
    assert.notEqual(terms[1]?.split(' ')[0], first?.split(' ')[0]);
  });

  it('no two hosts ever lead one slot, whatever happens to them and to the service', async () => {
    for (let seed = 0; seed < 20; seed++) {
      const leaderships: { leading(slot: number): number | undefined }[] = [];
      const it = scene({
        seed,
        driftPpm: 200,
        workloads: [],
        faults: [
          { atMs: 2_000, kind: 'pause', hosts: [0, 1], forMs: 7_000 },
          { atMs: 4_000, kind: 'partition', sides: [[2]], forMs: 8_000 },
          { atMs: 14_000, kind: 'coordination-outage', forMs: 8_000 },
        ],
        coordination: { slots: 3, ttlMs: 5_000, latencyMs: 2 },
        strategy: (parts) => {
          leaderships.push(parts.leadership);
          return alone(parts);
        },
      });
      let led = 0;
      for (let at = 0; at < 30_000; at += 50) {
        await it.simulation.runUntil(at);
        for (let slot = 0; slot < 3; slot++) {
          const leaders = leaderships.filter((each) => each.leading(slot) !== undefined).length;
          assert.ok(leaders <= 1, `${leaders} lead slot ${slot} at ${at}, seed ${seed}`);
          led += leaders;
        }
      }
      assert.ok(led > 500, `led ${led} of 1,800 times`);
    }
  });
});

describe('the ideal membership', () => {
  it('tells a crash from silence, and finds again who comes back', async () => {
    let seen: () => string = () => '';
    const it = scene({
      workloads: [],
      durationMs: 30_000,
      faults: [
        { atMs: 1_000, kind: 'crash', hosts: [1], forMs: 10_000 },
        { atMs: 1_000, kind: 'pause', hosts: [2], forMs: 10_000 },
      ],
      strategy: (parts) => {
        const { membership, self } = parts;
        if (self.address.startsWith('10.0.0.0')) {
          seen = () => `${membership.all.map(({ state }) => state).join(' ')} ${membership.visibleShare.toFixed(2)}`;
        }
        return alone(parts);
      },
    });
    const at = async (ms: number): Promise<string> => {
      await it.simulation.runUntil(ms);
      return seen();
    };
    assert.equal(await at(1_900), 'alive alive alive 1.00');
    assert.equal(await at(4_500), 'gone suspect alive 1.00');
    assert.equal(await at(10_500), 'gone dead alive 0.67');
    assert.equal(await at(12_900), 'alive alive alive 1.00');
  });

  it('a partition lets each side see its part of the hosts', async () => {
    const shares: (() => number)[] = [];
    const it = scene({
      workloads: [STEADY],
      durationMs: 30_000,
      faults: [{ atMs: 0, kind: 'partition', sides: [[0]], forMs: 15_000 }],
      strategy: (parts) => {
        shares.push(() => parts.membership.visibleShare);
        return alone(parts);
      },
    });
    await it.simulation.runUntil(12_000);
    assert.deepEqual(
      shares.map((share) => share()),
      [0.25, 0.75, 0.75, 0.75],
    );
    await it.simulation.runUntil(20_000);
    assert.deepEqual(
      shares.map((share) => share()),
      [1, 1, 1, 1],
    );
  });
});
