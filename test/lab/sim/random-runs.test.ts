/**
 * Thousands of short random runs: hosts, workload, weather, faults, algorithm and way of sharing are all chance, from one seed
 * each. None may admit more than its formula allows, all replicas must come to agree, and one seed must be one run.
 *
 *     SLUICE_SIM_SEED=17 npx node --test test/lab/sim/random-runs.test.ts       one run again
 *     SLUICE_SIM_RUNS=20000 SLUICE_SIM_WAY=gossip …                             more, of one way
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { checkRun } from './check-run.ts';
import { randomRun } from './random-run.ts';
import { WAYS } from './ways.ts';

const { SLUICE_SIM_SEED, SLUICE_SIM_RUNS = '2000', SLUICE_SIM_WAY } = process.env;
const RUNS = Number(SLUICE_SIM_RUNS);
const CHUNK = 250;
/** Each so-manieth run is run twice. */
const TWICE_EVERY = 10;

const ways = WAYS.filter(({ name }) => SLUICE_SIM_WAY === undefined || name === SLUICE_SIM_WAY);
const seeds = SLUICE_SIM_SEED === undefined ? Array.from({ length: RUNS }, (_, i) => i + 1) : [Number(SLUICE_SIM_SEED)];

async function problemsOf(seed: number): Promise<string[]> {
  const run = randomRun(seed, ways);
  const way = SLUICE_SIM_WAY === undefined ? '' : ` SLUICE_SIM_WAY=${SLUICE_SIM_WAY}`;
  const replay = `SLUICE_SIM_SEED=${seed}${way} npx node --test test/lab/sim/random-runs.test.ts`;
  const told = (problem: string): string => `${run.way.name}, seed ${seed}: ${problem}\n  replay: ${replay}`;
  try {
    const { problems, digest } = await checkRun(run);
    if (seed % TWICE_EVERY !== 0 && SLUICE_SIM_SEED === undefined) return problems.map(told);
    const again = await checkRun(randomRun(seed, ways));
    return digest === again.digest ? problems.map(told) : [...problems, 'a second run was another run'].map(told);
  } catch (error) {
    return [told(error instanceof Error ? (error.stack ?? error.message) : String(error))];
  }
}

describe('random runs', () => {
  for (let from = 0; from < seeds.length; from += CHUNK) {
    const chunk = seeds.slice(from, from + CHUNK);
    it(`seeds ${chunk[0]} to ${chunk.at(-1)}: within the formula, in agreement, and replayable`, async () => {
      const problems: string[] = [];
      for (const seed of chunk) problems.push(...(await problemsOf(seed)));
      assert.deepEqual(problems.slice(0, 5), [], `${problems.length} problems`);
    });
  }

  it('find out who claims more than it does', { skip: SLUICE_SIM_SEED !== undefined }, async () => {
    const [local] = WAYS.filter(({ name }) => name === 'local');
    assert.ok(local);
    const pretender = { ...local, name: 'pretender', sharing: 'mesh', quietMs: () => 1_000 } as const;
    let problems: string[] = [];
    for (let seed = 1; seed <= 100; seed++) {
      problems = problems.concat((await checkRun(randomRun(seed, [pretender]))).problems);
    }
    assert.ok(problems.some((problem) => problem.includes('over the limit')));
    assert.ok(problems.some((problem) => problem.includes('hosts see')));
  });

  it('are of every way of sharing', { skip: SLUICE_SIM_SEED !== undefined || SLUICE_SIM_WAY !== undefined }, () => {
    const seen = new Set(seeds.slice(0, 200).map((seed) => randomRun(seed, WAYS).way.name));
    assert.deepEqual([...seen].sort(), WAYS.map(({ name }) => name).sort());
  });
});
