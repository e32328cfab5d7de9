/** Many hosts: for how long they are simulated, and that threads make no difference. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { findScenario } from '../../src/commands/lab-scenario.ts';
import { jobsOf, runExperiment } from '../../src/lab/experiment.ts';
import type { Scenario } from '../../src/lab/scenario.ts';
import { durationOn, eventsEndMs } from '../../src/lab/scenario.ts';

function scenario(name: string): Scenario {
  const found = findScenario(name);
  assert.ok('policy' in found, name);
  return found;
}

describe('how long a scenario is run', () => {
  const steady = scenario('steady-double');

  it('is what it says on up to 100 hosts, then less, but some windows', () => {
    const seconds = [2, 100, 500, 1_000, 10_000].map((hosts) => durationOn(steady, hosts) / 1_000);
    assert.deepEqual(seconds, [20, 20, 4, 2, 0.5]);
    const minutes = { ...steady, policy: { ...steady.policy, windowMs: 60_000 } };
    assert.equal(durationOn({ ...minutes, durationMs: 600_000 }, 1_000), 120_000);
    assert.equal(durationOn(minutes, 1_000), 20_000);
  });

  it('is what it says wherever something happens in it', () => {
    for (const name of ['partition', 'step', 'leader-loss']) {
      const found = scenario(name);
      assert.equal(durationOn(found, 10_000), found.durationMs, name);
      assert.ok(eventsEndMs(found) > 0 && eventsEndMs(found) < found.durationMs, name);
    }
  });

  it('can be said, for any number of hosts', () => {
    const experiment = { scenario: steady, ways: ['gossip' as const], hosts: [4, 1_000], seed: 1, runs: 1 };
    assert.deepEqual(
      jobsOf(experiment).map((job) => job.scenario.durationMs),
      [20_000, 2_000],
    );
    assert.deepEqual(
      jobsOf({ ...experiment, durationMs: 700 }).map((job) => job.scenario.durationMs),
      [700, 700],
    );
  });
});

describe('an experiment', () => {
  it('gives the same on one thread and on several', { timeout: 120_000 }, async () => {
    const experiment = {
      scenario: scenario('steady-double'),
      ways: ['redis', 'mesh', 'gossip', 'leader', 'random-leaders'] as const,
      hosts: [3, 40],
      seed: 11,
      runs: 2,
      durationMs: 1_000,
    };
    const [one, three] = [
      await runExperiment(experiment, { threads: 1 }),
      await runExperiment(experiment, { threads: 3 }),
    ];
    assert.deepEqual(one, three);
    const digests = one.flatMap(({ runs }) => runs.map(({ measures }) => measures.digest));
    assert.equal(new Set(digests).size, 20);
  });
});
